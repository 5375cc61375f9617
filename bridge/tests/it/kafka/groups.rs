//! Delivery by a consumer group: in order, shared, handed over.

use std::time::Duration;

use serde_json::json;

use super::scene::{Scene, in_order_and_once};
use crate::support::{Receiver, Reply, eventually};

#[tokio::test]
async fn records_of_a_key_arrive_in_order_and_once_through_a_receiver_that_often_refuses() {
    let scene = Scene::new("refusing").await;
    let mut receiver = Receiver::scripted(|n, _| Reply::Status(if n % 3 == 1 { 429 } else { 200 })).await;
    let bridge = scene.delivering(&receiver, json!({ "max.retries": 1_000_000, "batch.max.size": 7 })).await;
    for round in 0..5 {
        scene.produce(&bridge, round * 100..(round + 1) * 100).await;
    }
    in_order_and_once(&receiver.values(500).await);
    bridge.bridge.stop().await;
    assert!(receiver.nothing_more());
}

#[tokio::test]
async fn what_was_delivered_before_a_stop_does_not_come_again_and_what_was_not_comes_then() {
    let scene = Scene::new("stopped").await;
    let mut receiver = Receiver::willing().await;
    let bridge = scene.delivering(&receiver, json!({})).await;
    scene.produce(&bridge, 0..100).await;
    in_order_and_once(&receiver.values(100).await);
    bridge.bridge.stop().await;
    let bridge = scene.bridge(|_| ()).await;
    scene.produce(&bridge, 100..150).await;
    bridge.bridge.stop().await;
    let bridge = scene.delivering(&receiver, json!({})).await;
    let more = receiver.values(50).await;
    assert!(more.iter().all(|value| value["n"].as_i64().unwrap() >= 100), "{more:?}");
    bridge.bridge.stop().await;
    assert!(receiver.nothing_more());
}

#[tokio::test]
async fn a_stop_waits_for_a_receiver_that_never_answers_no_longer_than_the_grace() {
    let scene = Scene::new("silent").await;
    let mut receiver =
        Receiver::scripted(|n, _| if n == 0 { Reply::Never } else { Reply::Status(200) }).await;
    let briefly = |config: &mut bridge::BridgeConfig| config.grace = Duration::from_millis(50);
    let bridge = scene.delivering_with(&receiver, json!({}), briefly).await;
    scene.produce(&bridge, 0..1).await;
    assert!(!receiver.next().await.taken);
    // A partition that is handed over while the bridge goes on is waited for longer: up to 10 s.
    tokio::time::timeout(Duration::from_secs(8), bridge.bridge.stop()).await.unwrap();
    let bridge = scene.delivering(&receiver, json!({})).await;
    assert_eq!(receiver.values(1).await[0]["n"], 0, "what was not answered comes again");
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn members_that_come_and_go_share_the_partitions_and_nothing_is_lost_or_comes_twice() {
    let scene = Scene::new("shared").await;
    let mut receiver = Receiver::willing().await;
    let keys = json!({ "batch.max.size": 5 });
    let first = scene.delivering(&receiver, keys.clone()).await;
    scene.has_partitions(&first, 4).await;
    scene.produce(&first, 0..300).await;
    let second = scene.delivering(&receiver, keys.clone()).await;
    for round in 3..12 {
        scene.produce(&first, round * 100..(round + 1) * 100).await;
        if round == 6 {
            scene.has_partitions(&second, 2).await;
            scene.has_partitions(&first, 2).await;
        }
    }
    let third = scene.delivering(&receiver, keys).await;
    scene.produce(&third, 1_200..1_500).await;
    // In the middle of what is left.
    first.bridge.stop().await;
    scene.produce(&third, 1_500..2_000).await;
    in_order_and_once(&receiver.values(2_000).await);
    second.bridge.stop().await;
    third.bridge.stop().await;
    assert!(receiver.nothing_more());
}

#[tokio::test]
async fn a_partition_whose_records_are_refused_holds_up_no_other() {
    let scene = Scene::new("stuck").await;
    let refuse = |_: usize, body: &str| Reply::Status(if body.contains("\"stuck\"") { 503 } else { 200 });
    let mut receiver = Receiver::scripted(refuse).await;
    let bridge = scene.delivering(&receiver, json!({ "max.retries": 1_000_000, "batch.max.size": 1 })).await;
    let record = |partition: u32, value: &str| {
        json!({ "partition_id": partition, "value": {"type": "JSON", "data": value} }).to_string()
    };
    let body: String = (0..20).flat_map(|_| [record(0, "stuck"), record(1, "moving")]).collect();
    let (status, text) = bridge.post("/v3/clusters/c/topics/stuck/records", "application/json", body).await;
    assert_eq!(status, 200, "{text}");
    assert_eq!(receiver.values(20).await, vec![json!("moving"); 20]);
    let metrics = eventually(async || {
        let text = bridge.get("/metrics").await.1;
        let lag = text.lines().find(|line| {
            line.starts_with("bridge_delivery_lag_records") && line.contains("partition=\"0\"")
        })?;
        lag.ends_with(" 20").then_some(())
    });
    metrics.await;
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn a_record_that_no_body_can_hold_goes_to_the_error_topic() {
    let scene = Scene::new("poison").await;
    let mut receiver = Receiver::willing().await;
    let keys = json!({ "errors.tolerance": "all", "reporter.error.topic.name": "poison-errors" });
    let bridge = scene.delivering(&receiver, keys).await;
    let record = |value| json!({ "partition_id": 2, "value": {"type": "STRING", "data": value} }).to_string();
    let body = [record("1"), record("{not json"), record("2")].concat();
    bridge.post("/v3/clusters/c/topics/poison/records", "application/json", body).await;
    assert_eq!(receiver.values(2).await, [1, 2]);
    let error = bridge.any("poison-errors").await;
    assert_eq!(error.value.as_deref(), Some(&b"{not json"[..]));
    let offset = error.headers.iter().find(|header| header.name == "input_record_offset").unwrap();
    assert_eq!(offset.value.as_deref(), Some(&b"1"[..]));
    bridge.bridge.stop().await;
}
