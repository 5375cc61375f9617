//! Stopping in order.

use std::{sync::Arc, time::Duration};

use minireipaz::domain::{clock::SystemClock, run::RunStatus};
use serde_json::json;

use super::{
    rig::{Rig, call, chain, recorded, task},
    target::Target,
};

#[tokio::test]
async fn steps_under_way_finish_within_the_grace_and_the_rest_goes_on_at_the_next_start() {
    let (rig, target) = (Rig::start().await, Target::start().await);
    let document = chain(&[
        call("first", &target.url("held/first"), json!({})),
        call("second", &target.url("ok/second"), json!({})),
    ]);
    let tasks: Vec<_> = (0..30).map(|_| task(&document, json!({}))).collect();
    rig.accept(&tasks).await;
    target.arrived(30).await;
    let stopping = rig.stop();
    let release = async { target.release(30) };
    let (stopped, ()) = tokio::join!(stopping, release);
    for task in &tasks {
        let found = recorded(&stopped.store, task).await.unwrap();
        assert_eq!(found.run.status, RunStatus::Running);
        let first = found.steps.iter().find(|step| step.node_id.as_str() == "first").unwrap();
        assert_eq!(first.status.as_str(), "succeeded", "it is recorded before the worker ends");
    }
    let rig = stopped.start().await;
    for task in &tasks {
        assert_eq!(rig.end_of(task).await.run.status, RunStatus::Succeeded);
    }
    assert_eq!((target.count("first"), target.count("second")), (30, 30), "nothing ran twice");
    rig.stop().await;
}

#[tokio::test]
async fn a_step_that_outlives_the_grace_is_cut_off_and_runs_again() {
    let target = Target::start().await;
    let rig = Rig::with(Arc::new(SystemClock), |config| config.grace = Duration::from_millis(50)).await;
    let task = task(&chain(&[call("call", &target.url("held/x"), json!({}))]), json!({}));
    rig.accept(std::slice::from_ref(&task)).await;
    target.arrived(1).await;
    let rig = rig.stop().await.start().await;
    target.arrived(2).await;
    target.release(2);
    assert_eq!(rig.end_of(&task).await.run.status, RunStatus::Succeeded);
    rig.stop().await;
}

#[tokio::test]
async fn a_step_survives_more_orderly_stops_than_crashes_are_forgiven() {
    let target = Target::start().await;
    let mut rig = Rig::with(Arc::new(SystemClock), |config| {
        config.grace = Duration::from_millis(20);
        config.max_steps = 1;
    })
    .await;
    let document = chain(&[call("call", &target.url("held/x"), json!({}))]);
    let tasks = [task(&document, json!({})), task(&document, json!({}))];
    rig.accept(&tasks).await;
    // One of them is cut off each time, the other one waits for its place.
    for stops in 1..=8 {
        target.arrived(stops).await;
        rig = rig.stop().await.start().await;
    }
    target.release(20);
    for task in &tasks {
        assert_eq!(rig.end_of(task).await.run.status, RunStatus::Succeeded);
    }
    rig.stop().await;
}

#[tokio::test]
async fn a_store_that_is_away_does_not_keep_the_worker_from_stopping() {
    let target = Target::start().await;
    let rig = Rig::with(Arc::new(SystemClock), |config| config.grace = Duration::from_millis(50)).await;
    rig.store.memory.set_outage(Some("gone"));
    let task = task(&chain(&[call("call", &target.url("ok/x"), json!({}))]), json!({}));
    rig.accept(std::slice::from_ref(&task)).await;
    target.arrived(1).await;
    let stopped = rig.stop().await;
    stopped.store.memory.set_outage(None);
    let rig = stopped.start().await;
    assert_eq!(rig.end_of(&task).await.run.status, RunStatus::Succeeded);
    assert!(target.count("x") <= 2);
    rig.stop().await;
}
