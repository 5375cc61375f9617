//! From a produce request to the receiver.

use serde_json::json;

use crate::support::{Receiver, TestBridge};

#[tokio::test]
async fn a_record_is_delivered_as_a_json_array_with_the_connectors_headers() {
    let mut receiver = Receiver::willing().await;
    let keys = json!({ "headers": "Content-Type:application/json|Authorization:Bearer ${env:SECRET}" });
    let bridge = TestBridge::delivering(&receiver, keys).await;
    bridge.produce([("k", json!({"b": 1.50, "a": "ü"}))]).await;
    let received = receiver.next().await;
    assert_eq!((received.method.as_str(), received.path.as_str()), ("POST", "/in"));
    assert_eq!(received.body, r#"[{"b":1.5,"a":"ü"}]"#);
    assert_eq!(received.headers["authorization"], "Bearer s3cret");
    assert_eq!(received.headers["content-type"], "application/json");
    bridge.bridge.stop().await;
}
