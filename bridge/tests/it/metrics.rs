//! What a running bridge exposes is what `docs/metrics.md` says, and the reverse.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::json;
use tempfile::TempDir;

use crate::support::{Receiver, TestBridge, eventually, sink};

/// Names with their types, and the labels of each.
type Metrics = BTreeMap<String, (String, BTreeSet<String>)>;

fn documented() -> Metrics {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let document = fs::read_to_string(document).unwrap();
    let rows = document.lines().filter(|line| line.starts_with("| `bridge_"));
    rows.filter(|row| row.split('|').count() == 7)
        .map(|row| {
            let cells: Vec<_> = row.split('|').map(|cell| cell.trim().replace('`', "")).collect();
            let labels = cells[3].split(", ").filter(|label| !label.is_empty()).map(str::to_owned).collect();
            (cells[1].clone(), (cells[2].clone(), labels))
        })
        .collect()
}

fn exposed(text: &str) -> Metrics {
    let mut found = Metrics::new();
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' ')) {
            found.insert(name.to_owned(), (kind.to_owned(), BTreeSet::new()));
        } else if !line.starts_with('#') && !line.is_empty() {
            let (name, labels) = line.split_once(['{', ' ']).unwrap();
            let (_, known) = found.get_mut(name).unwrap_or_else(|| panic!("{line} has no type"));
            let labels = labels.split_once('}').map_or("", |(labels, _)| labels).split(',');
            known.extend(labels.filter_map(|label| Some(label.split_once('=')?.0.to_owned())));
        }
    }
    found
}

#[tokio::test]
async fn a_running_bridge_exposes_what_is_documented_and_nothing_else() {
    let mut receiver = Receiver::willing().await;
    let bridge = TestBridge::delivering(&receiver, json!({})).await;
    bridge.produce([("k", json!(1))]).await;
    assert_eq!(receiver.values(1).await, [1]);
    assert_eq!(bridge.get("/nothing").await.0, 404);
    let text = eventually(async || {
        let (_, text) = bridge.get("/metrics").await;
        text.contains("bridge_delivered_records_total{").then_some(text)
    })
    .await;
    assert_eq!(exposed(&text), documented());
    assert!(text.contains("bridge_http_responses_total{status=\"404\"} 1\n"), "{text}");
    bridge.bridge.stop().await;
}

/// A bridge with one connector a name, all of topic `t`.
async fn with_connectors_named(names: &[&str], receiver: &Receiver, dir: &TempDir) -> TestBridge {
    let mut paths = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let mut connector = sink(&receiver.url(), &json!({}));
        connector["name"] = json!(name);
        let path = dir.path().join(format!("{n}.json"));
        fs::write(&path, connector.to_string()).unwrap();
        paths.push(path);
    }
    TestBridge::with(|config| config.connectors = paths).await
}

#[tokio::test]
async fn a_connectors_name_is_escaped_and_no_two_names_look_the_same() {
    let (dir, mut receiver) = (TempDir::new().unwrap(), Receiver::willing().await);
    // What Prometheus' text form has to escape, alone and next to each other.
    let names = ["a\"b\\c\nd", "\\n", "\\\\n", "\\\n", "\\\""];
    let escaped = [r#"a\"b\\c\nd"#, r"\\n", r"\\\\n", r"\\\n", r#"\\\""#];
    let bridge = with_connectors_named(&names, &receiver, &dir).await;
    bridge.produce([("k", json!(1))]).await;
    assert_eq!(receiver.values(names.len()).await, [1, 1, 1, 1, 1]);
    let partition = bridge::log::partition_of(b"k", 4);
    for name in escaped {
        let line = format!(
            r#"bridge_delivered_records_total{{connector="{name}",topic="t",partition="{partition}"}} 1"#
        );
        eventually(async || bridge.get("/metrics").await.1.lines().any(|l| l == line).then_some(())).await;
    }
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn two_bridges_of_one_process_count_apart() {
    let (one, other) = (TestBridge::start().await, TestBridge::start().await);
    one.produce([("k", json!(1)), ("k", json!(2))]).await;
    for (bridge, count) in [(&one, 2), (&other, 0)] {
        let text = bridge.get("/metrics").await.1;
        let line = format!("bridge_produced_records_total {count}\n");
        assert!(text.contains(&line), "{text}");
    }
    one.bridge.stop().await;
    other.bridge.stop().await;
}
