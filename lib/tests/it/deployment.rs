//! What a deployment is told is what the programs read.

use std::{collections::BTreeSet, fs, path::Path};

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Names of our variables in a text; those of other programs begin otherwise.
fn variables(text: &str) -> BTreeSet<&str> {
    const OURS: [&str; 17] = [
        "ALERT_",
        "KAFKA_REST_",
        "KAFKA_API_",
        "KAFKA_BOOTSTRAP_",
        "KAFKA_PROPERTIES",
        "CLICKHOUSE_",
        "AUTH_",
        "CONNECTOR_",
        "CORS_",
        "HOOK_",
        "CREDENTIAL_",
        "FILES_",
        "LINK_",
        "PUBLIC_",
        "WORKER_",
        "SCHEDULER_",
        "BRIDGE_",
    ];
    // What the ClickHouse image reads, and compose.yaml puts into CLICKHOUSE_URL.
    const OF_OTHERS: [&str; 1] = ["CLICKHOUSE_PASSWORD"];
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.ends_with('_') && !word.contains(|c: char| c.is_ascii_lowercase()))
        .filter(|word| OURS.iter().any(|ours| word.starts_with(ours)) && !OF_OTHERS.contains(word))
        .collect()
}

fn documented(readme: &str) -> BTreeSet<&str> {
    let settings = readme.split("\n## Settings").nth(1).unwrap();
    variables(settings.split("\n## ").next().unwrap())
}

#[test]
fn every_variable_that_a_deployment_sets_is_documented() {
    let readme = read("README.md");
    let known = documented(&readme);
    for file in [
        "compose.yaml",
        "deploy/compose.env.example",
        "deploy/kubernetes/bridge.yaml",
        "deploy/kubernetes/worker.yaml",
        "docs/deployment.md",
        "connectors/workflows-http-sink.json",
        "connectors/tasks-http-sink.json",
        "connectors/confluent-cloud/workflows-http-sink.json",
        "connectors/confluent-cloud/tasks-http-sink.json",
        "connectors/aiven/workflows-http-sink.json",
        "connectors/aiven/tasks-http-sink.json",
    ] {
        let text = read(file);
        let unknown: Vec<_> = variables(&text).difference(&known).copied().collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?} are not in README.md's table");
    }
}

#[test]
fn every_documented_variable_is_read_somewhere() {
    let readers = [
        "lib/src/config/auth.rs",
        "lib/src/config/bus.rs",
        "lib/src/config/hooks.rs",
        "lib/src/config/credentials.rs",
        "lib/src/config/files.rs",
        "lib/src/config/http.rs",
        "lib/src/config/links.rs",
        "lib/src/config/store.rs",
        "workers/src/config.rs",
        "workers/src/alerts/settings.rs",
        "cli/src/commands/bridge.rs",
        "connectors/workflows-http-sink.json",
        "connectors/tasks-http-sink.json",
        "connectors/confluent-cloud/tasks-http-sink.json",
    ];
    let sources: String = readers.into_iter().map(read).collect();
    let readme = read("README.md");
    let unread: Vec<_> = documented(&readme).difference(&variables(&sources)).copied().collect();
    assert!(unread.is_empty(), "{unread:?} are read by nothing");
}

#[test]
fn the_image_is_built_with_the_compiler_of_the_toolchain_file() {
    let toolchain = read("rust-toolchain.toml");
    let version = toolchain.split("channel = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert!(read("Dockerfile").contains(&format!("ARG RUST_IMAGE=rust:{version}-")));
}
