//! Order, restarts, and stopping.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::support::{Receiver, Reply, TestBridge, sink, write_connector};

const KEYS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

#[tokio::test]
async fn records_of_a_key_arrive_in_order_and_once_through_a_receiver_that_often_refuses() {
    let mut receiver = Receiver::scripted(|n, _| Reply::Status(if n % 3 == 1 { 503 } else { 200 })).await;
    let keys = json!({ "max.retries": 1_000_000, "batch.max.size": 7 });
    let bridge = TestBridge::delivering(&receiver, keys).await;
    for round in 0..10 {
        let records = (0..50).map(|n| {
            let number = round * 50 + n;
            let key = KEYS[number % KEYS.len()];
            (key, json!({"key": key, "n": number}))
        });
        bridge.produce(records).await;
    }
    let mut last: HashMap<String, i64> = HashMap::new();
    for value in receiver.values(500).await {
        let (key, n) = (value["key"].as_str().unwrap().to_owned(), value["n"].as_i64().unwrap());
        let before = last.insert(key.clone(), n).unwrap_or(-1);
        assert!(before < n, "{key}: {n} came after {before}");
    }
    bridge.bridge.stop().await;
    assert!(receiver.nothing_more());
}

#[tokio::test]
async fn what_was_delivered_before_a_stop_does_not_come_again_and_what_was_not_comes_then() {
    let mut receiver = Receiver::willing().await;
    let bridge = TestBridge::delivering(&receiver, json!({})).await;
    bridge.produce([("k", json!(1)), ("k", json!(2))]).await;
    assert_eq!(receiver.values(2).await, [1, 2]);
    let bridge = bridge.restart(|_| ()).await;
    bridge.produce([("k", json!(3))]).await;
    let connector = write_connector(&bridge.dir, &sink(&receiver.url(), &json!({})));
    let bridge = bridge.restart(|config| config.connectors = vec![connector]).await;
    assert_eq!(receiver.values(1).await, [3]);
    bridge.bridge.stop().await;
    assert!(receiver.nothing_more());
}

#[tokio::test]
async fn a_second_connector_reads_the_topic_from_its_beginning_at_its_own_pace() {
    let mut first = Receiver::willing().await;
    let bridge = TestBridge::delivering(&first, json!({})).await;
    bridge.produce([("k", json!(1))]).await;
    assert_eq!(first.values(1).await, [1]);
    let mut second = Receiver::willing().await;
    let mut other = sink(&second.url(), &json!({}));
    other["name"] = Value::from("other");
    let connector = write_connector(&bridge.dir, &other);
    let bridge = bridge.restart(|config| config.connectors = vec![connector]).await;
    assert_eq!(second.values(1).await, [1]);
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn a_stopped_bridge_takes_nothing_more() {
    let bridge = TestBridge::start().await;
    let url = bridge.url("/healthz");
    bridge.bridge.stop().await;
    assert!(reqwest::get(url).await.is_err());
}
