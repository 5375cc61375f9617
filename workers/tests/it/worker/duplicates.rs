//! The same task again, from whatever it comes.

use std::{sync::Arc, time::Duration};

use minireipaz::{
    domain::{
        clock::{Clock, ManualClock, SystemClock},
        ids::{RunId, WorkflowId},
        run::RunStatus,
    },
    store::{Facts, RunStore},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{
    rig::{Rig, again, call, chain, ended_run, run_of, set, task, task_with, tenant},
    target::Target,
};

#[tokio::test]
async fn the_same_batch_again_in_any_order_runs_nothing_twice() {
    let (rig, target) = (Rig::start().await, Target::start().await);
    let document = chain(&[call("call", &target.url("ok/x"), json!({}))]);
    let tasks: Vec<_> = (0..20).map(|_| task(&document, json!({}))).collect();
    let reversed: Vec<_> = tasks.iter().rev().cloned().collect();
    let (first, second) = tokio::join!(rig.accept(&tasks), rig.accept(&reversed));
    let sum = |field: &str| first[field].as_u64().unwrap() + second[field].as_u64().unwrap();
    assert_eq!((sum("accepted"), sum("duplicates")), (20, 20));
    for task in &tasks {
        assert_eq!(rig.end_of(task).await.run.status, RunStatus::Succeeded);
    }
    assert_eq!(rig.accept(&tasks).await["duplicates"], 20);
    let rig = rig.crash().await;
    assert_eq!(rig.accept(&tasks).await["duplicates"], 20, "also after a restart");
    assert_eq!(target.count("x"), 20);
    rig.stop().await;
}

#[tokio::test]
async fn the_same_task_twice_in_a_batch_is_one_run() {
    let rig = Rig::start().await;
    let task = task(&chain(&[set("a", "x", json!(1))]), json!({}));
    let receipt = rig.accept(&[task.clone(), task.clone()]).await;
    assert_eq!((&receipt["accepted"], &receipt["duplicates"]), (&json!(1), &json!(1)));
    rig.stop().await;
}

#[tokio::test]
async fn a_higher_attempt_replaces_a_running_one_and_a_lower_one_is_late() {
    let (rig, target) = (Rig::start().await, Target::start().await);
    let document = chain(&[call("call", &target.url("held/x"), json!({}))]);
    let first = task(&document, json!({}));
    rig.accept(std::slice::from_ref(&first)).await;
    target.arrived(1).await;
    let second = again(&first, 2);
    assert_eq!(rig.accept(std::slice::from_ref(&second)).await["accepted"], 1);
    target.arrived(2).await;
    assert_eq!(rig.accept(std::slice::from_ref(&first)).await["duplicates"], 1);
    // The call that was cut off may take its place in the queue with it.
    target.release(2);
    let found = rig.end_of(&second).await;
    assert_eq!((found.run.status, found.run.attempt), (RunStatus::Succeeded, 2));
    assert_eq!(rig.accept(&[first, second]).await["duplicates"], 2);
    rig.stop().await;
}

#[tokio::test]
async fn a_higher_attempt_replaces_a_parked_run() {
    let (rig, target) = (Rig::start().await, Target::start().await);
    let retry = json!({"retry": {"max_attempts": 2, "base": "1h", "max_delay": "1h"}});
    let document = chain(&[call("call", &target.url("flaky/x"), retry)]);
    let first = task(&document, json!({}));
    rig.accept(std::slice::from_ref(&first)).await;
    rig.step_with(&first, "call", "retrying").await;
    let second = again(&first, 2);
    assert_eq!(rig.accept(std::slice::from_ref(&second)).await["accepted"], 1);
    let found = rig.end_of(&second).await;
    assert_eq!((found.run.status, found.run.attempt), (RunStatus::Succeeded, 2));
    let rig = rig.crash().await;
    assert_eq!(rig.accept(&[first, second]).await["duplicates"], 2);
    rig.stop().await;
}

#[tokio::test]
async fn a_run_that_the_journal_has_forgotten_is_looked_up_in_the_store() {
    let now = SystemClock.now();
    let clock = Arc::new(ManualClock::at(now));
    let rig = Rig::with(clock.clone(), |_| {}).await;
    let document = chain(&[set("a", "x", json!(1))]);
    let derived = RunId::for_idempotency_key(&tenant("acme"), WorkflowId::at(now, 1), "order-1");
    let (ended, keyed, new) =
        (task(&document, json!({})), task_with(derived, &document, json!({})), task(&document, Value::Null));
    let runs = [&ended, &keyed].map(|task| (tenant("acme"), ended_run(task, now)));
    rig.store.memory.record(&Facts { runs: runs.to_vec(), steps: Vec::new() }).await.unwrap();
    clock.advance(Duration::from_secs(25 * 3_600));

    rig.store.memory.set_outage(Some("gone"));
    let response = rig.post(serde_json::to_vec(&[&ended]).unwrap()).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "nobody knows whether it is new");
    assert!(response.headers().contains_key("retry-after"));
    rig.store.memory.set_outage(None);

    let receipt = rig.accept(&[ended.clone(), keyed, new.clone()]).await;
    assert_eq!((&receipt["accepted"], &receipt["duplicates"]), (&json!(1), &json!(2)));
    rig.end_of(&new).await;
    assert_eq!(rig.store.statuses(run_of(&ended)), [], "nothing was run");
    rig.stop().await;
}

#[tokio::test]
async fn a_run_with_an_idempotency_key_is_recognised_without_the_store() {
    let rig = Rig::start().await;
    let derived = RunId::for_idempotency_key(&tenant("acme"), WorkflowId(uuid::Uuid::nil()), "k");
    let task = task_with(derived, &chain(&[set("a", "x", json!(1))]), json!({}));
    assert_eq!(rig.accept(std::slice::from_ref(&task)).await["accepted"], 1);
    rig.end_of(&task).await;
    rig.store.memory.set_outage(Some("gone"));
    assert_eq!(rig.accept(std::slice::from_ref(&task)).await["duplicates"], 1);
    rig.store.memory.set_outage(None);
    rig.stop().await;
}
