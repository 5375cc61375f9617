//! The bus delivers at least once: a run is executed once all the same.

use std::time::Duration;

use domain::{ids::RunId, run::RunStatus};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::app::{Answer, App, Task, batch, call_workflow, pure_workflow};

const DAY: Duration = Duration::from_secs(86_400);

fn one_call(app: &App) -> Value {
    call_workflow(&[("call", app.endpoint.url("/once"), json!({}))])
}

#[tokio::test]
async fn the_same_task_is_run_once_however_often_it_comes() {
    let mut app = App::start().await;
    app.endpoint.on("/once", &[Answer::Held]);
    let task = Task::new(&one_call(&app));
    assert_eq!(app.post(batch([&task, &task, &task])).await.receipt(), (1, 2, 0), "in one batch");
    app.endpoint.called("/once", 1).await;
    assert_eq!(app.post(task.json()).await.receipt(), (0, 1, 0), "while it runs");
    app.endpoint.release();
    app.succeeded(task.run).await;
    assert_eq!(app.post(task.json()).await.receipt(), (0, 1, 0), "after it has ended");
    app.stop().await;
    app.start_again().await;
    assert_eq!(app.post(task.json()).await.receipt(), (0, 1, 0), "after a restart");
    app.crash_and_start_again().await;
    assert_eq!(app.post(task.json()).await.receipt(), (0, 1, 0), "after a crash");
    app.succeeded(app.submit(&Task::new(&pure_workflow())).await).await;
    assert_eq!((app.endpoint.count("/once"), app.store.ends(task.run)), (1, 1));
}

#[tokio::test]
async fn every_batch_again_while_new_ones_come_executes_no_step_again() {
    let mut app = App::start().await;
    let workflow = call_workflow(&[
        ("first", app.endpoint.url("/first"), json!({})),
        ("second", app.endpoint.url("/second"), json!({})),
    ]);
    let (mut delivered, mut runs) = (Vec::<String>::new(), Vec::new());
    for _ in 0..6 {
        let tasks: Vec<_> = (0..10).map(|_| Task::new(&workflow)).collect();
        runs.extend(tasks.iter().map(|task| task.run));
        let new = batch(&tasks);
        let again = join_all(delivered.iter().map(|body| app.post(body.clone())));
        let (taken, again) = tokio::join!(app.post(new.clone()), again);
        assert_eq!(taken.receipt(), (10, 0, 0));
        assert!(again.iter().all(|reply| reply.receipt() == (0, 10, 0)), "{again:?}");
        delivered.push(new);
    }
    app.all_succeeded(&runs, 3).await;
    assert!(runs.iter().all(|run| app.store.ends(*run) == 1));
    app.crash_and_start_again().await;
    for body in &delivered {
        assert_eq!(app.post(body.clone()).await.receipt(), (0, 10, 0));
    }
    app.succeeded(app.submit(&Task::new(&pure_workflow())).await).await;
    assert_eq!((app.endpoint.count("/first"), app.endpoint.count("/second")), (60, 60));
}

#[tokio::test]
async fn batches_that_come_at_the_same_time_run_a_task_once() {
    let app = App::start().await;
    let tasks: Vec<_> = (0..20).map(|_| Task::new(&one_call(&app))).collect();
    let replies = join_all((0..8).map(|_| app.post(batch(&tasks)))).await;
    let accepted: u64 = replies.iter().map(|reply| reply.receipt().0).sum();
    assert_eq!(accepted, 20);
    app.all_succeeded(&tasks.iter().map(|task| task.run).collect::<Vec<_>>(), 2).await;
    assert_eq!(app.endpoint.count("/once"), 20);
}

/// Ids that are older than the journal's memory, or do not tell their age.
fn old_runs() -> [RunId; 2] {
    let tenant = "acme".parse().unwrap();
    let named =
        RunId::for_idempotency_key(&tenant, "00000000-0000-0000-0000-000000000009".parse().unwrap(), "k");
    [Task::aged(&pure_workflow(), DAY * 2).run, named]
}

#[tokio::test]
async fn a_run_that_only_the_store_remembers_is_not_run_again() {
    for run in old_runs() {
        let mut app = App::start().await;
        let task = Task::of(run, &one_call(&app));
        app.submit(&task).await;
        app.succeeded(run).await;
        app.stop().await;
        // The journal forgets what ended more than a day ago.
        app.clock.advance(DAY * 3);
        app.start_again().await;
        app.succeeded(app.submit(&Task::new(&pure_workflow())).await).await;
        let other = Task::new(&pure_workflow());
        assert_eq!(app.post(batch([&task, &other])).await.receipt(), (1, 1, 0));
        app.succeeded(other.run).await;
        assert_eq!(app.endpoint.count("/once"), 1);
        let again = app.submit(&task.attempt(2)).await;
        app.until("the second attempt", again, |found| found.run.attempt == 2).await;
    }
}

#[tokio::test]
async fn only_runs_that_are_not_new_need_the_store() {
    let app = App::start().await;
    for run in old_runs() {
        app.store.set_down(true);
        let (old, new) = (Task::of(run, &one_call(&app)), Task::new(&pure_workflow()));
        assert_eq!(app.post(new.json()).await.receipt(), (1, 0, 0));
        let reply = app.post(batch([&old])).await;
        assert_eq!((reply.status, reply.retry_after.as_deref()), (503, Some("1")), "{reply:?}");
        app.store.set_down(false);
        app.submit(&old).await;
        app.succeeded(run).await;
        app.succeeded(new.run).await;
        app.store.set_down(true);
        assert_eq!(app.post(old.json()).await.receipt(), (0, 1, 0), "the journal knows it");
    }
}

#[tokio::test]
async fn a_higher_attempt_replaces_a_lower_one_and_a_lower_one_never_comes_back() {
    let app = App::start().await;
    app.endpoint.on("/once", &[Answer::Never, Answer::Status(200)]);
    let task = Task::new(&one_call(&app));
    app.submit(&task).await;
    app.endpoint.called("/once", 1).await;
    app.submit(&task.clone().attempt(2)).await;
    let found = app.succeeded(task.run).await;
    assert_eq!(found.run.attempt, 2);
    assert_eq!(app.post(batch([&task, &task.clone().attempt(2)])).await.receipt(), (0, 2, 0));
    assert_eq!(app.endpoint.count("/once"), 2);
}

#[tokio::test]
async fn a_higher_attempt_replaces_a_run_that_waits_for_a_retry() {
    let mut app = App::start().await;
    app.endpoint.on("/once", &[Answer::Status(503), Answer::Status(200)]);
    let retry = json!({"retry": {"max_attempts": 2, "base": "1h", "max_delay": "1h"}});
    let task = Task::new(&call_workflow(&[("call", app.endpoint.url("/once"), retry)]));
    app.submit(&task).await;
    app.until("the retry", task.run, |found| found.run.status == RunStatus::Waiting).await;
    app.submit(&task.clone().attempt(2)).await;
    assert_eq!(app.succeeded(task.run).await.run.attempt, 2);
    app.crash_and_start_again().await;
    assert_eq!(app.post(batch([&task, &task.clone().attempt(2)])).await.receipt(), (0, 2, 0));
}
