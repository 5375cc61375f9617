//! What tenants share: places for steps, calls to a host, memory for runs, and what waits for the store. One that takes
//! all it can get does not stop another, and its own work comes to its end.

use std::time::Duration;

use domain::run::RunStatus;
use serde_json::{Value, json};

use crate::app::{Answer, App, Task, batch, call_workflow, pure_workflow, step};

/// A workflow of one call.
fn calls(app: &App, path: &str) -> Value {
    call_workflow(&[("call", app.endpoint.url(path), json!({}))])
}

/// Sends so many runs of a workflow for that tenant.
async fn send(app: &App, tenant: &str, count: usize, document: &Value) -> Vec<Task> {
    let tasks: Vec<_> = (0..count).map(|_| Task::new(document).tenant(tenant)).collect();
    assert_eq!(app.post(batch(&tasks)).await.receipt().0, count as u64);
    tasks
}

#[tokio::test]
async fn two_tenants_whose_steps_never_end_leave_a_place_for_a_third_one() {
    let app = App::start_with(|config| (config.max_steps, config.max_steps_per_tenant) = (6, 3)).await;
    for tenant in ["one", "two"] {
        app.endpoint.on(&format!("/{tenant}"), &[Answer::Never]);
        send(&app, tenant, 30, &calls(&app, &format!("/{tenant}"))).await;
    }
    app.endpoint.called("/one", 2).await;
    app.endpoint.called("/two", 2).await;
    send(&app, "third", 1, &calls(&app, "/third")).await;
    app.endpoint.called("/third", 1).await;
    assert!(app.endpoint.count("/one") + app.endpoint.count("/two") <= 5);
}

#[tokio::test]
async fn a_tenants_slow_calls_to_a_host_do_not_stop_anothers_to_the_same_host() {
    let app = App::start_with(|config| config.runner.http.concurrency_per_host = 4).await;
    app.endpoint.on("/slow", &[Answer::Held]);
    let slow = send(&app, "acme", 10, &calls(&app, "/slow")).await;
    app.endpoint.called("/slow", 2).await;
    send(&app, "other", 3, &calls(&app, "/quick")).await;
    app.endpoint.called("/quick", 3).await;
    assert_eq!(app.endpoint.count("/slow"), 2, "a half of the places");
    app.endpoint.release();
    app.all_succeeded(&slow.iter().map(|task| task.run).collect::<Vec<_>>(), 2).await;
}

#[tokio::test]
async fn a_call_that_waited_in_vain_for_a_place_names_the_limit() {
    let app = App::start_with(|config| config.runner.http.concurrency_per_host = 1).await;
    app.endpoint.on("/slow", &[Answer::Never]);
    send(&app, "acme", 1, &calls(&app, "/slow")).await;
    app.endpoint.called("/slow", 1).await;
    let hasty = json!({"timeout": "50ms", "retry": {"max_attempts": 1}});
    let hasty = Task::new(&call_workflow(&[("call", app.endpoint.url("/quick"), hasty)]));
    let found = app.ended(app.submit(&hasty).await).await;
    let message = found.run.error.unwrap().message;
    assert!(message.contains("at most 1 calls to a host are under way at a time"), "{message}");
    assert_eq!(app.endpoint.count("/quick"), 0, "it was not made");
}

/// An input of so many bytes.
fn large(bytes: usize) -> Value {
    json!({"text": "x".repeat(bytes)})
}

/// A worker whose runs may take so little memory that a few of those of [`send_large`] fill it.
async fn start_with_little_memory(set: impl FnOnce(&mut workers::WorkerConfig)) -> App {
    App::start_with(|config| {
        config.max_run_bytes = 400_000;
        (config.max_steps, config.max_steps_per_tenant) = (4, 2);
        set(config);
    })
    .await
}

/// Sends runs that take about 50 kB each.
async fn send_large(app: &App, count: usize, document: &Value) -> Vec<Task> {
    let tasks: Vec<_> = (0..count).map(|_| Task::new(document).input(large(20_000))).collect();
    assert_eq!(app.post(batch(&tasks)).await.receipt().0, count as u64);
    tasks
}

