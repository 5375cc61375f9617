//! Bounds: places for steps, shared among tenants, and runs in memory.

use serde_json::json;

use crate::app::{Answer, App, Task, batch, call_workflow};

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
async fn too_many_runs_in_memory_turn_batches_away() {
    let app = App::start_with(|config| config.max_runs = 2).await;
    app.endpoint.on("/held", &[Answer::Held]);
    let document = call_workflow(&[("call", app.endpoint.url("/held"), json!({}))]);
    let tasks = [Task::new(&document), Task::new(&document)];
    assert_eq!(app.post(batch(&tasks)).await.receipt(), (2, 0, 0));
    app.endpoint.called("/held", 2).await;
    let reply = app.post(Task::new(&document).json()).await;
    assert_eq!((reply.status, reply.retry_after.is_some()), (429, true), "{reply:?}");
    assert!(reply.body.contains("limit of 2"), "the limit is named: {}", reply.body);
    app.endpoint.release();
    app.all_succeeded(&tasks.map(|task| task.run), 2).await;
}
