//! What happens while a receiver does not take records.

use std::time::{Duration, Instant};

use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Receiver, Reply, TestBridge, eventually};

#[tokio::test]
async fn a_refused_request_comes_again_unchanged_until_it_is_taken_and_then_the_next() {
    let mut receiver = Receiver::scripted(|n, _| Reply::Status([500, 404, 429, 200][n.min(3)])).await;
    let bridge = TestBridge::delivering(&receiver, json!({ "batch.max.size": 1 })).await;
    bridge.produce([("k", json!(1)), ("k", json!(2))]).await;
    let mut bodies = Vec::new();
    for _ in 0..5 {
        bodies.push(receiver.next().await.body);
    }
    assert_eq!(bodies, ["[1]", "[1]", "[1]", "[1]", "[2]"]);
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_found_when_it_comes() {
    let gone = Receiver::willing().await;
    let addr = gone.addr;
    let bridge = TestBridge::delivering(
        &gone,
        json!({ "max.retries": 1_000_000, "retry.backoff.policy": "CONSTANT_VALUE", "retry.backoff.ms": 20 }),
    )
    .await;
    drop(gone);
    bridge.produce([("k", json!(1))]).await;
    eventually(async || {
        let health: Value = serde_json::from_str(&bridge.get("/healthz").await.1).unwrap();
        let task = health["tasks"].as_array()?.iter().find(|task| task["state"] == "RETRYING")?.clone();
        let reason = task["reason"].as_str()?.to_owned();
        assert!(reason.starts_with("cannot connect: ") || reason.starts_with("no reply: "), "{reason}");
        Some(())
    })
    .await;
    let mut receiver = Receiver::at(addr, |_, _| Reply::Status(204)).await;
    assert_eq!(receiver.next().await.body, "[1]");
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn a_request_without_an_answer_times_out_and_comes_again() {
    let mut receiver =
        Receiver::scripted(|n, _| if n == 0 { Reply::Never } else { Reply::Status(200) }).await;
    let bridge = TestBridge::delivering(&receiver, json!({ "http.request.timeout.ms": 50 })).await;
    bridge.produce([("k", json!(1))]).await;
    assert_eq!((receiver.next().await.taken, receiver.next().await.taken), (false, true));
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn retry_after_is_waited_for_while_records_that_come_meanwhile_wait_their_turn() {
    for status in [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE] {
        let script = move |n, _: &str| match n {
            0 => Reply::With((status, [("retry-after", "1")]).into_response()),
            _ => Reply::Status(200),
        };
        let mut receiver = Receiver::scripted(script).await;
        let bridge = TestBridge::delivering(&receiver, json!({})).await;
        bridge.produce([("k", json!(1))]).await;
        assert!(!receiver.next().await.taken);
        let refused = Instant::now();
        bridge.produce([("k", json!(2))]).await;
        assert_eq!(receiver.values(2).await, [1, 2]);
        assert!(refused.elapsed() > Duration::from_millis(900), "{:?}", refused.elapsed());
        bridge.bridge.stop().await;
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let mut elsewhere = Receiver::willing().await;
    let url = elsewhere.url();
    let script = move |n, _: &str| match n {
        0 => Reply::With((StatusCode::TEMPORARY_REDIRECT, [("location", url.clone())]).into_response()),
        _ => Reply::Status(200),
    };
    let mut receiver = Receiver::scripted(script).await;
    let bridge = TestBridge::delivering(&receiver, json!({})).await;
    bridge.produce([("k", json!(1))]).await;
    assert_eq!((receiver.next().await.taken, receiver.next().await.taken), (false, true));
    assert!(elsewhere.nothing_more(), "a record and its secrets go where the connector says");
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn partitions_do_not_wait_for_each_other() {
    let mut receiver =
        Receiver::scripted(|_, body| Reply::Status(if body.contains("stuck") { 503 } else { 200 })).await;
    let bridge = TestBridge::delivering(&receiver, json!({ "max.retries": 1_000_000 })).await;
    let body = r#"{"partition_id":0,"value":{"type":"JSON","data":"stuck"}}
                  {"partition_id":1,"value":{"type":"JSON","data":"free"}}"#;
    bridge.post("/v3/clusters/c/topics/t/records", "application/json", body).await;
    assert_eq!(receiver.values(1).await, ["free"]);
    bridge.bridge.stop().await;
}
