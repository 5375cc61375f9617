//! Bridges on one Kafka, with a topic and a group that no other test has.

use std::{collections::HashMap, time::Duration};

use bridge::{Bridge, BridgeConfig, KafkaSettings, LogConfig};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::broker;
use crate::support::{Receiver, TestBridge, client, eventually, sink, write_connector};

pub(crate) struct Scene {
    pub(crate) brokers: String,
    pub(crate) topic: &'static str,
}

impl Scene {
    /// On the broker that all tests share.
    pub(crate) async fn new(topic: &'static str) -> Self {
        let brokers = tokio::task::spawn_blocking(broker::shared).await.unwrap();
        Self { brokers, topic }
    }

    pub(crate) fn settings(&self) -> KafkaSettings {
        KafkaSettings { append_timeout: Duration::from_secs(3), ..KafkaSettings::new(&self.brokers) }
    }

    /// A bridge without connectors.
    pub(crate) async fn bridge(&self, change: impl FnOnce(&mut BridgeConfig)) -> TestBridge {
        self.bridge_with(None, change).await
    }

    /// A bridge that delivers the topic; the group has the topic's name.
    pub(crate) async fn delivering(&self, receiver: &Receiver, keys: Value) -> TestBridge {
        self.delivering_with(receiver, keys, |_| ()).await
    }

    /// The same, with other settings.
    pub(crate) async fn delivering_with(
        &self,
        receiver: &Receiver,
        keys: Value,
        change: impl FnOnce(&mut BridgeConfig),
    ) -> TestBridge {
        let mut connector = sink(&receiver.url(), &json!({ "topics": self.topic }));
        connector["name"] = json!(self.topic);
        for (key, value) in keys.as_object().unwrap() {
            connector["config"][key] = value.clone();
        }
        self.bridge_with(Some(connector), change).await
    }

    async fn bridge_with(
        &self,
        connector: Option<Value>,
        change: impl FnOnce(&mut BridgeConfig),
    ) -> TestBridge {
        let dir = TempDir::new().unwrap();
        let mut config = BridgeConfig::with_log(LogConfig::Kafka(self.settings()));
        config.connectors =
            connector.map(|connector| write_connector(&dir, &connector)).into_iter().collect();
        config.restart_pause = Duration::from_millis(20);
        change(&mut config);
        let bridge = Bridge::start(config).await.unwrap();
        TestBridge { bridge, dir, client: client() }
    }

    /// Waits until the bridge delivers `count` partitions.
    pub(crate) async fn has_partitions(&self, bridge: &TestBridge, count: usize) {
        eventually(async || {
            let health: Value = serde_json::from_str(&bridge.get("/healthz").await.1).unwrap();
            let tasks = health["tasks"].as_array().unwrap();
            let running = tasks.iter().filter(|task| task["state"] == "RUNNING").count();
            (running == count).then_some(())
        })
        .await;
    }

    /// Numbered records, each key's in one partition.
    pub(crate) async fn produce(&self, bridge: &TestBridge, numbers: std::ops::Range<usize>) {
        const KEYS: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
        let record = |n: usize| (KEYS[n % KEYS.len()], json!({ "key": KEYS[n % KEYS.len()], "n": n }));
        bridge.produce_to(self.topic, numbers.map(record)).await;
    }
}

/// Each key's numbers grow: in order, and none twice.
pub(crate) fn in_order_and_once(values: &[Value]) {
    let mut last: HashMap<&str, i64> = HashMap::new();
    for value in values {
        let (key, n) = (value["key"].as_str().unwrap(), value["n"].as_i64().unwrap());
        let before = last.insert(key, n).unwrap_or(-1);
        assert!(before < n, "{key}: {n} came after {before}");
    }
}
