//! A worker that dies, and what the next one makes of its journal.

use std::time::Duration;

use domain::run::{RunStatus, StepStatus};
use serde_json::json;

use crate::app::{Answer, App, Task, batch, call_workflow, pure_workflow, step, within};

#[tokio::test]
async fn only_the_step_that_was_cut_off_is_executed_again() {
    let mut app = App::start().await;
    app.endpoint.on("/second", &[Answer::Never, Answer::Status(200)]);
    let task = Task::new(&call_workflow(&[
        ("first", app.endpoint.url("/first"), json!({})),
        ("second", app.endpoint.url("/second"), json!({})),
        ("third", app.endpoint.url("/third"), json!({})),
    ]));
    app.submit(&task).await;
    app.endpoint.called("/second", 1).await;
    app.crash_and_start_again().await;
    let found = app.succeeded(task.run).await;
    assert_eq!(["/first", "/second", "/third"].map(|path| app.endpoint.count(path)), [1, 2, 1]);
    let keys = app.endpoint.keys("/second");
    assert_eq!(keys[0], keys[1], "the server can tell that it is the same call");
    assert_eq!(keys[0], format!("{}:second:0", task.run));
    assert_eq!(found.steps.len(), 4);
    assert_eq!(step(&found, "second").attempts, 2);
    assert_eq!(app.store.ends(task.run), 1);
}

#[tokio::test]
async fn what_was_acknowledged_is_recorded_although_the_worker_dies_at_once() {
    let mut app = App::start().await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        let tasks: Vec<_> = (0..300).map(|n| Task::new(&pure_workflow()).input(json!({"n": n}))).collect();
        assert_eq!(app.post(batch(&tasks)).await.receipt(), (300, 0, 0));
        app.crash_and_start_again().await;
        runs.extend(tasks.iter().map(|task| task.run));
    }
    app.all_succeeded(&runs, 3).await;
    assert_eq!(app.store.ended(), 900);
}

#[tokio::test]
async fn a_crash_among_many_batches_loses_none_that_was_acknowledged() {
    let mut app = App::start().await;
    let batches: Vec<Vec<Task>> =
        (0..40).map(|_| (0..10).map(|_| Task::new(&pure_workflow())).collect()).collect();
    let mut posts: futures_util::stream::FuturesUnordered<_> =
        batches.iter().map(|tasks| send(app.addr(), tasks)).collect();
    let mut acknowledged = Vec::new();
    while acknowledged.len() < 5 {
        acknowledged.extend(futures_util::StreamExt::next(&mut posts).await.unwrap());
    }
    // The others are on their way: some will be answered, some will not.
    let rest = futures_util::StreamExt::collect::<Vec<_>>(posts);
    let ((), rest) = tokio::join!(app.crash(), rest);
    acknowledged.extend(rest.into_iter().flatten());
    app.start_again().await;
    for tasks in &acknowledged {
        app.all_succeeded(&tasks.iter().map(|task| task.run).collect::<Vec<_>>(), 3).await;
    }
    // The connector sends again what it has no answer to.
    let all: Vec<_> = batches.iter().flatten().collect();
    let (accepted, duplicates, _) = app.post(batch(all.iter().copied())).await.receipt();
    assert_eq!(accepted + duplicates, 400);
    app.all_succeeded(&all.iter().map(|task| task.run).collect::<Vec<_>>(), 3).await;
}

/// The tasks, if the worker took them.
async fn send(addr: std::net::SocketAddr, tasks: &[Task]) -> Option<&[Task]> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(format!("http://{addr}/tasks")).header("x-api-key", crate::app::SECRET);
    let response = request.body(batch(tasks)).send().await.ok()?;
    response.status().is_success().then_some(tasks)
}

