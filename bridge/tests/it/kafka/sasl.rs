//! A cluster that wants credentials.

use std::collections::BTreeMap;

use bridge::{Bridge, BridgeConfig, KafkaSettings, LogConfig};
use serde_json::json;

use super::broker::Broker;
use crate::support::{eventually, reports};

async fn bridge(brokers: &str, password: &str) -> Bridge {
    let properties = [
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.mechanism", "PLAIN"),
        ("sasl.username", "ada"),
        ("sasl.password", password),
    ];
    let properties = properties.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = KafkaSettings { properties: BTreeMap::from(properties), ..KafkaSettings::new(brokers) };
    assert!(!format!("{settings:?}").contains(password), "no secret in what is logged");
    Bridge::start(BridgeConfig::with_log(LogConfig::Kafka(settings))).await.unwrap()
}

#[tokio::test]
async fn the_right_password_comes_in_and_a_wrong_one_is_told_as_such() {
    let broker = tokio::task::spawn_blocking(|| Broker::with_sasl("ada:lovelace-1815")).await.unwrap();
    let brokers = broker.address("sasl_bootstrap");
    let record = json!({ "value": {"type": "JSON", "data": 1} }).to_string();
    let client = reqwest::Client::new();
    let produce = async |bridge: &Bridge| {
        let url = format!("http://{}/v3/clusters/c/topics/t/records", bridge.addr());
        let request = client.post(url).header("content-type", "application/json").body(record.clone());
        reports(&request.send().await.unwrap().text().await.unwrap())[0]["error_code"].clone()
    };
    let right = bridge(&brokers, "lovelace-1815").await;
    assert_eq!(produce(&right).await, 200);
    right.stop().await;

    let wrong = bridge(&brokers, "babbage-1791").await;
    let url = format!("http://{}/healthz", wrong.addr());
    let health = eventually(async || {
        let health = client.get(&url).send().await.unwrap().text().await.unwrap();
        health.contains("credentials").then_some(health)
    })
    .await;
    assert!(!health.contains("babbage"), "{health}");
    wrong.stop().await;
}
