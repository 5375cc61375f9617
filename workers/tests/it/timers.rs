//! Durable timers while the worker runs; `crash` has those that were due while none ran.

use std::time::Duration;

use domain::run::{RunStatus, StepStatus};
use serde_json::{Value, json};

use crate::app::{Answer, App, Task, batch, call_workflow, step};

const HOUR: Duration = Duration::from_secs(3_600);

fn hourly() -> Value {
    json!({"retry": {"max_attempts": 3, "base": "1h", "max_delay": "1h"}})
}

#[tokio::test]
async fn a_retry_fires_when_it_is_due_and_the_run_waits_until_then() {
    let app = App::start().await;
    app.endpoint.on("/flaky", &[Answer::Status(503), Answer::Status(200)]);
    let run = app.submit(&Task::new(&call_workflow(&[("call", app.endpoint.url("/flaky"), hourly())]))).await;
    let found = app.until("the retry", run, |found| found.run.status == RunStatus::Waiting).await;
    let waiting = step(&found, "call");
    assert_eq!(
        (waiting.status, waiting.error.as_ref().unwrap().code.as_str()),
        (StepStatus::Retrying, "http_status")
    );
    app.wake();
    app.clock.advance(HOUR);
    app.wake();
    let found = app.succeeded(run).await;
    assert_eq!((step(&found, "call").attempts, app.endpoint.count("/flaky")), (2, 2));
}

#[tokio::test]
async fn retries_of_a_real_clock_need_nobody_to_wake_them() {
    let app = App::start().await;
    app.endpoint.on("/flaky", &[Answer::Status(503), Answer::Status(200)]);
    let retry = json!({"retry": {"max_attempts": 2, "base": "20ms", "max_delay": "20ms"}});
    let task = Task::new(&call_workflow(&[("call", app.endpoint.url("/flaky"), retry)]));
    app.succeeded(app.submit(&task).await).await;
    assert_eq!(app.endpoint.count("/flaky"), 2);
}

#[tokio::test]
async fn a_run_above_its_time_limit_is_cut_off() {
    let app = App::start().await;
    app.endpoint.on("/slow", &[Answer::Never]);
    let mut document = call_workflow(&[("call", app.endpoint.url("/slow"), json!({}))]);
    document["settings"] = json!({"timeout": "2h"});
    let run = app.submit(&Task::new(&document)).await;
    app.endpoint.called("/slow", 1).await;
    app.clock.advance(2 * HOUR);
    app.wake();
    let found = app.ended(run).await;
    assert_eq!((found.run.status, step(&found, "call").status), (RunStatus::TimedOut, StepStatus::Cancelled));
}

#[tokio::test]
async fn a_hundred_runs_that_wait_all_go_on() {
    let app = App::start_with(|config| config.runner.http.breaker.failures = 1_000).await;
    let tasks: Vec<_> = (0..100)
        .map(|n| {
            let path = format!("/flaky{n}");
            app.endpoint.on(&path, &[Answer::Status(503), Answer::Status(200)]);
            Task::new(&call_workflow(&[("call", app.endpoint.url(&path), hourly())]))
        })
        .collect();
    assert_eq!(app.post(batch(&tasks)).await.receipt(), (100, 0, 0));
    for task in &tasks {
        app.until("the retry", task.run, |found| found.run.status == RunStatus::Waiting).await;
    }
    app.clock.advance(HOUR);
    app.wake();
    app.all_succeeded(&tasks.iter().map(|task| task.run).collect::<Vec<_>>(), 2).await;
    assert!((0..100).all(|n| app.endpoint.count(&format!("/flaky{n}")) == 2));
}
