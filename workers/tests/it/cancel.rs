//! Cancel, and a run's time limit: whatever a run is doing, it ends.

use std::time::Duration;

use domain::run::{RunStatus, RunWithSteps, StepStatus};
use serde_json::{Value, json};
use workers::WorkerConfig;

use crate::app::{Answer, App, Control, Task, batch, call_workflow, pure_workflow, step};

/// One step of that kind behind a trigger.
fn one(kind: &str, data: Value) -> Value {
    json!({
        "name": "One",
        "nodes": [{"id": "start", "type": "manual"}, {"id": "one", "type": kind, "data": data}],
        "edges": [{"source": "start", "target": "one"}],
    })
}

/// How many records that want something of runs were handled.
async fn controls(app: &App, body: String) -> u64 {
    let reply = app.post(body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    serde_json::from_str::<Value>(&reply.body).unwrap()["controls"].as_u64().unwrap_or(0)
}

async fn cancel(app: &App, run: domain::ids::RunId) -> RunWithSteps {
    assert_eq!(controls(app, Control::cancel(run, "ordered twice").json()).await, 1);
    let found = app.ended(run).await;
    assert_eq!(found.run.status, RunStatus::Cancelled, "{:?}", found.run.error);
    let error = found.run.error.as_ref().unwrap();
    assert_eq!((error.code.as_str(), error.message.as_str()), ("cancelled", "ordered twice"));
    found
}

/// A place for one step at a time: what is begun next shows that the place was given back.
fn one_step(config: &mut WorkerConfig) {
    (config.max_steps, config.max_steps_per_tenant) = (1, 1);
}

#[tokio::test]
async fn a_call_under_way_is_cut_off_and_its_place_is_free() {
    let app = App::start_with(one_step).await;
    app.endpoint.on("/never", &[Answer::Never]);
    let run =
        app.submit(&Task::new(&call_workflow(&[("call", app.endpoint.url("/never"), json!({}))]))).await;
    app.endpoint.called("/never", 1).await;
    let found = cancel(&app, run).await;
    assert_eq!(step(&found, "call").status, StepStatus::Cancelled);
    let other = app.submit(&Task::new(&call_workflow(&[("call", app.endpoint.url("/"), json!({}))]))).await;
    app.succeeded(other).await;
    assert_eq!(app.store.ends(run), 1, "what the call would have given is of no interest");
}

#[tokio::test]
async fn javascript_that_does_not_end_is_ended_with_its_process() {
    let app = App::start_with(|config| {
        one_step(config);
        config.runner.javascript_processes = 1;
        config.runner.javascript.program = Duration::from_secs(3_600);
    })
    .await;
    let called = app.endpoint.url("/before");
    let document = json!({
        "name": "Stuck",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "before", "type": "http_request", "data": {"params": {"method": "GET", "url": called}}},
            {"id": "stuck", "type": "code", "data": {"timeout": "1h", "params": {"source": "for (;;);"}}},
        ],
        "edges": [{"source": "start", "target": "before"}, {"source": "before", "target": "stuck"}],
    });
    let run = app.submit(&Task::new(&document)).await;
    let runs = |found: &RunWithSteps| {
        found.steps.iter().any(|step| step.kind == "code" && step.status == StepStatus::Running)
    };
    app.until("the program", run, runs).await;
    cancel(&app, run).await;
    // There is one process at a time: this one waits for the place of the other.
    let other =
        app.submit(&Task::new(&one("code", json!({"params": {"source": "return [{a: 1 + 1}]"}})))).await;
    let found = app.succeeded(other).await;
    assert_eq!(json!(step(&found, "one").output), json!({"main": [{"a": 2}]}));
}

#[tokio::test]
async fn a_pause_within_an_attempt_is_not_waited_for() {
    let app = App::start_with(one_step).await;
    let params = json!({
        "method": "GET", "url": app.endpoint.url("/each"), "batch": {"size": 1, "pause": "20m"},
    });
    let task = Task::new(&one("http_request", json!({"timeout": "1h", "params": params})));
    let run = app.submit(&task.input(json!([{}, {}]))).await;
    app.endpoint.called("/each", 1).await;
    cancel(&app, run).await;
    let other = app.submit(&Task::new(&call_workflow(&[("call", app.endpoint.url("/"), json!({}))]))).await;
    app.succeeded(other).await;
    assert_eq!(app.endpoint.count("/each"), 1);
}

#[tokio::test]
async fn a_run_that_waits_for_days_or_for_a_retry_is_cancelled_also_after_a_crash() {
    let mut app = App::start().await;
    app.endpoint.on("/down", &[Answer::Status(503)]);
    let retry = json!({"retry": {"max_attempts": 5, "base": "1h", "max_delay": "1h"}});
    let patient = Task::new(&one("wait", json!({"params": {"for": "3d"}})));
    let retrying = Task::new(&call_workflow(&[("one", app.endpoint.url("/down"), retry)]));
    for task in [&patient, &retrying] {
        app.submit(task).await;
        app.until("the wait", task.run, |found| found.run.status == RunStatus::Waiting).await;
    }
    app.crash_and_start_again().await;
    for task in [&patient, &retrying] {
        let found = cancel(&app, task.run).await;
        assert_eq!(step(&found, "one").status, StepStatus::Cancelled);
    }
    assert_eq!(app.endpoint.count("/down"), 1);
}

#[tokio::test]
async fn a_run_that_waits_to_begin_never_does_when_it_is_cancelled() {
    let app = App::start_with(|config| config.max_runs = 2).await;
    app.endpoint.on("/held", &[Answer::Held]);
    let document = call_workflow(&[("call", app.endpoint.url("/held"), json!({}))]);
    let first = app.submit(&Task::new(&document)).await;
    app.endpoint.called("/held", 1).await;
    let second = app.submit(&Task::new(&document)).await;
    let found = cancel(&app, second).await;
    assert_eq!((found.steps.len(), found.run.started_at), (0, None));
    app.endpoint.release();
    app.succeeded(first).await;
    assert_eq!(app.endpoint.count("/held"), 1);
}

