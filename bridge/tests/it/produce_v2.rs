//! v2 produce.

use serde_json::{Value, json};

use crate::support::TestBridge;

const JSON: &str = "application/vnd.kafka.json.v2+json";
const BINARY: &str = "application/vnd.kafka.binary.v2+json";

async fn post(bridge: &TestBridge, path: &str, content_type: &str, body: Value) -> (u16, Value) {
    let (status, text) = bridge.post(path, content_type, body.to_string()).await;
    (status, serde_json::from_str(&text).unwrap())
}

#[tokio::test]
async fn json_records_are_stored_and_answered_in_order() {
    let bridge = TestBridge::start().await;
    let body = json!({"records": [{"key": "wf-1", "value": {"a": 1}, "partition": 1}, {"value": null, "partition": 1}]});
    let request =
        bridge.client.post(bridge.url("/topics/t")).header("content-type", JSON).body(body.to_string());
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/vnd.kafka.v2+json");
    let offset = |n: u32| json!({"partition": 1, "offset": n, "error_code": null, "error": null});
    let expected = json!({"offsets": [offset(0), offset(1)], "key_schema_id": null, "value_schema_id": null});
    assert_eq!(response.json::<Value>().await.unwrap(), expected);

    let records = bridge.stored("t", 1).await;
    assert_eq!(records[0].key.as_deref(), Some(&b"\"wf-1\""[..]), "a JSON key keeps its quotes, as in Kafka");
    assert_eq!((records[0].value.as_deref(), &records[1].value), (Some(&b"{\"a\":1}"[..]), &None));
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn a_client_that_asks_whether_the_proxy_is_there_gets_the_topics() {
    let bridge = TestBridge::start().await;
    assert_eq!(bridge.get("/topics").await, (200, "[]".to_owned()));
    post(&bridge, "/topics/t", JSON, json!({"records": [{"value": 1}]})).await;
    assert_eq!(bridge.get("/topics").await, (200, r#"["t"]"#.to_owned()));
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn binary_records_are_base64() {
    let bridge = TestBridge::start().await;
    let body = json!({"records": [{"key": "aw==", "value": "AP8="}]});
    let (status, reply) = post(&bridge, "/topics/t/partitions/2", BINARY, body).await;
    assert_eq!((status, &reply["offsets"][0]["partition"]), (200, &json!(2)));
    let records = bridge.stored("t", 2).await;
    assert_eq!(
        (records[0].key.as_deref(), records[0].value.as_deref()),
        (Some(&b"k"[..]), Some(&b"\x00\xff"[..]))
    );
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn requests_that_are_refused_have_their_status_and_code() {
    let bridge = TestBridge::with(|config| config.auto_create_topics = false).await;
    let one = json!({"records": [{"value": 1}]});
    let cases = [
        ("/topics/t", "application/json", one.clone(), 415, 415),
        ("/topics/t", "application/vnd.kafka.avro.v2+json", one.clone(), 415, 415),
        ("/topics/t", JSON, json!({}), 422, 422),
        ("/topics/t", JSON, json!({"records": []}), 422, 422),
        ("/topics/t", JSON, json!({"records": 1}), 422, 422),
        ("/topics/t", JSON, json!({"records": [{"value": 1}, {"Value": {"a": 1}}]}), 422, 422),
        ("/topics/t", JSON, json!({"records": [{"value": 1, "partition_id": 0}]}), 422, 422),
        ("/topics/t", JSON, json!({"value": {"type": "JSON", "data": 1}}), 422, 422),
        ("/topics/t", JSON, json!({"records": [{"value": 1}], "value_schema_id": 7}), 422, 422),
        ("/topics/t", JSON, json!({"records": [{"value": 1, "partition": -1}]}), 422, 422),
        ("/topics/t", BINARY, one.clone(), 422, 422),
        ("/topics/t", BINARY, json!({"records": [{"key": "?"}]}), 422, 422),
        ("/topics/t", JSON, one.clone(), 404, 40401),
        ("/topics/a%20b", JSON, one.clone(), 400, 40002),
        ("/topics/t/partitions/x", JSON, one.clone(), 404, 40402),
    ];
    for (path, content_type, body, status, code) in cases {
        let (got, reply) = post(&bridge, path, content_type, body.clone()).await;
        assert_eq!((got, &reply["error_code"]), (status, &json!(code)), "{path} {content_type} {body}");
    }
    let (status, text) = bridge.post("/topics/t", JSON, "").await;
    assert!((status, text.contains("42206")) == (422, true), "{text}");
    assert_eq!(bridge.post("/topics/t", JSON, "{\"records\"").await.0, 400);
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn a_refused_record_is_an_element_of_the_reply_and_a_refused_partition_of_the_address_is_404() {
    let bridge = TestBridge::with(|config| config.limits.max_record_bytes = 10).await;
    let body = json!({"records": [{"value": "much too long"}, {"value": 1}, {"value": 1, "partition": 4}]});
    let (status, reply) = post(&bridge, "/topics/t", JSON, body).await;
    let codes: Vec<_> =
        reply["offsets"].as_array().unwrap().iter().map(|o| o["error_code"].clone()).collect();
    assert_eq!((status, codes), (200, vec![json!(50002), Value::Null, json!(50002)]));
    let (status, reply) =
        post(&bridge, "/topics/t/partitions/4", JSON, json!({"records": [{"value": 1}]})).await;
    assert_eq!((status, &reply["error_code"]), (404, &json!(40402)));
    bridge.bridge.stop().await;
}
