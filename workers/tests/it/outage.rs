//! The store is away: runs go on, and all of them are recorded when it is back.

use domain::{ids::RunId, run::RunStatus};
use minireipaz::store::memory::Call;
use serde_json::json;

use crate::app::{App, Task, batch, call_workflow, pure_workflow, within};

/// Sends so many tasks in batches of 100; their runs.
async fn send(app: &App, count: usize) -> Vec<RunId> {
    let mut runs = Vec::new();
    while runs.len() < count {
        let tasks: Vec<_> = (0..100).map(|n| Task::new(&pure_workflow()).input(json!({"n": n}))).collect();
        assert_eq!(app.post(batch(&tasks)).await.receipt(), (100, 0, 0));
        runs.extend(tasks.iter().map(|task| task.run));
    }
    runs
}

#[tokio::test]
async fn a_thousand_runs_of_an_outage_are_recorded_once_each() {
    let app = App::start().await;
    app.store.fail_writes(true);
    let runs = send(&app, 1_000).await;
    within("a refusal", app.store.refused()).await;
    assert_eq!(app.store.ended(), 0);
    let calls = app.store.calls(Call::RECORD);
    app.store.fail_writes(false);
    app.all_succeeded(&runs, 3).await;
    assert_eq!(app.store.ended(), 1_000);
    let calls = app.store.calls(Call::RECORD) - calls;
    assert!(calls <= 20, "a backlog is recorded in few calls, not in {calls}");
    assert!(runs.iter().all(|run| app.store.ends(*run) == 1), "nothing is recorded twice");
}

#[tokio::test]
async fn steps_go_on_during_an_outage() {
    let app = App::start().await;
    app.store.set_down(true);
    let calls = [("a", app.endpoint.url("/a"), json!({})), ("b", app.endpoint.url("/b"), json!({}))];
    let task = Task::new(&call_workflow(&calls));
    app.submit(&task).await;
    app.endpoint.called("/b", 1).await;
    app.store.set_down(false);
    app.all_succeeded(&[task.run], 3).await;
}

#[tokio::test]
async fn restarts_in_the_middle_of_an_outage_lose_nothing() {
    let mut app = App::start_with(|config| config.grace = std::time::Duration::from_millis(50)).await;
    app.store.fail_writes(true);
    let mut runs = send(&app, 300).await;
    app.crash_and_start_again().await;
    runs.extend(send(&app, 300).await);
    app.stop().await;
    app.start_again().await;
    runs.extend(send(&app, 300).await);
    within("a refusal", app.store.refused()).await;
    app.store.fail_writes(false);
    app.all_succeeded(&runs, 3).await;
    assert_eq!(app.store.ended(), 900);
}

#[tokio::test]
async fn dead_letters_wait_for_the_store_too() {
    let app = App::start().await;
    app.store.set_down(true);
    assert_eq!(app.post("poison").await.receipt(), (0, 0, 1));
    within("a refusal", app.store.refused()).await;
    app.store.set_down(false);
    within("the dead letter", app.store.until(async || (app.store.dead_letters().len() == 1).then_some(())))
        .await;
}

#[tokio::test]
async fn a_store_too_far_behind_closes_the_door_until_it_has_caught_up() {
    let mut app = App::start_with(|config| config.max_backlog = 100).await;
    app.store.fail_writes(true);
    let runs = send(&app, 100).await;
    let next = Task::new(&pure_workflow());
    let reply = app.post(next.json()).await;
    assert_eq!((reply.status, reply.retry_after.as_deref()), (429, Some("1")), "{reply:?}");
    assert!(reply.body.contains("the store is behind"), "{}", reply.body);
    assert_eq!(app.get("/readyz").await.status, 503);
    assert_eq!(app.get("/healthz").await.status, 200, "a restart would not help");
    app.crash_and_start_again().await;
    assert_eq!(app.post(next.json()).await.status, 429, "a restart does not make it forget");
    app.store.fail_writes(false);
    app.all_succeeded(&runs, 3).await;
    within("an open door", async {
        while app.get("/readyz").await.status != 200 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    app.submit(&next).await;
    app.succeeded(next.run).await;
}

#[tokio::test]
async fn one_run_that_the_store_refuses_for_good_holds_up_no_other() {
    let app = App::start().await;
    let tasks: Vec<_> = (0..5).map(|_| Task::new(&pure_workflow())).collect();
    let bad = tasks[2].run;
    app.store.refuse(bad);
    assert_eq!(app.post(batch(&tasks)).await.receipt(), (5, 0, 0));
    let good: Vec<_> = tasks.iter().map(|task| task.run).filter(|run| *run != bad).collect();
    app.all_succeeded(&good, 3).await;
    let letters = within(
        "the dead letter",
        app.store.until(async || Some(app.store.dead_letters()).filter(|letters| !letters.is_empty())),
    )
    .await;
    assert_eq!(letters.len(), 1);
    assert!(letters[0].reason.contains(&bad.to_string()), "{:?}", letters[0]);
    assert!(letters[0].record.contains("\"copy\""), "what is lost to the store is in the letter");
    let found = app.ended(bad).await;
    let error = found.run.error.unwrap();
    assert_eq!((found.run.status, error.code.as_str()), (RunStatus::Failed, "not_recorded"));
    assert!(error.message.contains("ended as succeeded") && error.message.contains("refusal"), "{error:?}");
    app.succeeded(app.submit(&Task::new(&pure_workflow())).await).await;
}
