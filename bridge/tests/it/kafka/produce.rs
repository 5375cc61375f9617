//! Producing to a Kafka, and every way to be refused.

use std::time::Duration;

use bridge::log::partition_of;
use serde_json::{Value, json};

use super::scene::Scene;
use crate::support::{TestBridge, reports};

async fn produce(bridge: &TestBridge, topic: &str, body: impl Into<String>) -> Vec<Value> {
    let path = format!("/v3/clusters/c/topics/{topic}/records");
    let (status, text) = bridge.post(&path, "application/json", body.into()).await;
    assert_eq!(status, 200, "{text}");
    reports(&text)
}

#[tokio::test]
async fn a_record_goes_where_kafkas_own_clients_put_its_key_and_comes_back_whole() {
    let scene = Scene::new("whole").await;
    let bridge = scene.bridge(|_| ()).await;
    let body = json!({
        "headers": [{"name": "h", "value": "aGk="}, {"name": "n", "value": null}],
        "key": {"type": "STRING", "data": "wf-123"}, "value": {"type": "JSON", "data": {"any": "json"}},
        "timestamp": "2026-11-24T07:00:00.123+01:00",
    });
    let report = produce(&bridge, "whole", body.to_string()).await.remove(0);
    let partition = partition_of(b"wf-123", 4);
    assert_eq!(report["partition_id"], partition);
    assert_eq!((&report["offset"], &report["timestamp"]), (&json!(0), &json!("2026-11-24T06:00:00.123Z")));
    let record = bridge.first("whole", partition).await;
    assert_eq!(record.value.as_deref(), Some(&br#"{"any":"json"}"#[..]));
    assert_eq!(record.key.as_deref(), Some(&b"wf-123"[..]));
    let headers: Vec<_> = record.headers.iter().map(|h| (h.name.as_str(), h.value.as_deref())).collect();
    assert_eq!(headers, [("h", Some(&b"hi"[..])), ("n", None)]);
    assert_eq!(record.timestamp, 1_795_500_000_123);
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn a_refused_record_does_not_harm_its_neighbours() {
    let scene = Scene::new("neighbours").await;
    let bridge = scene.bridge(|config| config.limits.max_record_bytes = 100).await;
    let value = |data: &str| json!({ "partition_id": 1, "value": {"type": "STRING", "data": data} });
    let wrong = json!({ "partition_id": 9, "value": {"type": "JSON", "data": 1} });
    let records = [value("first"), wrong, value(&"x".repeat(200)), value("second")];
    let body: String = records.iter().map(Value::to_string).collect();
    let reports = produce(&bridge, "neighbours", body).await;
    let codes: Vec<_> = reports.iter().map(|report| report["error_code"].as_u64().unwrap()).collect();
    assert_eq!(codes, [200, 40402, 413, 200]);
    assert!(reports[1]["message"].as_str().unwrap().contains("it has 4 partitions"), "{}", reports[1]);
    assert!(reports[2]["message"].as_str().unwrap().contains("max_record_bytes of 100"), "{}", reports[2]);
    assert_eq!((&reports[0]["offset"], &reports[3]["offset"]), (&json!(0), &json!(1)));
    let reports = produce(&bridge, "not%20a%20topic", value("x").to_string()).await;
    assert_eq!(reports[0]["error_code"], 40002);
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn many_records_of_many_clients_all_get_their_own_offset() {
    let scene = Scene::new("many").await;
    let bridge = scene.bridge(|_| ()).await;
    let record = json!({ "partition_id": 0, "value": {"type": "JSON", "data": {"filler": "x".repeat(100)}} });
    let body = record.to_string().repeat(500);
    let requests = (0..8).map(|_| produce(&bridge, "many", body.clone()));
    let mut offsets = Vec::new();
    for reports in futures_util::future::join_all(requests).await {
        let these: Vec<_> = reports.iter().map(|report| report["offset"].as_u64().unwrap()).collect();
        assert!(these.is_sorted(), "records of one request keep their order");
        offsets.extend(these);
    }
    offsets.sort_unstable();
    assert_eq!(offsets, (0..4_000).collect::<Vec<_>>());
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn topics_are_made_with_the_partitions_that_the_bridge_is_told() {
    let scene = Scene::new("seven").await;
    let bridge = scene.bridge(|config| config.partitions = 7).await;
    let _group = bridge.bridge.log().subscribe("seven", &["seven".to_owned()]).unwrap();
    let topics = crate::support::eventually(async || {
        let topics = bridge.bridge.log().topics().await.unwrap();
        topics.iter().find(|topic| &*topic.name == "seven").map(|topic| topic.partitions)
    })
    .await;
    assert_eq!(topics, 7);
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn a_bridge_whose_kafka_is_not_there_starts_says_so_and_refuses_in_time() {
    let scene = Scene { brokers: "127.0.0.1:1".to_owned(), topic: "nowhere" };
    let settings = scene.settings();
    assert!(settings.append_timeout < Duration::from_secs(5));
    let bridge = scene.bridge(|_| ()).await;
    let report =
        produce(&bridge, "nowhere", json!({ "value": {"type": "JSON", "data": 1} }).to_string()).await;
    assert!([40401, 50003].contains(&report[0]["error_code"].as_u64().unwrap()), "{report:?}");
    let (status, health) = bridge.get("/healthz").await;
    assert_eq!(status, 503, "{health}");
    bridge.bridge.stop().await;
}
