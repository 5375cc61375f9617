//! Bounds: who comes when there is no room is told so, and when to come back.

use minireipaz::domain::run::RunStatus;
use reqwest::StatusCode;
use serde_json::json;

use super::{
    rig::{Rig, call, chain, set, task},
    target::Target,
};
use minireipaz::domain::clock::SystemClock;
use std::sync::Arc;

#[tokio::test]
async fn a_long_backlog_turns_batches_away_until_the_store_has_caught_up() {
    let rig = Rig::with(Arc::new(SystemClock), |config| config.max_backlog = 5).await;
    rig.store.memory.set_outage(Some("gone"));
    let document = chain(&[set("a", "x", json!(1))]);
    let tasks: Vec<_> = (0..5).map(|_| task(&document, json!({}))).collect();
    rig.accept(&tasks).await;
    let more = task(&document, json!({}));
    let response = rig.post(serde_json::to_vec(&[&more]).unwrap()).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(rig.get("/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(rig.get("/healthz").await.0, StatusCode::OK);
    rig.store.memory.set_outage(None);
    for task in &tasks {
        rig.end_of(task).await;
    }
    // The worker learns of it after the store has it: at once, but after.
    while rig.get("/readyz").await.0 != StatusCode::OK {}
    rig.accept(std::slice::from_ref(&more)).await;
    assert_eq!(rig.end_of(&more).await.run.status, RunStatus::Succeeded);
    rig.stop().await;
}

#[tokio::test]
async fn too_many_runs_in_memory_turn_batches_away() {
    let target = Target::start().await;
    let rig = Rig::with(Arc::new(SystemClock), |config| config.max_runs = 2).await;
    let document = chain(&[call("call", &target.url("held/x"), json!({}))]);
    let tasks: Vec<_> = (0..2).map(|_| task(&document, json!({}))).collect();
    rig.accept(&tasks).await;
    target.arrived(2).await;
    let response = rig.post(serde_json::to_vec(&[task(&document, json!({}))]).unwrap()).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let text = response.text().await.unwrap();
    assert!(text.contains("limit of 2"), "the limit is named: {text}");
    target.release(2);
    for task in &tasks {
        rig.end_of(task).await;
    }
    rig.stop().await;
}
