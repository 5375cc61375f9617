//! Bounds: places for steps, shared among tenants, runs in memory, depth of data, time to begin.

use std::time::Duration;

use domain::{
    limits::{MAX_DEPTH, MAX_RUN_OUTPUT_BYTES},
    measure::value_bytes,
    run::{NodeError, RunStatus, RunWithSteps, StepStatus},
};
use serde_json::{Value, json};

use crate::app::{Answer, App, Task, batch, call_workflow, pure_workflow, step, within};

#[tokio::test]
async fn steps_above_the_limit_wait_and_a_busy_tenant_does_not_hold_up_another() {
    let app = App::start_with(|config| (config.max_steps, config.max_steps_per_tenant) = (4, 3)).await;
    app.endpoint.on("/busy", &[Answer::Held]);
    let busy = call_workflow(&[("call", app.endpoint.url("/busy"), json!({}))]);
    let busy: Vec<_> = (0..10).map(|_| Task::new(&busy)).collect();
    assert_eq!(app.post(batch(&busy)).await.receipt(), (10, 0, 0));
    app.endpoint.called("/busy", 3).await;
    let other = Task::new(&call_workflow(&[("call", app.endpoint.url("/other"), json!({}))])).tenant("other");
    app.submit(&other).await;
    app.endpoint.called("/other", 1).await;
    assert_eq!(app.endpoint.count("/busy"), 3, "the share of one tenant");
    app.endpoint.release();
    app.all_succeeded(&busy.iter().map(|task| task.run).collect::<Vec<_>>(), 2).await;
    assert_eq!(app.endpoint.count("/busy"), 10);
}

#[tokio::test]
async fn runs_above_a_tenants_share_wait_turn_nobody_away_and_are_all_executed_once_whatever_crashes() {
    let mut app = App::start_with(|config| config.max_runs = 4).await;
    app.endpoint.on("/held", &[Answer::Held]);
    let document = call_workflow(&[("call", app.endpoint.url("/held"), json!({}))]);
    let tasks: Vec<_> = (0..20).map(|_| Task::new(&document)).collect();
    for some in tasks.chunks(5) {
        assert_eq!(app.post(batch(some)).await.receipt(), (5, 0, 0));
    }
    app.endpoint.called("/held", 2).await;
    let other = call_workflow(&[("call", app.endpoint.url("/other"), json!({}))]);
    app.submit(&Task::new(&other).tenant("other")).await;
    app.endpoint.called("/other", 1).await;
    assert_eq!(app.endpoint.count("/held"), 2, "the share of one tenant");
    assert!(app.find(tasks[19].run).await.is_none(), "nothing has happened to it");
    assert_eq!(app.get("/readyz").await.status, 200);
    app.crash_and_start_again().await;
    app.endpoint.called("/held", 4).await;
    assert_eq!(app.post(batch(&tasks)).await.receipt(), (0, 20, 0));
    app.endpoint.release();
    app.all_succeeded(&tasks.iter().map(|task| task.run).collect::<Vec<_>>(), 2).await;
    assert_eq!(app.endpoint.count("/held"), 22, "but for two that the crash cut off, each is called once");
}

#[tokio::test]
async fn a_run_that_waits_for_room_for_too_long_is_timed_out_without_having_begun() {
    let app = App::start_with(|config| config.max_runs = 2).await;
    app.endpoint.on("/held", &[Answer::Held]);
    let mut document = call_workflow(&[("call", app.endpoint.url("/held"), json!({"timeout": "1h"}))]);
    document["settings"] = json!({"start_timeout": "1h", "timeout": "1d"});
    let tasks = [Task::new(&document), Task::new(&document)];
    app.submit(&tasks[0]).await;
    app.endpoint.called("/held", 1).await;
    app.submit(&tasks[1]).await;
    app.clock.advance(Duration::from_secs(3_601));
    app.wake();
    let found = app.until("the end", tasks[1].run, has_ended).await;
    let error = found.run.error.unwrap();
    assert_eq!((found.run.status, error.code.as_str()), (RunStatus::TimedOut, "start_timeout"));
    app.endpoint.release();
    app.succeeded(tasks[0].run).await;
}

/// `start > n0 > n1 > …`: each gives the same four million bytes.
fn heavy_workflow(nodes: usize) -> Value {
    let text = "{{ $json.t }}".repeat(8);
    let grow = json!({"id": "n0", "type": "set", "data": {"params": {"fields": {"t": text}}}});
    let pass = (1..nodes).map(|n| json!({"id": format!("n{n}"), "type": "noop"}));
    let all: Vec<_> = [json!({"id": "start", "type": "manual"}), grow].into_iter().chain(pass).collect();
    let edges: Vec<_> =
        all.windows(2).map(|pair| json!({"source": pair[0]["id"], "target": pair[1]["id"]})).collect();
    json!({"name": "Heavy", "nodes": all, "edges": edges})
}

