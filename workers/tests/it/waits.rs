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
    let waits = until.since(waiting.started_at.unwrap());
    assert!((3 * DAY..4 * DAY).contains(&waits), "{waits:?}");
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

#[tokio::test]
async fn echoes_of_the_tasks_of_waiting_runs_take_no_places_from_new_ones() {
    let app = App::start_with(|config| config.max_runs = 2).await;
    let tasks: Vec<_> = (0..3).map(|_| Task::new(&patient(json!({"for": "3d"})))).collect();
    for task in &tasks {
        app.submit(task).await;
        app.until("the wait", task.run, |found| found.run.status == RunStatus::Waiting).await;
    }
    for task in &tasks {
        let reply = app.post(task.json()).await;
        assert!(reply.body.contains("\"duplicates\":1"), "{reply:?}");
    }
    let other = app.submit(&Task::new(&patient(json!({"for": "0s"})))).await;
    app.succeeded(other).await;
}

#[tokio::test]
async fn items_of_a_step_whose_time_is_up_leave_by_its_error_port() {
    let app = App::start().await;
    let forever = "{{ (() => { for (;;); })() }}";
    let document = json!({
        "name": "Slow",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "slow", "type": "set", "data": {
                "timeout": "30ms", "on_error": "error_port", "params": {"fields": {"a": forever}},
            }},
            {"id": "bad", "type": "noop"},
        ],
        "edges": [
            {"source": "start", "target": "slow"},
            {"source": "slow", "sourceHandle": "error", "target": "bad"},
        ],
    });
    let run = app.submit(&Task::new(&document).input(json!([{"n": 1}, {"n": 2}]))).await;
    let found = app.succeeded(run).await;
    let left = json!(step(&found, "bad").output.as_ref().unwrap());
    assert_eq!((&left["main"][1]["n"], &left["main"][1]["error"]["code"]), (&json!(2), &json!("timeout")));
}

#[tokio::test]
async fn the_deepest_input_that_is_taken_is_read_back_after_a_crash() {
    let deep = |levels: usize| (1..levels).fold(json!({"x": 1}), |inner, _| json!({ "a": inner }));
    let mut app = App::start().await;
    let deepest = app.submit(&Task::new(&patient(json!({"for": "3d"}))).input(deep(100))).await;
    app.until("the wait", deepest, |found| found.run.status == RunStatus::Waiting).await;
    let deeper = Task::new(&patient(json!({"for": "3d"}))).input(deep(101));
    assert_eq!(app.post(deeper.json()).await.receipt(), (0, 0, 1), "it is kept for people to look at");
    let found = app.ended(deeper.run).await;
    assert!(found.run.error.unwrap().message.contains("MAX_DEPTH"));
    app.crash_and_start_again().await;
    app.clock.advance(3 * DAY);
    app.wake();
    app.succeeded(deepest).await;
}
