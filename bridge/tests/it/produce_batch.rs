//! v3 `records:batch`.

use serde_json::{Value, json};

use crate::support::TestBridge;

const PATH: &str = "/v3/clusters/c/topics/t/records:batch";

async fn post(bridge: &TestBridge, body: impl Into<String>) -> (u16, Value) {
    let (status, text) = bridge.post(PATH, "application/json", body.into()).await;
    (status, serde_json::from_str(&text).unwrap())
}

#[tokio::test]
async fn entries_are_sorted_into_successes_and_failures() {
    let bridge = TestBridge::start().await;
    let body = json!({"entries": [
        {"id": "1", "partition_id": 0, "headers": [], "key": {"type": "STRING", "data": "k"},
         "value": {"type": "JSON", "data": {}}, "timestamp": "2026-01-01T00:00:00Z"},
        {"id": "2", "value": {"type": "BINARY", "data": "?"}},
        {"id": "3", "partition_id": 99},
        {"id": "4", "partition_id": 0, "timestamp": "2026-01-01T00:00:00Z"},
        {"id": "5", "Value": {"type": "JSON", "data": 1}},
    ]});
    let (status, reply) = post(&bridge, body.to_string()).await;
    let success = |id: &str, offset: u32, key: Value, value: Value| {
        json!({"id": id, "cluster_id": "c", "topic_name": "t", "partition_id": 0, "offset": offset,
               "timestamp": "2026-01-01T00:00:00.000Z", "key": key, "value": value})
    };
    let first = success("1", 0, json!({"type": "STRING", "size": 1}), json!({"type": "JSON", "size": 2}));
    assert_eq!(status, 207);
    assert_eq!(reply["successes"], json!([first, success("4", 1, Value::Null, Value::Null)]));
    assert_eq!(
        reply["failures"][0],
        json!({"id": "2", "error_code": 400, "message": "Bad Request: data=? is not a base64 string."})
    );
    assert_eq!(
        (&reply["failures"][1]["id"], &reply["failures"][1]["error_code"]),
        (&json!("3"), &json!(40402))
    );
    assert_eq!(
        (&reply["failures"][2]["id"], &reply["failures"][2]["error_code"]),
        (&json!("5"), &json!(400))
    );
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn a_batch_that_breaks_the_rules_is_refused_whole() {
    let bridge = TestBridge::start().await;
    let entries = |ids: &[&str]| {
        let entries: Vec<_> = ids.iter().map(|id| json!({"id": id})).collect();
        json!({ "entries": entries }).to_string()
    };
    let eleven: Vec<String> = (0..11).map(|n| n.to_string()).collect();
    let eleven: Vec<&str> = eleven.iter().map(String::as_str).collect();
    let (long, fits) = ("x".repeat(81), "x".repeat(80));
    let cases = [
        (entries(&["1", "1"]), "Batch entry IDs are not distinct."),
        (entries(&[]), "Empty batch."),
        ("{}".to_owned(), "Empty batch."),
        (entries(&eleven), "Too many entries in batch."),
        (String::new(), "Request body is empty. Data is required."),
        (entries(&[""]), "Batch entry identifier is not a valid string."),
        (entries(&[&long]), "Batch entry identifier is not a valid string."),
        (r#"{"entries":[{"id":1}]}"#.to_owned(), "Batch entry identifier is not a valid string."),
        (r#"{"entries":[{}]}"#.to_owned(), "Batch entry identifier is not a valid string."),
    ];
    for (body, message) in cases {
        let expected = json!({"error_code": 42208, "message": message});
        assert_eq!(post(&bridge, body.clone()).await, (422, expected), "{body}");
    }
    assert_eq!(post(&bridge, entries(&[&fits])).await.0, 207);
    assert_eq!(post(&bridge, "{\"entries\":").await.0, 400);
    assert_eq!(bridge.post(PATH, "text/plain", "{}").await.0, 415);
    bridge.bridge.stop().await;
}
