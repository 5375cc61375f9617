//! The worker ends at every boundary: nothing is lost, what is done is not done again.

use std::sync::atomic::Ordering;

use minireipaz::domain::run::RunStatus;
use serde_json::json;

use super::{
    rig::{Rig, call, chain, run_of, set, task},
    target::Target,
};

#[tokio::test]
async fn a_crash_in_a_step_runs_that_step_again_and_none_before_it() {
    let (rig, target) = (Rig::start().await, Target::start().await);
    let document = chain(&[
        call("first", &target.url("ok/first"), json!({})),
        set("between", "x", json!("{{ $json.name }}")),
        call("second", &target.url("held/second"), json!({})),
        call("third", &target.url("ok/third"), json!({})),
    ]);
    let task = task(&document, json!({}));
    rig.accept(std::slice::from_ref(&task)).await;
    target.arrived(2).await;
    let rig = rig.crash().await;
    target.arrived(3).await;
    target.release(2);
    let found = rig.end_of(&task).await;
    assert_eq!(found.run.status, RunStatus::Succeeded);
    assert_eq!(["first", "second", "third"].map(|name| target.count(name)), [1, 2, 1]);
    let second = found.steps.iter().find(|step| step.node_id.as_str() == "second").unwrap();
    assert_eq!(second.attempts, 2);
    let keys = target.keys();
    assert_eq!(keys[1], keys[2], "the receiver can tell that it is the same call");
    assert_ne!(keys[0], keys[1]);
    rig.stop().await;
}

#[tokio::test]
async fn a_crash_before_the_store_has_it_records_it_afterwards() {
    let rig = Rig::start().await;
    rig.store.memory.set_outage(Some("gone"));
    let tasks: Vec<_> = (0..50).map(|n| task(&chain(&[set("a", "n", json!(n))]), json!({}))).collect();
    rig.accept(&tasks).await;
    rig.refused(1).await;
    let rig = rig.crash_and(|store| store.memory.set_outage(None)).await;
    for task in &tasks {
        assert_eq!(rig.end_of(task).await.run.status, RunStatus::Succeeded);
        assert_eq!(rig.store.statuses(run_of(task)), [RunStatus::Succeeded]);
    }
    rig.stop().await;
}

#[tokio::test]
async fn a_crash_after_the_store_has_it_records_the_same_row_again() {
    let rig = Rig::start().await;
    rig.store.mute.store(true, Ordering::SeqCst);
    let task = task(&chain(&[set("a", "x", json!(1))]), json!({}));
    rig.accept(std::slice::from_ref(&task)).await;
    let before = rig.end_of(&task).await;
    let rig = rig.crash_and(|store| store.mute.store(false, Ordering::SeqCst)).await;
    rig.until("it is recorded again", async |store| (store.statuses(run_of(&task)).len() == 2).then_some(()))
        .await;
    assert_eq!(rig.end_of(&task).await, before, "it is the same row, so the store keeps one");
    rig.stop().await;
}

#[tokio::test]
async fn many_runs_survive_crash_after_crash() {
    let (mut rig, target) = (Rig::start().await, Target::start().await);
    let document = chain(&[
        call("first", &target.url("ok/first"), json!({})),
        call("second", &target.url("held/second"), json!({})),
    ]);
    let tasks: Vec<_> = (0..20).map(|_| task(&document, json!({}))).collect();
    rig.accept(&tasks).await;
    target.arrived(40).await;
    for round in 1..=3 {
        rig = rig.crash().await;
        target.arrived(40 + 20 * round).await;
    }
    target.release(200);
    for task in &tasks {
        assert_eq!(rig.end_of(task).await.run.status, RunStatus::Succeeded);
    }
    assert_eq!((target.count("first"), target.count("second")), (20, 80));
    rig.stop().await;
}