#[tokio::test]
async fn a_retry_that_was_due_while_no_worker_ran_follows_at_once() {
    let mut app = App::start().await;
    app.endpoint.on("/late", &[Answer::Status(503), Answer::Status(200)]);
    let retry = json!({"retry": {"max_attempts": 2, "base": "1h", "max_delay": "1h"}});
    let task = Task::new(&call_workflow(&[("late", app.endpoint.url("/late"), retry)]));
    app.submit(&task).await;
    app.until("the retry", task.run, |found| found.run.status == RunStatus::Waiting).await;
    app.crash_and_start_again().await;
    app.succeeded(app.submit(&Task::new(&pure_workflow())).await).await;
    assert_eq!(app.endpoint.count("/late"), 1, "it is not due yet");
    assert_eq!(app.post(task.json()).await.receipt(), (0, 1, 0), "one that waits is known");
    app.crash().await;
    app.clock.advance(Duration::from_secs(3_600));
    app.start_again().await;
    let found = app.succeeded(task.run).await;
    assert_eq!(step(&found, "late").attempts, 2);
    assert_eq!(app.endpoint.count("/late"), 2);
}

#[tokio::test]
async fn a_time_limit_that_passed_while_no_worker_ran_ends_the_run() {
    let mut app = App::start().await;
    app.endpoint.on("/slow", &[Answer::Never]);
    let mut document = call_workflow(&[("slow", app.endpoint.url("/slow"), json!({}))]);
    document["settings"] = json!({"timeout": "1h"});
    let task = Task::new(&document);
    app.submit(&task).await;
    app.endpoint.called("/slow", 1).await;
    app.crash().await;
    app.clock.advance(Duration::from_secs(3_600));
    app.start_again().await;
    let found = app.ended(task.run).await;
    assert_eq!(found.run.status, RunStatus::TimedOut);
    assert_eq!(step(&found, "slow").status, StepStatus::Cancelled);
    assert_eq!(app.endpoint.count("/slow"), 1);
}

#[tokio::test]
async fn a_step_that_takes_every_worker_down_is_given_up() {
    let mut app = App::start().await;
    app.endpoint.on("/killer", &[Answer::Never]);
    let on_error = json!({"on_error": "continue"});
    let task = Task::new(&call_workflow(&[
        ("killer", app.endpoint.url("/killer"), on_error),
        ("next", app.endpoint.url("/next"), json!({})),
    ]));
    app.submit(&task).await;
    for times in 1..=6 {
        app.endpoint.called("/killer", times).await;
        app.crash_and_start_again().await;
    }
    let found = app.succeeded(task.run).await;
    assert_eq!(step(&found, "killer").error.as_ref().unwrap().code, "worker_crashed");
    assert_eq!((app.endpoint.count("/killer"), app.endpoint.count("/next")), (6, 1));
}

#[tokio::test]
async fn what_the_store_has_without_the_worker_knowing_it_is_recorded_again_as_the_same() {
    let mut app = App::start().await;
    app.store.mute(true);
    let task = Task::new(&pure_workflow());
    app.submit(&task).await;
    let before = app.succeeded(task.run).await;
    app.crash().await;
    app.store.mute(false);
    app.start_again().await;
    within("the second time", app.store.until(async || (app.store.ends(task.run) == 2).then_some(()))).await;
    assert_eq!(app.succeeded(task.run).await, before, "it is the same row, so the store keeps one");
}

#[tokio::test]
async fn many_runs_survive_crash_after_crash() {
    let mut app = App::start_with(|config| config.max_steps_per_tenant = 20).await;
    app.endpoint.on("/second", &[Answer::Held]);
    let calls = [
        ("first", app.endpoint.url("/first"), json!({})),
        ("second", app.endpoint.url("/second"), json!({})),
    ];
    let tasks: Vec<_> = (0..20).map(|_| Task::new(&call_workflow(&calls))).collect();
    assert_eq!(app.post(batch(&tasks)).await.receipt(), (20, 0, 0));
    for round in 1..=3 {
        app.endpoint.called("/second", 20 * round).await;
        app.crash_and_start_again().await;
    }
    app.endpoint.called("/second", 80).await;
    app.endpoint.release();
    app.all_succeeded(&tasks.iter().map(|task| task.run).collect::<Vec<_>>(), 3).await;
    assert_eq!((app.endpoint.count("/first"), app.endpoint.count("/second")), (20, 80));
}