/// (That as much as the limit allows is within it, the engine's own tests say: a run of 64 MiB takes seconds.)
#[tokio::test]
async fn a_run_whose_steps_give_more_than_they_may_together_fails_and_names_the_limit() {
    let app = App::start().await;
    let each = 4_000_000;
    let within_limit = MAX_RUN_OUTPUT_BYTES / (each + 100);
    let task = Task::new(&heavy_workflow(within_limit + 1)).input(json!({"t": "x".repeat(each / 8)}));
    app.submit(&task).await;
    // Without reading the run at each of its records.
    within("its end", app.store.until(async || (app.store.ends(task.run) > 0).then_some(()))).await;
    let found = app.ended(task.run).await;
    let error = found.run.error.as_ref().unwrap();
    assert_eq!((found.run.status, error.code.as_str()), (RunStatus::Failed, "limit"));
    assert!(error.message.contains("MAX_RUN_OUTPUT_BYTES"), "{}", error.message);
    assert!(!found.left_out.is_empty(), "an answer has less room than a run");
    let last = step(&found, &format!("n{within_limit}"));
    assert_eq!((last.status, &last.output), (StepStatus::Failed, &None));
}

fn can_be_kept(error: &NodeError) -> bool {
    error.details.as_ref().is_none_or(|details| value_bytes(details).is_ok())
}

fn has_ended(found: &RunWithSteps) -> bool {
    found.run.status.is_terminal()
}

#[tokio::test]
async fn an_answer_nested_as_deeply_as_can_be_read_makes_no_run_unreadable() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let mut app = App::start().await;
    let mut runs = Vec::new();
    for levels in [MAX_DEPTH - 3, MAX_DEPTH, 126, 127, 200] {
        let path = format!("/{levels}");
        app.endpoint.on(&path, &[Answer::Deep(503, levels)]);
        let retry = json!({"retry": {"max_attempts": 2, "base": "1h", "max_delay": "1h"}});
        let call = call_workflow(&[("call", app.endpoint.url(&path), retry)]);
        runs.push(app.submit(&Task::new(&call)).await);
    }
    for run in &runs {
        app.until("the wait for the next attempt", *run, |found| found.run.status == RunStatus::Waiting)
            .await;
    }
    // Now they are in the journal only.
    app.crash_and_start_again().await;
    app.clock.advance(2 * HOUR);
    app.wake();
    for run in &runs {
        let found = app.until("the end", *run, has_ended).await;
        let error = found.run.error.as_ref().unwrap();
        assert_eq!((error.code.as_str(), error.history.len()), ("http_status", 2), "{error:?}");
        assert!(can_be_kept(error) && can_be_kept(step(&found, "call").error.as_ref().unwrap()));
        assert_eq!(error.details.as_ref().unwrap()["status"], 503);
    }
}

#[tokio::test]
async fn an_error_with_deep_details_leaves_in_an_item_that_later_nodes_can_pass_on() {
    let app = App::start().await;
    app.endpoint.on("/deep", &[Answer::Deep(404, 127)]);
    let mut document = call_workflow(&[("call", app.endpoint.url("/deep"), json!({"on_error": "continue"}))]);
    document["nodes"].as_array_mut().unwrap().push(json!({"id": "last", "type": "noop"}));
    document["edges"].as_array_mut().unwrap().push(json!({"source": "call", "target": "last"}));
    let found = app.succeeded(app.submit(&Task::new(&document)).await).await;
    let output = found.run.output.unwrap();
    assert_eq!(output["last"][0]["error"]["details"]["status"], 404, "{output}");
}

#[tokio::test]
async fn a_run_whose_input_is_nested_too_deeply_fails_and_its_neighbours_run() {
    let app = App::start().await;
    let nested = |levels| (0..levels).fold(json!(1), |inner, _| json!({ "a": inner }));
    let tasks = [MAX_DEPTH, MAX_DEPTH + 1].map(|levels| Task::new(&pure_workflow()).input(nested(levels)));
    assert_eq!(app.post(batch(&tasks)).await.receipt(), (1, 0, 1));
    let found = app.succeeded(tasks[0].run).await;
    assert_eq!(found.run.input, nested(MAX_DEPTH));
    let found = app.until("the end", tasks[1].run, has_ended).await;
    let error = found.run.error.unwrap();
    assert_eq!((error.code.as_str(), found.run.input), ("invalid_input", Value::Null));
    assert!(error.message.contains("MAX_DEPTH"), "{}", error.message);
}

#[tokio::test]
async fn a_run_that_waited_too_long_for_a_worker_is_timed_out_and_one_that_did_not_has_all_its_time() {
    let app = App::start().await;
    let within = |settings: Value| {
        let mut document = pure_workflow();
        document["settings"] = settings;
        document
    };
    let hours = |hours: u64| Duration::from_secs(3_600 * hours);
    let late = Task::aged(&within(json!({"start_timeout": "1h"})), hours(2));
    app.submit(&late).await;
    let found = app.until("the end", late.run, has_ended).await;
    let error = found.run.error.unwrap();
    assert_eq!((found.run.status, error.code.as_str()), (RunStatus::TimedOut, "start_timeout"));
    assert!(found.steps.is_empty() && found.run.started_at.is_none());
    let patient = Task::aged(&within(json!({"timeout": "1h", "start_timeout": "3h"})), hours(2));
    app.submit(&patient).await;
    app.succeeded(patient.run).await;
}
