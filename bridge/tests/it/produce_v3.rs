//! v3 produce: one record, many records, every way to be refused.

use bridge::log::{Header, Record};
use serde_json::{Value, json};

use crate::support::{TestBridge, reports};

const PATH: &str = "/v3/clusters/c/topics/t/records";

async fn produce(bridge: &TestBridge, body: impl Into<String>) -> Vec<Value> {
    let (status, text) = bridge.post(PATH, "application/json", body.into()).await;
    assert_eq!(status, 200, "{text}");
    reports(&text)
}

async fn stored(bridge: &TestBridge, partition: u32) -> Vec<Record> {
    bridge.stored("t", partition).await
}

#[tokio::test]
async fn a_report_tells_where_the_record_is_and_how_large() {
    let bridge = TestBridge::start().await;
    let body = json!({
        "partition_id": 3, "headers": [{"name": "h", "value": "aGk="}, {"name": "n", "value": null}],
        "key": {"type": "STRING", "data": "wf-123"}, "value": {"type": "JSON", "data": {"any": "json"}},
        "timestamp": "2026-11-24T07:00:00.123+01:00",
    });
    let expected = json!({
        "error_code": 200, "cluster_id": "c", "topic_name": "t", "partition_id": 3, "offset": 0,
        "timestamp": "2026-11-24T06:00:00.123Z",
        "key": {"type": "STRING", "size": 6}, "value": {"type": "JSON", "size": 14},
    });
    assert_eq!(produce(&bridge, body.to_string()).await, [expected]);
    let record = stored(&bridge, 3).await.remove(0);
    assert_eq!(record.key.as_deref(), Some(&b"wf-123"[..]));
    let header = |name: &str, value: Option<&'static [u8]>| Header {
        name: name.to_owned(),
        value: value.map(bytes::Bytes::from_static),
    };
    assert_eq!(record.headers, [header("h", Some(b"hi")), header("n", None)]);
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn values_are_stored_as_the_bytes_that_came() {
    let bridge = TestBridge::start().await;
    let odd = r#"{ "b" : 1.50,"a":"\u00fc", "a":1e400 }"#;
    let body = format!(
        r#"{{"partition_id":0,"value":{{"type":"JSON","data":{odd}}}}}
           {{"partition_id":0,"value":{{"type":"JSON","data":"text"}}}}
           {{"partition_id":0,"value":{{"type":"STRING","data":"te\u0078t"}}}}
           {{"partition_id":0,"value":{{"type":"BINARY","data":"AP8="}}}}
           {{"partition_id":0,"key":{{"type":"JSON","data":null}},"value":null}}"#
    );
    let reports = produce(&bridge, body).await;
    assert_eq!(reports.iter().map(|r| r["offset"].clone()).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!((&reports[4]["key"], &reports[4]["value"]), (&Value::Null, &Value::Null));
    let values: Vec<_> = stored(&bridge, 0).await.into_iter().map(|r| r.value).collect();
    let values: Vec<_> = values.iter().map(Option::as_deref).collect();
    assert_eq!(values, [Some(odd.as_bytes()), Some(b"\"text\""), Some(b"text"), Some(b"\x00\xff"), None]);
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn the_same_key_goes_to_the_partition_a_kafka_client_would_take() {
    let bridge = TestBridge::start().await;
    let record = |key: &str| json!({"key": {"type": "STRING", "data": key}, "value": null}).to_string();
    let reports = produce(&bridge, record("foobar") + &record("21") + &record("foobar")).await;
    let partition = |key: &str| json!(bridge::log::partition_of(key.as_bytes(), 4));
    let partitions: Vec<_> = reports.iter().map(|r| r["partition_id"].clone()).collect();
    assert_eq!(partitions, [partition("foobar"), partition("21"), partition("foobar")]);
    assert_eq!(reports[2]["offset"].as_u64(), reports[0]["offset"].as_u64().map(|o| o + 1));
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn a_record_that_is_refused_has_its_code_in_its_report_and_its_neighbours_are_stored() {
    let bridge = TestBridge::with(|config| config.limits.max_record_bytes = 1_000).await;
    let good = r#"{"value":{"type":"STRING","data":"v"}}"#;
    let long = "x".repeat(1_001);
    let cases = [
        (
            r#"{"value":{"type":"BINARY","data":1}}"#.to_owned(),
            400,
            "Bad Request: data=1 is not a base64 string.",
        ),
        (
            r#"{"value":{"type":"BINARY","data":"a"}}"#.to_owned(),
            400,
            "Bad Request: data=a is not a base64 string.",
        ),
        (r#"{"value":{"type":"STRING","data":{}}}"#.to_owned(), 400, "Bad Request: data={} is not a string."),
        (r#"{"value":{"type":"AVRO","data":1}}"#.to_owned(), 400, "needs a schema registry"),
        (r#"{"value":{"type":"XML","data":1}}"#.to_owned(), 400, "is none of BINARY, STRING, JSON"),
        (r#"{"value":{"data":1}}"#.to_owned(), 42206, "value has no type"),
        (r#"{"value":7}"#.to_owned(), 400, "Bad Request: invalid type"),
        (r#"{"records":[{"value":{"a":1}}]}"#.to_owned(), 400, "unknown field `records`"),
        (r#"{"Value":{"type":"JSON","data":1}}"#.to_owned(), 400, "unknown field `Value`"),
        (r#"{"value":{"a":1}}"#.to_owned(), 400, "unknown field `a`"),
        (r#"{"timestamp":"yesterday"}"#.to_owned(), 400, "is not RFC 3339"),
        (r#"{"headers":[{"name":"h","value":"?"}]}"#.to_owned(), 400, "data=? is not a base64 string."),
        (r#"{"headers":[{"value":null}]}"#.to_owned(), 400, "missing field `name`"),
        (r#"{"partition_id":-1}"#.to_owned(), 40402, "Partition -1 cannot be found"),
        (r#"{"partition_id":4}"#.to_owned(), 40402, "Partition 4 of topic t cannot be found"),
        (
            format!(r#"{{"value":{{"type":"STRING","data":"{long}"}}}}"#),
            413,
            "The request included a message larger than the maximum message size the server can accept.",
        ),
    ];
    for (bad, code, message) in &cases {
        let reports = produce(&bridge, format!("{good}{bad}\n{good}")).await;
        let codes: Vec<_> = reports.iter().map(|r| r["error_code"].clone()).collect();
        assert_eq!(codes, [json!(200), json!(code), json!(200)], "{bad}");
        assert!(reports[1]["message"].as_str().unwrap().contains(message), "{} / {message}", reports[1]);
    }
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn malformed_json_ends_the_request_after_its_report_so_there_are_fewer_reports_than_records() {
    let bridge = TestBridge::start().await;
    let good = r#"{"partition_id":1,"value":{"type":"JSON","data":1}}"#;
    for bad in
        [r#"{"value":{"type":"JSON","data":tru}}"#, "x", r#","#, r#"[{"value":null}]"#, r#"{"value": {"ty"#]
    {
        let reports = produce(&bridge, format!("{good} {good} {bad} {good}")).await;
        let codes: Vec<_> = reports.iter().map(|r| r["error_code"].clone()).collect();
        assert_eq!(codes, [200, 200, 400], "{bad}");
    }
    assert_eq!(stored(&bridge, 1).await.len(), 10, "what came before it is stored");
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn a_request_that_is_refused_whole_has_its_status_and_code() {
    let bridge = TestBridge::with(|config| config.limits.max_request_bytes = 500).await;
    let (status, text) = bridge.post(PATH, "application/json", " \n").await;
    let empty = r#"{"error_code":42206,"message":"Payload error. Request body is empty. Data is required."}"#;
    assert_eq!((status, text.as_str()), (422, empty));
    for wrong in ["text/plain", "", "application/vnd.kafka.json.v2+json"] {
        let (status, text) = bridge.post(PATH, wrong, "{}").await;
        assert_eq!((status, &reports(&text)[0]["error_code"]), (415, &json!(415)), "{wrong}");
    }
    assert_eq!(bridge.post(PATH, "application/json; charset=utf-8", "{}").await.0, 200);
    let (status, text) = bridge.post(PATH, "application/json", "x".repeat(501)).await;
    assert_eq!((status, &reports(&text)[0]["error_code"]), (413, &json!(413)));
    assert!(text.contains("max_request_bytes is 500"), "{text}");
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn unknown_and_impossible_topics_have_their_codes() {
    let bridge = TestBridge::with(|config| config.auto_create_topics = false).await;
    let code = async |topic: &str| {
        let path = format!("/v3/clusters/c/topics/{topic}/records");
        let (status, text) = bridge.post(&path, "application/json", r#"{"value":null}"#).await;
        assert_eq!(status, 200);
        reports(&text)[0]["error_code"].as_u64().unwrap()
    };
    assert_eq!(code("t").await, 40401);
    assert_eq!(code("a%20b").await, 40002);
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn a_full_log_refuses_with_503_and_too_many_bodies_with_429() {
    let bridge = TestBridge::with(|config| {
        config.limits.max_log_bytes = 100;
        config.limits.max_body_bytes = 2_048;
    })
    .await;
    let record = |size| format!(r#"{{"value":{{"type":"STRING","data":"{}"}}}}"#, "x".repeat(size));
    assert_eq!(produce(&bridge, record(200)).await[0]["error_code"], 50302);
    let (status, text) = bridge.post(PATH, "application/json", record(4_000)).await;
    assert_eq!((status, &reports(&text)[0]["error_code"]), (429, &json!(429)));
    assert!(text.contains("max_body_bytes"), "{text}");
    bridge.bridge.stop().await;
}
