//! Replays from a node at a real worker: what comes before is read from the store, whenever that answers.

use std::time::Duration;

use domain::{
    ids::{NodeId, RunId},
    run::{RunPlan, RunStatus, RunWithSteps, Trigger},
};
use minireipaz::store::memory::Call;
use serde_json::{Value, json};

use crate::app::{Answer, App, Task, call_workflow, step, within};

fn id(node: &str) -> NodeId {
    NodeId::parse(node).unwrap()
}

fn two_calls(app: &App) -> Value {
    call_workflow(&[
        ("one", app.endpoint.url("/one"), json!({ "on_error": "continue" })),
        ("two", app.endpoint.url("/two"), json!({ "retry": { "max_attempts": 1 } })),
    ])
}

/// A run whose second call has failed.
async fn failed(app: &App) -> RunId {
    app.endpoint.on("/two", &[Answer::Status(500), Answer::Status(200)]);
    let run = app.submit(&Task::new(&two_calls(app))).await;
    assert_eq!(app.ended(run).await.run.status, RunStatus::Failed);
    run
}

/// The task to replay a run from its second call.
fn replay(app: &App, of: RunId) -> Task {
    let trigger = Trigger { replay_of: Some(of), from: Some(id("two")), ..Trigger::manual() };
    Task::new(&two_calls(app)).planned(trigger, RunPlan { earlier: [id("one")].into(), ..RunPlan::default() })
}

/// Waits until the store was asked for a step.
async fn asked(app: &App) {
    within("a question", async {
        while app.store.calls(Call::GET_NODE) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

fn error_code(found: &RunWithSteps) -> &str {
    &found.run.error.as_ref().unwrap().code
}

#[tokio::test]
async fn what_lies_before_the_node_is_taken_over_and_not_called_again() {
    let app = App::start().await;
    let earlier = failed(&app).await;
    let run = app.submit(&replay(&app, earlier)).await;
    let found = app.succeeded(run).await;
    assert_eq!((app.endpoint.count("/one"), app.endpoint.count("/two")), (1, 2));
    assert_eq!(found.run.trigger.replay_of, Some(earlier));
    let one = step(&found, "one");
    assert!(one.pinned && !step(&found, "two").pinned, "{one:?}");
    assert_eq!(one.output, step(&app.find(earlier).await.unwrap(), "one").output);
}

#[tokio::test]
async fn a_replay_waits_for_a_store_that_is_away_over_crashes_too() {
    let mut app = App::start().await;
    let earlier = failed(&app).await;
    app.store.set_down(true);
    let run = app.submit(&replay(&app, earlier)).await;
    asked(&app).await;
    app.crash_and_start_again().await;
    app.store.set_down(false);
    app.clock.advance(Duration::from_secs(60));
    app.wake();
    app.succeeded(run).await;
    assert_eq!((app.endpoint.count("/one"), app.endpoint.count("/two")), (1, 2));
}

#[tokio::test]
async fn a_run_that_is_not_recorded_is_waited_for_and_missed_in_the_end() {
    let app = App::start().await;
    let nobody = RunId(uuid::Uuid::from_u128(7));
    let run = app.submit(&replay(&app, nobody)).await;
    app.until("the wait", run, |found| found.run.status == RunStatus::Waiting).await;
    app.clock.advance(Duration::from_secs(2 * 3_600));
    app.wake();
    let found = app.ended(run).await;
    assert_eq!((found.run.status, error_code(&found)), (RunStatus::Failed, "earlier_output_missing"));
    let said = &found.run.error.as_ref().unwrap().message;
    assert!(said.contains("it is not recorded") && said.contains("from the start"), "{said}");
    assert_eq!((app.endpoint.count("/one"), app.endpoint.count("/two")), (0, 0));
}

#[tokio::test]
async fn an_output_that_cannot_be_read_ends_the_replay_whatever_the_node_says_of_errors() {
    let app = App::start().await;
    let earlier = failed(&app).await;
    app.store.damage_step(earlier, id("one"));
    let run = app.submit(&replay(&app, earlier)).await;
    let found = app.ended(run).await;
    assert_eq!((found.run.status, error_code(&found)), (RunStatus::Failed, "earlier_output_missing"));
    assert_eq!((app.endpoint.count("/one"), app.endpoint.count("/two")), (1, 1));
}
