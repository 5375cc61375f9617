//! From a produce request to the receiver: what its requests look like.

use serde_json::{Value, json};

use crate::support::{Receiver, TestBridge, reports};

/// Stores `values` as they are in one partition, all at once, and gives the first `count` bodies they make.
async fn bodies(keys: Value, values: &[&str], count: usize) -> Vec<String> {
    let mut receiver = Receiver::willing().await;
    let bridge = TestBridge::delivering(&receiver, keys).await;
    let record =
        |data: &&str| json!({"partition_id": 0, "value": {"type": "STRING", "data": data}}).to_string();
    let body: String = values.iter().map(record).collect();
    let (_, text) = bridge.post("/v3/clusters/c/topics/t/records", "application/json", body).await;
    assert!(reports(&text).iter().all(|report| report["error_code"] == 200), "{text}");
    let mut bodies = Vec::new();
    while bodies.len() < count {
        bodies.push(receiver.next().await.body);
    }
    bridge.bridge.stop().await;
    assert!(receiver.nothing_more());
    bodies
}

#[tokio::test]
async fn a_record_is_delivered_with_the_connectors_method_and_headers() {
    let mut receiver = Receiver::willing().await;
    let keys = json!({
        "headers": "Content-Type:application/json|Authorization:Bearer ${env:SECRET}",
        "http.api.url": format!("{}/in/${{topic}}?x=1", receiver.url()), "request.method": "put",
    });
    let bridge = TestBridge::delivering(&receiver, keys).await;
    bridge.produce([("k", json!({"a": "ü"}))]).await;
    let received = receiver.next().await;
    assert_eq!((received.method.as_str(), received.path.as_str()), ("PUT", "/in/t?x=1"));
    assert_eq!(received.body, r#"[{"a":"ü"}]"#);
    assert_eq!(received.headers["authorization"], "Bearer s3cret");
    assert_eq!(received.headers["content-type"], "application/json");
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn basic_authentication_is_sent() {
    let mut receiver = Receiver::willing().await;
    let keys =
        json!({ "auth.type": "BASIC", "connection.user": "u", "connection.password": "${env:SECRET}" });
    let bridge = TestBridge::delivering(&receiver, keys).await;
    bridge.produce([("k", json!(1))]).await;
    assert_eq!(receiver.next().await.headers["authorization"], "Basic dTpzM2NyZXQ=");
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn json_arrays_are_cut_at_the_batch_size_and_hold_the_bytes_that_came() {
    let two = json!({ "batch.max.size": 2 });
    assert_eq!(bodies(two, &[r#"{"b": 1.50}"#, "[]", "3"], 2).await, [r#"[{"b": 1.50},[]]"#, "[3]"]);
    let single = json!({ "batch.max.size": 1, "batch.json.as.array": false });
    assert_eq!(bodies(single, &["{}", "2"], 2).await, ["{}", "2"]);
}

#[tokio::test]
async fn text_bodies_have_prefix_separator_and_suffix_only_when_there_are_batches() {
    let mut keys = json!({
        "request.body.format": "string", "batch.max.size": 2,
        "batch.prefix": "<", "batch.separator": ";", "batch.suffix": ">",
    });
    assert_eq!(bodies(keys.clone(), &["a", "b", "c"], 2).await, ["<a;b>", "<c>"]);
    keys["batch.max.size"] = json!(1);
    assert_eq!(bodies(keys, &["a", "b"], 2).await, ["a", "b"]);
}

#[tokio::test]
async fn no_body_is_larger_than_functions_take() {
    let large = format!("\"{}\"", "x".repeat(900_000));
    let bodies = bodies(json!({}), &[large.as_str(); 6], 2).await;
    let sizes: Vec<_> = bodies.iter().map(String::len).collect();
    assert!(sizes.iter().all(|size| *size <= 4_000_005), "{sizes:?}");
}

#[tokio::test]
async fn tombstones_are_passed_over() {
    let mut receiver = Receiver::willing().await;
    let bridge = TestBridge::delivering(&receiver, json!({})).await;
    let body = r#"{"partition_id":0,"value":null}{"partition_id":0,"value":{"type":"JSON","data":2}}"#;
    bridge.post("/v3/clusters/c/topics/t/records", "application/json", body).await;
    assert_eq!(receiver.next().await.body, "[2]");
    bridge.bridge.stop().await;
}
