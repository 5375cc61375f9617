//! When retries are used up, and records that no request can hold.

use axum::response::IntoResponse;
use bridge::log::Record;
use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Receiver, Reply, TestBridge, eventually};

async fn error_records(bridge: &TestBridge, topic: &str, count: usize) -> Vec<Record> {
    eventually(async || {
        let mut found = Vec::new();
        for partition in 0..4 {
            found.extend(bridge.stored(topic, partition).await);
        }
        (found.len() >= count).then_some(found)
    })
    .await
}

fn headers(record: &Record) -> Value {
    let text = |h: &bridge::log::Header| {
        String::from_utf8_lossy(h.value.as_deref().unwrap_or_default()).into_owned()
    };
    record
        .headers
        .iter()
        .map(|h| (h.name.clone(), Value::from(text(h))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[tokio::test]
async fn fail_stops_the_task_which_starts_again_and_skips_nothing() {
    let mut receiver = Receiver::scripted(|n, _| Reply::Status(if n < 4 { 500 } else { 200 })).await;
    let bridge = TestBridge::delivering(&receiver, json!({ "max.retries": 1, "batch.max.size": 1 })).await;
    bridge.produce([("k", json!(1)), ("k", json!(2))]).await;
    assert_eq!(receiver.values(2).await, [1, 2]);
    let failures = eventually(async || {
        let text = bridge.get("/metrics").await.1;
        let line =
            text.lines().find(|l| l.starts_with("bridge_task_failures_total") && !l.ends_with(" 0"))?;
        line.rsplit(' ').next().map(str::to_owned)
    })
    .await;
    assert_eq!(failures, "2", "two attempts each time");
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn a_status_that_is_not_in_the_list_is_not_tried_again() {
    let mut receiver = Receiver::scripted(|n, _| Reply::Status(if n == 0 { 404 } else { 200 })).await;
    let keys = json!({
        "retry.on.status.codes": "429,500-599", "behavior.on.error": "log", "batch.max.size": 1,
        "reporter.error.topic.name": "errors",
    });
    let bridge = TestBridge::delivering(&receiver, keys).await;
    bridge.produce([("k", json!(1)), ("k", json!(2))]).await;
    assert_eq!(receiver.next().await.body, "[1]");
    assert_eq!(receiver.next().await.body, "[2]", "the offset moved on");
    let record = error_records(&bridge, "errors", 1).await.remove(0);
    assert_eq!((record.key.as_deref(), record.value.as_deref()), (Some(&b"k"[..]), Some(&b"1"[..])));
    let partition = bridge::log::partition_of(b"k", 4).to_string();
    let expected = json!({
        "error": "the receiver answered 404 Not Found", "http_status": "404", "input_record_topic": "t",
        "input_record_partition": partition, "input_record_offset": "0",
    });
    assert_eq!(headers(&record), expected);
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn ignore_hands_the_whole_batch_to_the_error_topic_with_the_reply_if_that_is_wanted() {
    let refuse = || (StatusCode::BAD_REQUEST, "broken pipe dream").into_response();
    let receiver = Receiver::scripted(move |_, _| Reply::With(refuse())).await;
    let keys =
        json!({ "max.retries": 1, "behavior.on.error": "ignore", "report.errors.as": "http_response" });
    let bridge = TestBridge::delivering(&receiver, keys).await;
    bridge.produce([("k", json!(1)), ("k", json!(2))]).await;
    let records = error_records(&bridge, "error-sink", 2).await;
    let values: Vec<_> = records.iter().map(|r| r.value.as_deref().unwrap()).collect();
    assert_eq!(values, [b"1", b"2"]);
    assert_eq!(headers(&records[1])["error"], "broken pipe dream");
    bridge.bridge.stop().await;
}

const UNFIT: &str = r#"{"partition_id":0,"value":{"type":"STRING","data":"not json"}}
                       {"partition_id":0,"value":{"type":"JSON","data":2}}"#;

#[tokio::test]
async fn a_value_that_is_no_json_goes_to_the_error_topic_when_errors_are_tolerated() {
    let mut receiver = Receiver::willing().await;
    let bridge = TestBridge::delivering(&receiver, json!({ "errors.tolerance": "all" })).await;
    bridge.post("/v3/clusters/c/topics/t/records", "application/json", UNFIT).await;
    assert_eq!(receiver.next().await.body, "[2]");
    let record = error_records(&bridge, "error-sink", 1).await.remove(0);
    assert_eq!(record.value.as_deref(), Some(&b"not json"[..]));
    assert!(headers(&record)["error"].as_str().unwrap().starts_with("the value is not JSON"));
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn otherwise_it_fails_the_task_and_so_does_a_tombstone_that_is_not_allowed() {
    for (keys, body, reason) in [
        (json!({}), UNFIT, "record at offset 0: the value is not JSON"),
        (
            json!({ "behavior.on.null.values": "fail" }),
            r#"{"partition_id":0}"#,
            "record at offset 0 has no value",
        ),
    ] {
        let mut receiver = Receiver::willing().await;
        let bridge = TestBridge::delivering(&receiver, keys).await;
        bridge.post("/v3/clusters/c/topics/t/records", "application/json", body).await;
        eventually(async || bridge.get("/healthz").await.1.contains(reason).then_some(())).await;
        assert!(receiver.nothing_more());
        bridge.bridge.stop().await;
    }
}
