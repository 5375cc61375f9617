//! Stopping in order.

use std::time::Duration;

use serde_json::json;

use crate::app::{Answer, App, Task, batch, call_workflow};

#[tokio::test]
async fn a_worker_that_is_stopped_lets_its_steps_finish() {
    let mut app = App::start_with(|config| (config.max_steps, config.max_steps_per_tenant) = (8, 8)).await;
    app.endpoint.on("/a", &[Answer::Held]);
    let calls = [("a", app.endpoint.url("/a"), json!({})), ("b", app.endpoint.url("/b"), json!({}))];
    let tasks: Vec<_> = (0..40).map(|_| Task::new(&call_workflow(&calls))).collect();
    assert_eq!(app.post(batch(&tasks)).await.receipt(), (40, 0, 0));
    app.endpoint.called("/a", 8).await;
    let stop = app.stop();
    tokio::pin!(stop);
    assert!(futures_util::poll!(&mut stop).is_pending(), "steps are under way");
    app.endpoint.release();
    stop.await;
    let (a, b) = (app.endpoint.count("/a"), app.endpoint.count("/b"));
    assert!(a < 40, "no more steps are begun");
    app.start_again().await;
    app.all_succeeded(&tasks.iter().map(|task| task.run).collect::<Vec<_>>(), 3).await;
    assert_eq!((app.endpoint.count("/a"), app.endpoint.count("/b")), (40, 40), "before: {a} and {b}");
}

#[tokio::test]
async fn steps_that_outlast_the_grace_are_executed_again_at_the_next_start() {
    let mut app = App::start_with(|config| config.grace = Duration::from_millis(50)).await;
    app.endpoint.on("/slow", &[Answer::Never, Answer::Status(200)]);
    let task = Task::new(&call_workflow(&[("slow", app.endpoint.url("/slow"), json!({}))]));
    app.submit(&task).await;
    app.endpoint.called("/slow", 1).await;
    app.stop().await;
    app.start_again().await;
    app.succeeded(task.run).await;
    let keys = app.endpoint.keys("/slow");
    assert_eq!((keys.len(), &keys[0]), (2, &keys[1]));
}

#[tokio::test]
async fn a_step_survives_more_orderly_stops_than_crashes_are_forgiven() {
    let mut app = App::start_with(|config| {
        config.grace = Duration::from_millis(20);
        config.max_steps = 1;
    })
    .await;
    app.endpoint.on("/slow", &[Answer::Held]);
    let document = call_workflow(&[("slow", app.endpoint.url("/slow"), json!({}))]);
    let tasks = [Task::new(&document), Task::new(&document)];
    assert_eq!(app.post(batch(&tasks)).await.receipt(), (2, 0, 0));
    // One of them is cut off each time, the other one waits for its place.
    for stops in 1..=8 {
        app.endpoint.called("/slow", stops).await;
        app.stop().await;
        app.start_again().await;
    }
    app.endpoint.release();
    app.all_succeeded(&tasks.map(|task| task.run), 2).await;
}