#[tokio::test]
async fn a_batch_that_brings_a_run_may_cancel_it_and_a_second_cancel_changes_nothing() {
    let app = App::start().await;
    let task = Task::new(&one("wait", json!({"params": {"for": "3d"}})));
    let both = format!("[{},{}]", task.json(), Control::cancel(task.run, "at once").json());
    assert_eq!(controls(&app, both.clone()).await, 1);
    let found = app.ended(task.run).await;
    assert_eq!(
        (found.run.status, found.run.error.unwrap().message.as_str()),
        (RunStatus::Cancelled, "at once")
    );
    assert_eq!(controls(&app, both).await, 1, "delivered again it is a duplicate");
    assert_eq!(controls(&app, Control::cancel(task.run, "once more").json()).await, 1);
    assert_eq!(app.find(task.run).await.unwrap().run.error.unwrap().message, "at once");
    assert_eq!(app.store.ends(task.run), 1);
}

#[tokio::test]
async fn a_cancel_of_a_run_that_is_over_unknown_or_anothers_is_handled_and_changes_nothing() {
    let app = App::start().await;
    let over = app.submit(&Task::new(&pure_workflow())).await;
    app.succeeded(over).await;
    let waiting = app.submit(&Task::new(&one("wait", json!({"params": {"for": "3d"}})))).await;
    app.until("the wait", waiting, |found| found.run.status == RunStatus::Waiting).await;
    let unknown = Task::new(&pure_workflow()).run;
    let cancels = [
        Control::cancel(over, "no"),
        Control::cancel(unknown, "no"),
        Control::cancel(waiting, "no").tenant("somebody-else"),
    ];
    let body = cancels.map(|cancel| cancel.json()).join("\n");
    assert_eq!(controls(&app, body).await, 3);
    assert_eq!(app.find(over).await.unwrap().run.status, RunStatus::Succeeded);
    cancel(&app, waiting).await;
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_kept_and_the_others_of_its_batch_count() {
    let app = App::start().await;
    let task = Task::new(&one("wait", json!({"params": {"for": "3d"}})));
    app.submit(&task).await;
    let broken = Control::cancel(task.run, "no").json().replace("\"reason\"", "\"why\"");
    let reply = app.post(format!("[{broken},{}]", Control::cancel(task.run, "enough").json())).await;
    assert_eq!(reply.receipt(), (0, 0, 1), "{reply:?}");
    assert_eq!(app.ended(task.run).await.run.error.unwrap().message, "enough");
}

#[tokio::test]
async fn a_cancel_stops_the_attempt_that_is_there_and_no_later_one_begins() {
    let mut app = App::start().await;
    app.endpoint.on("/never", &[Answer::Never]);
    let task = Task::new(&call_workflow(&[("call", app.endpoint.url("/never"), json!({}))]));
    app.submit(&task).await;
    app.endpoint.called("/never", 1).await;
    app.submit(&task.clone().attempt(2)).await;
    app.endpoint.called("/never", 2).await;
    assert_eq!(cancel(&app, task.run).await.run.attempt, 2);
    // Whoever sends it again does not know that by now nobody wants it.
    assert_eq!(app.post(task.clone().attempt(3).json()).await.receipt(), (0, 1, 0));
    app.stop().await;
    app.clock.advance(Duration::from_secs(3 * 24 * 3_600));
    app.start_again().await;
    // The journal forgets what ended more than a day ago; the store does not.
    app.succeeded(app.submit(&Task::new(&pure_workflow())).await).await;
    assert_eq!(app.post(task.attempt(3).json()).await.receipt(), (0, 1, 0));
    assert_eq!(app.endpoint.count("/never"), 2);
}

#[tokio::test]
async fn a_runs_time_limit_cuts_its_call_off() {
    let app = App::start_with(one_step).await;
    app.endpoint.on("/never", &[Answer::Never]);
    let mut document = call_workflow(&[("call", app.endpoint.url("/never"), json!({"timeout": "2h"}))]);
    document["settings"] = json!({"timeout": "1h"});
    let run = app.submit(&Task::new(&document)).await;
    app.endpoint.called("/never", 1).await;
    app.clock.advance(Duration::from_secs(3_600));
    app.wake();
    let found = app.ended(run).await;
    assert_eq!(found.run.status, RunStatus::TimedOut);
    assert_eq!(found.run.error.as_ref().unwrap().code, "run_timeout");
    assert_eq!(step(&found, "call").status, StepStatus::Cancelled);
    let other = app.submit(&Task::new(&call_workflow(&[("call", app.endpoint.url("/"), json!({}))]))).await;
    app.succeeded(other).await;
}

#[tokio::test]
async fn what_a_batch_wants_is_done_once_whatever_is_delivered_again() {
    let app = App::start().await;
    let tasks: Vec<_> = (0..20).map(|_| Task::new(&one("wait", json!({"params": {"for": "3d"}})))).collect();
    assert_eq!(app.post(batch(&tasks)).await.receipt(), (20, 0, 0));
    let cancels: Vec<_> = tasks.iter().map(|task| Control::cancel(task.run, "enough").json()).collect();
    for _ in 0..3 {
        assert_eq!(controls(&app, cancels.join("\n")).await, 20);
    }
    for task in &tasks {
        assert_eq!(app.ended(task.run).await.run.status, RunStatus::Cancelled);
        assert_eq!(app.store.ends(task.run), 1);
    }
}
