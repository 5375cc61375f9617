//! Waits: of days, over crashes, with clocks that are set.

use std::time::Duration;

use domain::run::{RunStatus, StepStatus};
use serde_json::{Value, json};

use crate::app::{App, Task, step};

const DAY: Duration = Duration::from_secs(86_400);

/// Waits, and then says so.
fn patient(wait: Value) -> Value {
    json!({
        "name": "Patient",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "later", "type": "wait", "data": {"params": wait}},
            {"id": "done", "type": "set", "data": {"params": {"fields": {"done": true}}}},
        ],
        "edges": [{"source": "start", "target": "later"}, {"source": "later", "target": "done"}],
    })
}

#[tokio::test]
async fn a_wait_of_days_outlives_crashes_and_ends_once() {
    let mut app = App::start().await;
    let run = app.submit(&Task::new(&patient(json!({"for": "3d"}))).input(json!({"n": 1}))).await;
    let found = app.until("the wait", run, |found| found.run.status == RunStatus::Waiting).await;
    let waiting = step(&found, "later");
    assert_eq!((waiting.status, waiting.attempts), (StepStatus::Waiting, 1));
    let until = waiting.waits_for.as_ref().unwrap().until.unwrap();
    assert_eq!(until.since(waiting.started_at.unwrap()), 3 * DAY);
    for _ in 0..2 {
        app.clock.advance(DAY);
        app.crash_and_start_again().await;
    }
    assert_eq!(app.find(run).await.unwrap().run.status, RunStatus::Waiting);
    app.clock.advance(DAY);
    app.wake();
    let found = app.succeeded(run).await;
    assert_eq!(json!(found.run.output), json!({"done": [{"n": 1, "done": true}]}));
    let waited = step(&found, "later");
    assert_eq!((waited.status, waited.attempts, &waited.waits_for), (StepStatus::Succeeded, 1, &None));
    assert_eq!(app.store.ends(run), 1);
}

#[tokio::test]
async fn a_wait_that_ended_while_no_worker_ran_goes_on_at_the_next_start() {
    let mut app = App::start().await;
    let run = app.submit(&Task::new(&patient(json!({"for": "3d"})))).await;
    app.until("the wait", run, |found| found.run.status == RunStatus::Waiting).await;
    app.crash().await;
    app.clock.advance(4 * DAY);
    app.start_again().await;
    app.succeeded(run).await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_lengthens_a_wait_and_does_no_other_harm() {
    let app = App::start().await;
    let run = app.submit(&Task::new(&patient(json!({"for": "2d"})))).await;
    app.until("the wait", run, |found| found.run.status == RunStatus::Waiting).await;
    app.clock.set_back(DAY);
    app.clock.advance(2 * DAY);
    app.wake();
    let other = app.submit(&Task::new(&patient(json!({"for": "0s"})))).await;
    app.succeeded(other).await;
    assert_eq!(app.find(run).await.unwrap().run.status, RunStatus::Waiting, "its moment has not come");
    app.clock.advance(DAY);
    app.wake();
    app.succeeded(run).await;
}

#[tokio::test]
async fn a_clock_that_is_set_forward_is_noticed_without_being_told() {
    let app = App::start().await;
    let run = app.submit(&Task::new(&patient(json!({"for": "2d"})))).await;
    app.until("the wait", run, |found| found.run.status == RunStatus::Waiting).await;
    app.clock.advance(2 * DAY);
    app.succeeded(run).await;
}

#[tokio::test]
async fn a_moment_that_has_passed_is_not_waited_for() {
    let app = App::start().await;
    let run = app.submit(&Task::new(&patient(json!({"until": "2020-01-01T00:00:00Z"})))).await;
    app.succeeded(run).await;
}
