//! The connector files that this repository ships, and what a wrong one says at start.

use std::{collections::BTreeMap, path::Path};

use bridge::{Bridge, BridgeConfig, connector};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{sink, write_connector};

fn variables() -> BTreeMap<String, String> {
    [("SCHEDULER_URL", "http://s:1"), ("WORKER_URL", "http://w:2"), ("CONNECTOR_SECRET", "s3cret")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

#[test]
fn the_shipped_connectors_deliver_arrays_with_the_secret_and_wait_out_any_outage() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../connectors");
    let cases = [
        ("workflows-http-sink.json", "workflows", "http://s:1/api/v1/scheduler/events"),
        ("tasks-http-sink.json", "tasks", "http://w:2/tasks"),
    ];
    for (file, topic, url) in cases {
        let connector = connector::read(&dir.join(file), &variables()).unwrap();
        assert_eq!(connector.topics, [topic]);
        assert_eq!(connector.url_for(topic).unwrap().as_str(), url);
        assert_eq!(connector.headers["authorization"], "Bearer s3cret");
        assert_eq!(connector.headers["content-type"], "application/json");
        assert_eq!((&connector.body, connector.batch_max), (&connector::BodyFormat::JsonArray, 100));
        // A 4xx is a fault of configuration or deployment here: waited out as an outage is, never skipped.
        assert!((400..600).all(|status| connector.retry_on.contains(status)));
        assert_eq!(connector.on_error, connector::OnError::Fail);
        assert!(connector.max_retries >= 100_000);
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
