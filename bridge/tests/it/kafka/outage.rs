//! The broker goes away and comes back.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;

use super::{
    broker::Broker,
    scene::{Scene, in_order_and_once},
};
use crate::support::{Receiver, eventually, reports};

#[tokio::test]
async fn after_a_killed_broker_is_back_everything_acknowledged_is_delivered() {
    let mut broker = tokio::task::spawn_blocking(Broker::start).await.unwrap();
    let scene = Scene { brokers: broker.address("bootstrap"), topic: "outage" };
    let mut receiver = Receiver::willing().await;
    let bridge = scene.delivering(&receiver, json!({ "max.retries": 1_000_000 })).await;
    scene.produce(&bridge, 0..200).await;
    let values = receiver.values(200).await;
    in_order_and_once(&values);
    let mut numbers: BTreeSet<u64> = values.iter().filter_map(|value| value["n"].as_u64()).collect();

    let mut broker = tokio::task::spawn_blocking(move || {
        broker.kill();
        broker
    })
    .await
    .unwrap();
    let record = json!({ "key": {"type": "STRING", "data": "a"}, "value": {"type": "JSON", "data": 1} });
    let path = "/v3/clusters/c/topics/outage/records";
    let (_, text) = bridge.post(path, "application/json", record.to_string()).await;
    assert_eq!(reports(&text)[0]["error_code"], 50003, "{text}");
    eventually(async || (bridge.get("/healthz").await.0 == 503).then_some(())).await;

    let broker = tokio::task::spawn_blocking(move || {
        broker.start_again();
        broker
    })
    .await
    .unwrap();
    eventually(async || (bridge.get("/healthz").await.0 == 200).then_some(())).await;
    scene.produce(&bridge, 200..400).await;
    // What was delivered just before may come again: its offsets were not committed yet. And the record that was
    // refused may have been stored nevertheless: that is what its code says.
    while numbers.len() < 400 {
        numbers.extend(receiver.values(1).await.iter().filter_map(|value| value["n"].as_u64()));
    }
    assert_eq!(numbers, (0..400).collect());
    bridge.bridge.stop().await;
    drop(broker);
}

#[tokio::test]
async fn a_bridge_whose_broker_is_gone_stops_all_the_same() {
    let mut broker = tokio::task::spawn_blocking(Broker::start).await.unwrap();
    let scene = Scene { brokers: broker.address("bootstrap"), topic: "gone" };
    let mut receiver = Receiver::willing().await;
    let bridge = scene.delivering(&receiver, json!({})).await;
    scene.produce(&bridge, 0..10).await;
    receiver.values(10).await;
    let broker = tokio::task::spawn_blocking(move || {
        broker.kill();
        broker
    })
    .await
    .unwrap();
    eventually(async || (bridge.get("/healthz").await.0 == 503).then_some(())).await;
    tokio::time::timeout(Duration::from_secs(20), bridge.bridge.stop()).await.unwrap();
    drop(broker);
}
