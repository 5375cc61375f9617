//! The store is away, or refuses.

use std::sync::atomic::Ordering;

use minireipaz::domain::run::RunStatus;
use serde_json::json;

use super::{
    rig::{Rig, call, chain, run_of, set, task},
    target::Target,
};

#[tokio::test]
async fn a_thousand_runs_during_an_outage_end_up_recorded_once() {
    let rig = Rig::start().await;
    rig.store.memory.set_outage(Some("gone"));
    let document = chain(&[set("a", "x", json!(1)), set("b", "y", json!(2))]);
    let tasks: Vec<_> = (0..1_000).map(|n| task(&document, json!({"n": n}))).collect();
    for batch in tasks.chunks(100) {
        assert_eq!(rig.accept(batch).await["accepted"], 100, "an outage does not stop runs");
    }
    rig.refused(1).await;
    let before = rig.store.calls.load(Ordering::SeqCst);
    rig.store.memory.set_outage(None);
    for task in &tasks {
        let found = rig.end_of(task).await;
        assert_eq!((found.run.status, found.steps.len()), (RunStatus::Succeeded, 3));
        assert_eq!(rig.store.statuses(run_of(task)), [RunStatus::Succeeded]);
    }
    let calls = rig.store.calls.load(Ordering::SeqCst) - before;
    assert!(calls <= 20, "a backlog is recorded in few calls, not in {calls}");
    rig.stop().await;
}

#[tokio::test]
async fn a_row_that_the_store_will_never_take_becomes_a_dead_letter_and_holds_nobody_up() {
    let rig = Rig::start().await;
    let document = chain(&[set("a", "x", json!(1))]);
    let tasks: Vec<_> = (0..9).map(|_| task(&document, json!({}))).collect();
    *rig.store.poison.lock().unwrap() = Some(run_of(&tasks[4]));
    rig.accept(&tasks).await;
    for (n, task) in tasks.iter().enumerate().filter(|(n, _)| *n != 4) {
        assert_eq!(rig.end_of(task).await.run.status, RunStatus::Succeeded, "{n}");
    }
    let letters = rig
        .until("the letter", async |store| {
            Some(store.memory.dead_letters()).filter(|letters| !letters.is_empty())
        })
        .await;
    assert_eq!(letters.len(), 1);
    assert!(letters[0].reason.contains(&run_of(&tasks[4]).to_string()), "{}", letters[0].reason);
    rig.stop().await;
}

#[tokio::test]
async fn the_rows_of_running_steps_are_visible_while_the_run_goes_on() {
    let (rig, target) = (Rig::start().await, Target::start().await);
    let document = chain(&[call("call", &target.url("held/x"), json!({})), set("after", "x", json!(1))]);
    let task = task(&document, json!({}));
    rig.accept(std::slice::from_ref(&task)).await;
    let step = rig.step_with(&task, "call", "running").await;
    assert!(step.started_at.is_some() && step.finished_at.is_none());
    assert_eq!(rig.store.statuses(run_of(&task)), [RunStatus::Running]);
    target.release(1);
    assert_eq!(rig.end_of(&task).await.steps.len(), 3);
    rig.stop().await;
}
