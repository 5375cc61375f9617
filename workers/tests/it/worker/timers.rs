//! Durable timers: retries and time limits, also across restarts.

use std::{sync::Arc, time::Duration};

use minireipaz::domain::{
    clock::{Clock, ManualClock, SystemClock},
    run::{RunStatus, StepStatus},
};
use serde_json::json;

use super::{
    rig::{Rig, call, chain, set, task},
    target::Target,
};

fn hourly() -> serde_json::Value {
    json!({"retry": {"max_attempts": 3, "base": "1h", "max_delay": "1h"}})
}

#[tokio::test]
async fn a_retry_fires_when_it_is_due_and_the_run_waits_until_then() {
    let target = Target::start().await;
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let rig = Rig::with(clock.clone(), |_| {}).await;
    let task = task(&chain(&[call("call", &target.url("flaky/x"), hourly())]), json!({}));
    rig.accept(std::slice::from_ref(&task)).await;
    let step = rig.step_with(&task, "call", "retrying").await;
    assert_eq!(step.error.unwrap().code, "http_status");
    rig.worker.wake();
    clock.advance(Duration::from_secs(3_601));
    rig.worker.wake();
    let found = rig.end_of(&task).await;
    assert_eq!(found.run.status, RunStatus::Succeeded);
    assert_eq!((found.steps[1].attempts, target.count("x")), (2, 2));
    rig.stop().await;
}

#[tokio::test]
async fn a_retry_survives_a_restart_and_one_that_was_missed_fires_at_once() {
    let target = Target::start().await;
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let rig = Rig::with(clock.clone(), |_| {}).await;
    let document = chain(&[
        call("call", &target.url("flaky/x"), hourly()),
        set("after", "y", json!("{{ $json.name }}")),
    ]);
    let task = task(&document, json!({}));
    rig.accept(std::slice::from_ref(&task)).await;
    rig.step_with(&task, "call", "retrying").await;
    let rig = rig.crash().await;
    assert_eq!(target.count("x"), 1, "it is not due");
    let moved = clock.clone();
    let rig = rig.crash_and(move |_| moved.advance(Duration::from_secs(7_200))).await;
    let found = rig.end_of(&task).await;
    assert_eq!(found.run.status, RunStatus::Succeeded);
    assert_eq!(found.run.output.unwrap()["after"][0]["y"], "x");
    assert_eq!(target.count("x"), 2);
    rig.stop().await;
}

#[tokio::test]
async fn retries_of_a_real_clock_need_nobody_to_wake_them() {
    let (rig, target) = (Rig::start().await, Target::start().await);
    let retry = json!({"retry": {"max_attempts": 2, "base": "20ms", "max_delay": "20ms"}});
    let task = task(&chain(&[call("call", &target.url("flaky/x"), retry)]), json!({}));
    rig.accept(std::slice::from_ref(&task)).await;
    assert_eq!(rig.end_of(&task).await.run.status, RunStatus::Succeeded);
    assert_eq!(target.count("x"), 2);
    rig.stop().await;
}

#[tokio::test]
async fn a_run_above_its_time_limit_is_cut_off() {
    let target = Target::start().await;
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let rig = Rig::with(clock.clone(), |_| {}).await;
    let mut document = chain(&[call("call", &target.url("held/x"), json!({}))]);
    document["settings"] = json!({"timeout": "2h"});
    let task = task(&document, json!({}));
    rig.accept(std::slice::from_ref(&task)).await;
    target.arrived(1).await;
    clock.advance(Duration::from_secs(7_300));
    rig.worker.wake();
    let found = rig.end_of(&task).await;
    assert_eq!(found.run.status, RunStatus::TimedOut);
    assert_eq!(found.steps[1].status, StepStatus::Cancelled);
    rig.stop().await;
}

#[tokio::test]
async fn a_hundred_parked_runs_all_go_on() {
    let target = Target::start().await;
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let rig = Rig::with(clock.clone(), |config| config.runner.http.breaker.failures = 1_000).await;
    let tasks: Vec<_> = (0..100)
        .map(|n| task(&chain(&[call("call", &target.url(&format!("flaky/x{n}")), hourly())]), json!({})))
        .collect();
    rig.accept(&tasks).await;
    for task in &tasks {
        rig.step_with(task, "call", "retrying").await;
    }
    clock.advance(Duration::from_secs(3_601));
    rig.worker.wake();
    for task in &tasks {
        assert_eq!(rig.end_of(task).await.run.status, RunStatus::Succeeded);
    }
    assert_eq!(target.calls(), 200);
    rig.stop().await;
}