#[tokio::test]
async fn runs_that_take_more_memory_than_there_is_end_one_after_the_other_and_each_step_is_executed_once() {
    let app = start_with_little_memory(|_| {}).await;
    app.endpoint.on("/held", &[Answer::Held]);
    let two = [("a", app.endpoint.url("/held"), json!({})), ("b", app.endpoint.url("/then"), json!({}))];
    let tasks = send_large(&app, 30, &call_workflow(&two)).await;
    app.endpoint.called("/held", 1).await;
    send(&app, "other", 3, &calls(&app, "/other")).await;
    app.endpoint.called("/other", 3).await;
    assert!(app.endpoint.count("/held") <= 2);
    app.endpoint.release();
    let runs: Vec<_> = tasks.iter().map(|task| task.run).collect();
    app.all_succeeded(&runs, 3).await;
    assert_eq!((app.endpoint.count("/held"), app.endpoint.count("/then")), (30, 30));
}

#[tokio::test]
async fn runs_that_left_memory_go_on_after_crashes_and_after_more_stops_than_crashes_are_forgiven() {
    let mut app = start_with_little_memory(|config| config.grace = Duration::from_millis(20)).await;
    app.endpoint.on("/held", &[Answer::Held]);
    let tasks = send_large(&app, 12, &calls(&app, "/held")).await;
    app.endpoint.called("/held", 1).await;
    app.crash_and_start_again().await;
    for _ in 0..7 {
        let before = app.endpoint.count("/held");
        app.stop().await;
        app.start_again().await;
        app.endpoint.called("/held", before + 1).await;
    }
    app.endpoint.release();
    app.all_succeeded(&tasks.iter().map(|task| task.run).collect::<Vec<_>>(), 2).await;
}

#[tokio::test]
async fn a_run_that_alone_takes_too_much_memory_fails_by_the_name_of_the_limit() {
    let app = start_with_little_memory(|_| {}).await;
    let run = app.submit(&Task::new(&calls(&app, "/call")).input(large(110_000))).await;
    let found = app.ended(run).await;
    assert_eq!(app.endpoint.count("/call"), 0);
    let error = found.run.error.clone().unwrap();
    assert_eq!((found.run.status, error.code.as_str()), (RunStatus::Failed, "limit"));
    assert!(
        error.message.contains("limit of 200000") && error.message.contains("WORKER_MAX_RUN_BYTES"),
        "{error:?}"
    );
    app.succeeded(app.submit(&Task::new(&pure_workflow()).input(large(10_000))).await).await;
}

#[tokio::test]
async fn a_long_chain_over_large_items_is_not_one_commit_and_holds_up_nobody() {
    let app = App::start().await;
    let kind = |n| if n == 0 { "manual" } else { "noop" };
    let nodes = (0..=80).map(|n| json!({"id": format!("n{n}"), "type": kind(n)}));
    let edges = (1..=80).map(|n| json!({"source": format!("n{}", n - 1), "target": format!("n{n}")}));
    let document = json!({
        "name": "Chain",
        "nodes": nodes.collect::<Vec<_>>(),
        "edges": edges.collect::<Vec<_>>(),
    });
    let run = app.submit(&Task::new(&document).input(large(400_000))).await;
    let found = app.succeeded(run).await;
    assert_eq!(step(&found, "n80").output.as_ref().unwrap()["main"].len(), 1);
    let recorded = app.store.statuses(run);
    assert!(recorded.len() > 1, "what 32 MB of outputs are written down in is no single row");
}

#[tokio::test]
async fn a_tenant_with_half_of_the_backlog_waits_for_the_store_and_another_does_not() {
    let app = App::start_with(|config| config.max_backlog = 20).await;
    app.store.fail_writes(true);
    send(&app, "busy", 12, &pure_workflow()).await;
    send(&app, "busy", 1, &calls(&app, "/busy")).await;
    send(&app, "other", 1, &calls(&app, "/other")).await;
    app.endpoint.called("/other", 1).await;
    assert_eq!(app.endpoint.count("/busy"), 0);
    app.store.fail_writes(false);
    app.endpoint.called("/busy", 1).await;
}

#[tokio::test]
async fn new_runs_of_a_tenant_with_half_of_the_backlog_wait_and_turn_nobody_away() {
    let app = App::start_with(|config| config.max_backlog = 20).await;
    app.store.fail_writes(true);
    let mut busy = Vec::new();
    for _ in 0..20 {
        busy.extend(send(&app, "acme", 5, &pure_workflow()).await);
    }
    send(&app, "other", 1, &calls(&app, "/other")).await;
    app.endpoint.called("/other", 1).await;
    app.store.fail_writes(false);
    app.all_succeeded(&busy.iter().map(|task| task.run).collect::<Vec<_>>(), 3).await;
}
