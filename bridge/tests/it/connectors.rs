//! The connector files that this repository ships, and what a wrong one says at start.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use bridge::{Bridge, BridgeConfig, connector};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::{
    known_keys::complaints,
    support::{sink, write_connector},
};

fn variables() -> BTreeMap<String, String> {
    [("SCHEDULER_URL", "http://s:1"), ("WORKER_URL", "http://w:2"), ("CONNECTOR_SECRET", "s3cret")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

const SHIPPED: [(&str, &str, &str); 6] = [
    ("workflows-http-sink.json", "workflows", "http://s:1/api/v1/scheduler/events"),
    ("tasks-http-sink.json", "tasks", "http://w:2/tasks"),
    ("confluent-cloud/workflows-http-sink.json", "workflows", "http://s:1/api/v1/scheduler/events"),
    ("confluent-cloud/tasks-http-sink.json", "tasks", "http://w:2/tasks"),
    ("aiven/workflows-http-sink.json", "workflows", "http://s:1/api/v1/scheduler/events"),
    ("aiven/tasks-http-sink.json", "tasks", "http://w:2/tasks"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../connectors")
}

fn shipped_config(file: &str) -> Map<String, Value> {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    file["config"].as_object().unwrap().clone()
}

#[test]
fn the_shipped_connectors_deliver_batches_with_the_secret_and_wait_out_any_outage() {
    for (file, topic, url) in SHIPPED {
        let connector = connector::read(&folder().join(file), &variables()).unwrap();
        assert_eq!(connector.name, format!("{topic}-http-sink"));
        assert_eq!(connector.topics, [topic]);
        assert_eq!(connector.url_for(topic).unwrap().as_str(), url);
        assert_eq!(connector.headers["authorization"], "Bearer s3cret");
        assert_eq!(connector.headers["content-type"], "application/json");
        // Values go as they are, a line each, where the connector can: nothing reads and writes them anew.
        let lines = |separator: &str, suffix: &str| connector::BodyFormat::Text {
            prefix: String::new(),
            separator: separator.to_owned(),
            suffix: suffix.to_owned(),
        };
        let (body, most) = match file.split_once('/') {
            Some(("confluent-cloud", _)) => (connector::BodyFormat::JsonArray, 100),
            Some(("aiven", _)) => (lines("\n", "\n"), 50),
            _ => (lines(",\n", ""), 100),
        };
        assert_eq!((&connector.body, connector.batch_max), (&body, most), "{file}");
        let converter = shipped_config(file).get("value.converter").cloned();
        let is_managed = file.starts_with("confluent-cloud/");
        assert_eq!(converter.is_none(), is_managed, "{file}");
        assert!(converter.is_none_or(|class| class == "org.apache.kafka.connect.storage.StringConverter"));
        assert_eq!(connector.on_null, connector::OnNull::Ignore, "{file}");
        // A 4xx is a fault of configuration or deployment here: waited out as an outage is, never skipped.
        assert!((400..600).all(|status| connector.retry_on.contains(status)));
        assert_eq!(connector.on_error, connector::OnError::Fail);
        // The managed connector allows no more, and restarts a failed task by itself.
        assert!(connector.max_retries >= if is_managed { 5_000 } else { 100_000 });
        // With batches Aiven's connector refuses to tolerate; a text is never bad.
        assert_eq!(connector.tolerate_bad_records, !file.starts_with("aiven/"), "{file}");
    }
}

#[test]
fn every_connector_file_is_checked_and_every_key_of_it_is_one_that_its_connector_knows() {
    let mut found = 0;
    for dir in [folder(), folder().join("confluent-cloud"), folder().join("aiven")] {
        found += std::fs::read_dir(dir).unwrap().filter(|e| e.as_ref().unwrap().path().is_file()).count();
    }
    assert_eq!(found, SHIPPED.len());
    for (file, _, _) in SHIPPED {
        assert_eq!(complaints(&shipped_config(file)), Vec::<String>::new(), "{file}");
    }
}

#[test]
fn a_key_that_the_connector_does_not_know_and_a_value_that_it_does_not_take_are_found() {
    let wrong = [
        ("tasks-http-sink.json", "api1.topics", "tasks"),
        ("tasks-http-sink.json", "max.retry", "5"),
        ("tasks-http-sink.json", "behavior.on.error", "FAIL"),
        ("tasks-http-sink.json", "headers", "Content-Type application/json"),
        ("confluent-cloud/tasks-http-sink.json", "http.api.url", "https://h"),
        ("confluent-cloud/tasks-http-sink.json", "api1.max.retries", "1000000"),
        ("confluent-cloud/tasks-http-sink.json", "api1.retry.on.status.codes", "4xx"),
        ("confluent-cloud/tasks-http-sink.json", "api2.topics", "tasks"),
        ("aiven/tasks-http-sink.json", "errors.retry.timeout", "1"),
        ("aiven/tasks-http-sink.json", "batching.enabled", "yes"),
        ("aiven/tasks-http-sink.json", "http.authorization.type", "STATIC"),
    ];
    for (file, key, value) in wrong {
        let mut config = shipped_config(file);
        config.insert(key.to_owned(), value.into());
        let found = complaints(&config);
        assert!(found.len() == 1 && found[0].starts_with(key), "{file}: {found:?}");
    }
}

async fn refusal(connectors: &[serde_json::Value]) -> String {
    let dir = TempDir::new().unwrap();
    let mut config = BridgeConfig::new(dir.path().join("data"));
    for (n, content) in connectors.iter().enumerate() {
        let path = write_connector(&dir, content);
        let own = dir.path().join(format!("{n}.json"));
        std::fs::rename(path, &own).unwrap();
        config.connectors.push(own);
    }
    let error = Bridge::start(config).await.err().unwrap();
    assert!(!dir.path().join("data").exists(), "nothing is created before the files are right");
    error.to_string()
}

#[tokio::test]
async fn a_wrong_connector_file_is_refused_at_start_with_its_name_and_all_its_faults() {
    let text = refusal(&[sink("http://h", &json!({"wrong.key": 1, "headers": "A:${env:NOPE}"}))]).await;
    assert!(
        text.contains("0.json: headers needs the variable NOPE, which is not set; wrong.key is not a key"),
        "{text}"
    );
    let text = refusal(&[json!({"name": "x"})]).await;
    assert!(text.contains("is not of the form"), "{text}");
    let same = sink("http://h", &json!({}));
    let text = refusal(&[same.clone(), same]).await;
    assert!(text.contains("two connectors have the name \"sink\""), "{text}");
}

#[tokio::test]
async fn a_log_that_is_open_elsewhere_and_an_address_that_is_taken_are_told() {
    let dir = TempDir::new().unwrap();
    let running = Bridge::start(BridgeConfig::new(dir.path())).await.unwrap();
    let error = Bridge::start(BridgeConfig::new(dir.path())).await.err().unwrap();
    assert!(matches!(error, bridge::StartError::Log { .. }), "{error}");
    let mut config = BridgeConfig::new(dir.path().join("other"));
    config.listen = running.addr();
    let error = Bridge::start(config).await.err().unwrap();
    assert!(error.to_string().starts_with("cannot listen on 127.0.0.1:"), "{error}");
    running.stop().await;
}
