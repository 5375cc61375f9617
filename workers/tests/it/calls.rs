//! Workflows that call workflows.

use std::time::Duration;

use domain::{
    ids::{RunId, WorkflowId},
    iteration::Iteration,
    run::{RunStatus, RunWithSteps, StepStatus},
};
use minireipaz::store::memory::Call;
use serde_json::{Value, json};

use crate::app::{Answer, App, Task, call_workflow, pure_workflow, step, within};

const CHILD: WorkflowId = WorkflowId(uuid::Uuid::from_u128(77));

/// A workflow of one node that calls the other one, and a node behind it.
fn calling(params: Value, data: Value) -> Value {
    let mut call = json!({"workflow_id": CHILD});
    call.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
    let mut data = data;
    data["params"] = call;
    json!({
        "name": "Parent",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "call", "type": "call_workflow", "data": data},
            {"id": "last", "type": "noop"},
        ],
        "edges": [{"source": "start", "target": "call"}, {"source": "call", "target": "last"}],
    })
}

/// The run that was called for the item at that place.
fn called(parent: RunId, place: usize) -> RunId {
    parent.of_call(1, 1, &Iteration::outside(), place)
}

fn items(count: usize) -> Value {
    (0..count).map(|n| json!({ "n": n })).collect()
}

/// A workflow of one call.
fn calls(app: &App, path: &str) -> Value {
    call_workflow(&[("http", app.endpoint.url(path), json!({}))])
}

fn main_of(found: &RunWithSteps, node: &str) -> Value {
    json!(step(found, node).output)["main"].clone()
}

#[tokio::test]
async fn a_workflow_is_called_once_with_all_items_and_gives_what_its_last_node_gave() {
    let app = App::start().await;
    app.save(CHILD, &pure_workflow()).await;
    let task = Task::new(&calling(json!({}), json!({}))).input(items(2));
    let found = app.succeeded(app.submit(&task).await).await;
    assert_eq!(main_of(&found, "call"), json!([{"n": 0, "copy": 0}, {"n": 1, "copy": 1}]));
    let child = app.succeeded(called(task.run, 0)).await.run;
    assert_eq!((child.workflow_id, child.input), (CHILD, items(2)));
    let parent = child.trigger.parent.unwrap();
    assert_eq!((child.trigger.kind.as_str(), parent.run_id, parent.item), ("workflow", task.run, None));
    assert_eq!((parent.node_id.unwrap().as_str(), parent.depth), ("call", 1));
}

#[tokio::test]
async fn of_five_items_two_are_under_way_at_a_time_and_what_they_give_leaves_in_their_order() {
    let app = App::start().await;
    app.endpoint.on("/child", &[Answer::Held]);
    app.save(CHILD, &calls(&app, "/child")).await;
    let task = Task::new(&calling(json!({"mode": "each", "concurrency": 2}), json!({}))).input(items(5));
    app.submit(&task).await;
    app.endpoint.called("/child", 2).await;
    let waiting = app.until("the wait", task.run, |found| found.run.status == RunStatus::Waiting).await;
    let runs = step(&waiting, "call").waits_for.as_ref().unwrap().runs.clone();
    assert_eq!(runs, [called(task.run, 0), called(task.run, 1)]);
    assert!(app.find(called(task.run, 2)).await.is_none());
    app.endpoint.release();
    let found = app.succeeded(task.run).await;
    assert_eq!(main_of(&found, "call").as_array().unwrap().len(), 5);
    assert_eq!(json!(step(&found, "call").lineage), json!({}), "each came from its item");
    for place in 0..5 {
        let child = app.succeeded(called(task.run, place)).await.run;
        assert_eq!(
            (child.input, child.trigger.parent.unwrap().item),
            (json!({"n": place}), Some(place as u32))
        );
    }
    assert_eq!(app.endpoint.count("/child"), 5);
}

#[tokio::test]
async fn without_a_wait_the_ids_of_the_runs_go_on_at_once_and_the_runs_outlive_their_caller() {
    let app = App::start().await;
    app.endpoint.on("/child", &[Answer::Held]);
    app.save(CHILD, &calls(&app, "/child")).await;
    let task = Task::new(&calling(json!({"mode": "each", "wait": false}), json!({}))).input(items(2));
    let found = app.succeeded(app.submit(&task).await).await;
    let ids: Vec<_> = (0..2).map(|place| called(task.run, place)).collect();
    assert_eq!(main_of(&found, "call"), json!([{"run_id": ids[0]}, {"run_id": ids[1]}]));
    app.endpoint.release();
    for run in ids {
        app.succeeded(run).await;
    }
}

#[tokio::test]
async fn a_called_run_that_fails_fails_its_item_as_on_error_says() {
    let app = App::start().await;
    let fails = json!({
        "name": "Child",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "odd", "type": "if", "data": {"params": {"where": {"left": "{{ $json.n }}", "op": "eq", "right": 1}}}},
            {"id": "fail", "type": "fail", "data": {"params": {"message": "odd: {{ $json.n }}"}}},
            {"id": "fine", "type": "noop"},
        ],
        "edges": [
            {"source": "start", "target": "odd"},
            {"source": "odd", "sourceHandle": "true", "target": "fail"},
            {"source": "odd", "sourceHandle": "false", "target": "fine"},
        ],
    });
    app.save(CHILD, &fails).await;
    let run = async |on_error: &str| {
        let data = json!({"on_error": on_error});
        let task = Task::new(&calling(json!({"mode": "each"}), data)).input(items(3));
        app.ended(app.submit(&task).await).await
    };
    let found = run("fail").await;
    assert_eq!(found.run.status, RunStatus::Failed);
    let error = found.run.error.clone().unwrap();
    assert_eq!(error.code, "workflow_failed");
    assert!(error.message.contains("odd: 1"), "{}", error.message);
    let details = error.details.unwrap();
    assert_eq!((&details["error"]["code"], &details["item"]), (&json!("failed"), &json!(1)));
    assert_eq!(details["run_id"], json!(called(found.run.id, 1)));

    let found = run("continue").await;
    assert_eq!(found.run.status, RunStatus::Succeeded);
    let main = main_of(&found, "call");
    assert_eq!((&main[0], &main[2]), (&json!({"n": 0}), &json!({"n": 2})));
    assert_eq!(main[1]["error"]["code"], "workflow_failed");

    let found = run("error_port").await;
    let output = json!(step(&found, "call").output);
    assert_eq!(output["main"], json!([{"n": 0}, {"n": 2}]));
    assert_eq!(output["error"][0]["n"], 1);
}

