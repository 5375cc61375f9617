//! Who may come in, under which addresses, and what the bridge says of itself.

use bridge::BasicAuth;
use serde_json::{Value, json};

use crate::support::{Receiver, Reply, TestBridge, eventually, reports};

const RECORD: &str = r#"{"value":{"type":"JSON","data":1}}"#;

#[tokio::test]
async fn every_address_works_with_and_without_the_prefix_of_the_cloud() {
    let bridge = TestBridge::start().await;
    for prefix in ["", "/kafka"] {
        let (status, text) = bridge.get(&format!("{prefix}/v3/clusters")).await;
        let list: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((status, &list["data"][0]["cluster_id"]), (200, &json!("bridge")));
        assert_eq!(bridge.get(&format!("{prefix}/v3/clusters/bridge")).await.0, 200);
        assert_eq!(bridge.get(&format!("{prefix}/v3/clusters/other")).await.0, 404);
        let path = format!("{prefix}/v3/clusters/x/topics/t/records");
        assert_eq!(bridge.post(&path, "application/json", RECORD).await.0, 200);
        let body = r#"{"records":[{"value":1}]}"#;
        let v2 = bridge.post(&format!("{prefix}/topics/t"), "application/vnd.kafka.json.v2+json", body).await;
        assert_eq!(v2.0, 200);
    }
    assert_eq!(bridge.get("/nothing").await, (404, error(404, "HTTP 404 Not Found")));
    assert_eq!(bridge.get("/topics/t").await, (405, error(405, "HTTP 405 Method Not Allowed")));
    bridge.bridge.stop().await;
}

fn error(code: u32, message: &str) -> String {
    format!(r#"{{"error_code":{code},"message":"{message}"}}"#)
}

#[tokio::test]
async fn another_cluster_id_is_refused_only_where_that_is_configured() {
    let bridge = TestBridge::with(|config| {
        config.check_cluster_id = true;
        config.cluster_id = "lkc-1".to_owned();
    })
    .await;
    let post = async |id: &str| {
        bridge.post(&format!("/kafka/v3/clusters/{id}/topics/t/records"), "application/json", RECORD).await
    };
    assert_eq!(post("lkc-2").await, (404, error(404, "Cluster lkc-2 cannot be found.")));
    let (status, text) = post("lkc-1").await;
    assert_eq!((status, &reports(&text)[0]["cluster_id"]), (200, &json!("lkc-1")));
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn producers_need_their_key_and_probes_do_not() {
    let bridge = TestBridge::with(|config| {
        config.auth = Some(BasicAuth { user: "key".to_owned(), password: "secret".to_owned().into() });
    })
    .await;
    let paths = ["/v3/clusters/c/topics/t/records", "/v3/clusters/c/topics/t/records:batch", "/topics/t"];
    for path in paths {
        let refused = bridge.client.post(bridge.url(path)).body("x").send().await.unwrap();
        assert_eq!(refused.status(), 401, "{path}");
        assert_eq!(refused.headers()["www-authenticate"], "Basic realm=\"bridge\"");
    }
    assert_eq!(bridge.get("/v3/clusters").await.0, 401);
    let taken = bridge.client.post(bridge.url(paths[0])).basic_auth("key", Some("secret"));
    let taken = taken.header("content-type", "application/json").body(RECORD).send().await.unwrap();
    assert_eq!(taken.status(), 200);
    assert_eq!(bridge.get("/healthz").await.0, 200);
    assert_eq!(bridge.get("/metrics").await.0, 200);
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn health_and_metrics_tell_what_was_produced_delivered_and_what_waits() {
    let receiver = Receiver::scripted(|n, _| Reply::Status(if n == 0 { 200 } else { 500 })).await;
    let bridge = TestBridge::delivering(&receiver, json!({ "max.retries": 0 })).await;
    bridge.produce([("k", json!(1))]).await;
    let partition = bridge::log::partition_of(b"k", 4);
    let labels = format!(r#"connector="sink",topic="t",partition="{partition}""#);
    for line in ["bridge_produced_records_total 1", &format!("bridge_delivered_records_total{{{labels}}} 1")]
    {
        eventually(async || bridge.get("/metrics").await.1.lines().any(|l| l == line).then_some(())).await;
    }
    bridge.produce([("k", json!(2))]).await;
    eventually(async || {
        let (status, text) = bridge.get("/healthz").await;
        let health: Value = serde_json::from_str(&text).unwrap();
        let failed = health["tasks"].as_array()?.iter().find(|task| task["state"] == "FAILED")?.clone();
        assert_eq!((status, &health["status"], &failed["lag"]), (200, &json!("degraded"), &json!(1)));
        assert_eq!(failed["reason"], "the receiver answered 500 Internal Server Error after 1 attempts");
        Some(())
    })
    .await;
    bridge.bridge.stop().await;
}
