//! What is started when a run has failed.

use std::time::Duration;

use domain::{ids::WorkflowId, run::RunStatus};
use minireipaz::store::memory::Call;
use serde_json::{Value, json};

use crate::app::{Answer, App, Task, call_workflow, pure_workflow, within};

const ALARM: WorkflowId = WorkflowId(uuid::Uuid::from_u128(88));

/// A workflow that fails, and whose error workflow is that one.
fn failing() -> Value {
    json!({
        "name": "Orders",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "boom", "type": "fail", "data": {"params": {"message": "no"}}},
        ],
        "edges": [{"source": "start", "target": "boom"}],
        "settings": {"error_workflow": ALARM},
    })
}

#[tokio::test]
async fn a_failure_starts_the_error_workflow_once_with_what_is_known_of_it() {
    let mut app = App::start().await;
    app.save(ALARM, &call_workflow(&[("call", app.endpoint.url("/alarm"), json!({}))])).await;
    let task = Task::new(&failing());
    app.submit(&task).await;
    let failed = app.ended(task.run).await.run;
    let alarm = app.succeeded(task.run.of_failure(1)).await.run;
    assert_eq!((alarm.workflow_id, alarm.trigger.kind.as_str()), (ALARM, "error"));
    let input = &alarm.input;
    assert_eq!((&input["run"]["id"], &input["run"]["status"]), (&json!(task.run), &json!("failed")));
    assert_eq!(
        (&input["run"]["error"]["code"], &input["run"]["error"]["node_id"]),
        (&json!("failed"), &json!("boom"))
    );
    assert_eq!(input["workflow"], json!({"id": failed.workflow_id, "name": "Orders"}));
    assert_eq!(input["trigger"], json!({"kind": "manual"}));
    app.crash_and_start_again().await;
    assert_eq!(app.post(task.json()).await.receipt(), (0, 1, 0));
    let last = Task::new(&pure_workflow());
    app.succeeded(app.submit(&last).await).await;
    assert_eq!((app.endpoint.count("/alarm"), app.store.ended()), (1, 3));
}

#[tokio::test]
async fn a_run_that_is_out_of_time_starts_it_and_one_that_succeeds_does_not() {
    let app = App::start().await;
    app.save(ALARM, &pure_workflow()).await;
    app.endpoint.on("/never", &[Answer::Never]);
    let with = |mut document: Value| {
        document["settings"] = json!({"timeout": "1h", "error_workflow": ALARM});
        Task::new(&document)
    };
    let fine = with(pure_workflow());
    app.succeeded(app.submit(&fine).await).await;
    let late = with(call_workflow(&[("call", app.endpoint.url("/never"), json!({}))]));
    app.submit(&late).await;
    app.endpoint.called("/never", 1).await;
    app.clock.advance(Duration::from_secs(2 * 3_600));
    app.wake();
    assert_eq!(app.ended(late.run).await.run.status, RunStatus::TimedOut);
    let alarm = app.succeeded(late.run.of_failure(1)).await.run;
    assert_eq!(alarm.input["run"]["error"]["code"], "run_timeout");
    assert!(app.find(fine.run.of_failure(1)).await.is_none());
}

#[tokio::test]
async fn a_run_that_is_refused_before_it_begins_starts_it_too() {
    let app = App::start().await;
    app.save(ALARM, &pure_workflow()).await;
    let mut invalid = failing();
    invalid["nodes"][1]["type"] = json!("of_a_later_version");
    let invalid = Task::new(&invalid);
    let mut deep = Task::new(&failing());
    deep.input_text(format!("{}{}", "[".repeat(500), "]".repeat(500)));
    let later = Task::new(&failing());
    let record = later.json().replace("task.execute.v1", "task.execute.v9");
    assert!(record.contains("v9"), "{record}");
    for (run, record, code) in [
        (invalid.run, invalid.json(), "invalid_workflow"),
        (deep.run, deep.json(), "invalid_input"),
        (later.run, record, "unreadable_event"),
    ] {
        for _ in 0..2 {
            app.post(record.clone()).await;
        }
        let failed = app.ended(run).await.run;
        assert_eq!(failed.error.unwrap().code, code);
        let alarm = app.succeeded(run.of_failure(1)).await.run;
        assert_eq!(
            (&alarm.input["run"]["error"]["code"], &alarm.input["workflow"]["name"]),
            (&json!(code), &json!("Orders"))
        );
    }
    assert_eq!(app.store.ended(), 6);
}

#[tokio::test]
async fn an_error_workflow_that_fails_starts_nothing_in_turn_nor_does_what_it_calls() {
    let app = App::start().await;
    app.save(ALARM, &failing()).await;
    let task = Task::new(&failing());
    app.submit(&task).await;
    let alarm = app.ended(task.run.of_failure(1)).await.run;
    assert_eq!(alarm.status, RunStatus::Failed);
    let last = Task::new(&pure_workflow());
    app.succeeded(app.submit(&last).await).await;
    assert_eq!(app.store.ended(), 3);
}

#[tokio::test]
async fn an_error_workflow_that_is_not_there_is_counted_and_forgotten() {
    let app = App::start().await;
    let task = Task::new(&failing());
    app.submit(&task).await;
    app.ended(task.run).await;
    within("the count", async {
        let counted = "minireipaz_worker_error_workflows_total{outcome=\"not_started\"}";
        while !app
            .get("/metrics")
            .await
            .body
            .lines()
            .any(|line| line.starts_with(counted) && !line.ends_with(" 0"))
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(app.find(task.run.of_failure(1)).await.is_none());
}

#[tokio::test]
async fn an_error_workflow_is_started_after_a_crash_though_the_store_was_away() {
    let mut app = App::start().await;
    app.save(ALARM, &pure_workflow()).await;
    app.store.set_down(true);
    let task = Task::new(&failing());
    app.submit(&task).await;
    within("a question", async {
        while app.store.calls(Call::NEWEST) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    app.crash().await;
    app.store.set_down(false);
    app.start_again().await;
    app.succeeded(task.run.of_failure(1)).await;
    assert_eq!(app.store.ended(), 2);
}