#[tokio::test]
async fn the_end_of_a_run_reaches_the_runs_that_it_waits_for() {
    let app = App::start().await;
    app.endpoint.on("/child", &[Answer::Never]);
    app.save(CHILD, &calls(&app, "/child")).await;
    let mut document = calling(json!({"mode": "each"}), json!({}));
    document["settings"] = json!({"timeout": "1h"});
    let task = Task::new(&document).input(items(2));
    app.submit(&task).await;
    app.endpoint.called("/child", 2).await;
    app.until("the wait", task.run, |found| found.run.status == RunStatus::Waiting).await;
    app.clock.advance(Duration::from_secs(2 * 3_600));
    app.wake();
    assert_eq!(app.ended(task.run).await.run.status, RunStatus::TimedOut);
    for place in 0..2 {
        let child = app.ended(called(task.run, place)).await;
        assert_eq!(child.run.status, RunStatus::Cancelled);
        assert_eq!(step(&child, "http").status, StepStatus::Cancelled);
    }
}

#[tokio::test]
async fn workflows_that_call_themselves_end_at_a_depth_that_the_error_names() {
    let app = App::start().await;
    let document = calling(json!({}), json!({}));
    app.save(CHILD, &document).await;
    let task = Task::new(&document);
    let found = app.ended(app.submit(&task).await).await;
    assert_eq!(
        (found.run.status, found.run.error.unwrap().code.as_str()),
        (RunStatus::Failed, "workflow_failed")
    );
    let mut deepest = task.run;
    for _ in 0..16 {
        deepest = called(deepest, 0);
    }
    let error = app.ended(deepest).await.run.error.unwrap();
    assert!(error.code == "limit" && error.message.contains("MAX_CALL_DEPTH"), "{error:?}");
    assert!(app.find(called(deepest, 0)).await.is_none());
    assert_eq!(app.store.ended(), 17);
}

#[tokio::test]
async fn a_workflow_that_is_not_there_or_cannot_be_begun_is_an_error_that_says_what_to_do() {
    let app = App::start().await;
    let run = async || {
        let task = Task::new(&calling(json!({}), json!({})));
        app.ended(app.submit(&task).await).await.run.error.unwrap()
    };
    let error = run().await;
    assert!(error.code == "workflow_not_found" && error.message.contains(&CHILD.to_string()), "{error:?}");
    let mut disabled = pure_workflow();
    disabled["nodes"][0]["data"] = json!({"disabled": true});
    app.save(CHILD, &disabled).await;
    let error = run().await;
    assert!(matches!(error.code.as_str(), "no_trigger" | "invalid_workflow"), "{error:?}");
}

#[tokio::test]
async fn which_workflow_is_called_may_depend_on_the_item() {
    let app = App::start().await;
    app.save(CHILD, &pure_workflow()).await;
    let params = json!({"mode": "each", "workflow_id": "{{ $json.id.toLowerCase() }}"});
    let input = json!([{"id": CHILD.to_string().to_uppercase(), "n": 1}, {"id": "nonsense"}]);
    let task = Task::new(&calling(params, json!({"on_error": "continue"}))).input(input);
    let found = app.ended(app.submit(&task).await).await;
    let main = main_of(&found, "call");
    assert_eq!(main[0]["copy"], 1, "{main}");
    assert_eq!(main[1]["error"]["code"], "invalid_params", "{main}");
}

#[tokio::test]
async fn a_crash_while_the_called_runs_are_under_way_loses_none_and_starts_none_twice() {
    let mut app = App::start().await;
    app.endpoint.on("/child", &[Answer::Never, Answer::Never, Answer::Status(200)]);
    app.save(CHILD, &calls(&app, "/child")).await;
    let task = Task::new(&calling(json!({"mode": "each", "concurrency": 2}), json!({}))).input(items(5));
    app.submit(&task).await;
    app.endpoint.called("/child", 2).await;
    app.crash_and_start_again().await;
    let found = app.succeeded(task.run).await;
    assert_eq!(main_of(&found, "call").as_array().unwrap().len(), 5);
    for place in 0..5 {
        let child = called(task.run, place);
        app.succeeded(child).await;
        assert_eq!(app.store.ends(child), 1);
    }
    let mut keys = app.endpoint.keys("/child");
    assert_eq!(keys.len(), 7, "two were cut off");
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 5);
}

#[tokio::test]
async fn while_the_store_is_away_the_step_is_tried_again() {
    let app = App::start().await;
    app.save(CHILD, &pure_workflow()).await;
    app.store.set_down(true);
    let task = Task::new(&calling(json!({}), json!({}))).input(items(1));
    app.submit(&task).await;
    within("a question", async {
        while app.store.calls(Call::NEWEST) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    app.store.set_down(false);
    let found = app.succeeded(task.run).await;
    assert!(step(&found, "call").attempts > 1);
    app.succeeded(called(task.run, 0)).await;
}
