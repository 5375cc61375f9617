//! What the parts would find in their environments and files elsewhere.

use std::{collections::BTreeMap, path::PathBuf};

use bridge::BridgeConfig;

use super::{
    AUDIENCE,
    folder::{Addresses, Folder},
    screen,
};

/// The same files that drive production.
const CONNECTORS: [(&str, &str); 2] = [
    ("workflows-http-sink.json", include_str!("../../../connectors/workflows-http-sink.json")),
    ("tasks-http-sink.json", include_str!("../../../connectors/tasks-http-sink.json")),
];

const CLUSTER_ID: &str = "minireipaz-dev";

/// The variables of all parts.
pub(crate) fn variables(folder: &Folder, addresses: &Addresses) -> anyhow::Result<BTreeMap<String, String>> {
    let data = folder.join("worker").display().to_string();
    let settings = [
        ("KAFKA_REST_URL", addresses.bridge.clone()),
        ("KAFKA_CLUSTER_ID", CLUSTER_ID.to_owned()),
        ("CLICKHOUSE_URL", addresses.clickhouse.clone()),
        ("AUTH_ISSUER", addresses.functions.clone()),
        ("AUTH_AUDIENCE", AUDIENCE.to_owned()),
        ("AUTH_JWKS_URL", format!("{}/.well-known/jwks.json", addresses.functions)),
        ("CONNECTOR_SECRET", folder.connector_secret()?),
        ("CORS_ORIGINS", "*".to_owned()),
        ("SCHEDULER_URL", addresses.functions.clone()),
        ("WORKER_URL", addresses.worker.clone()),
        ("WORKER_LISTEN", host(&addresses.worker).to_owned()),
        ("WORKER_DATA_DIR", data),
        // Workflows of this machine may call this machine.
        ("WORKER_HTTP_ALLOW", "127.0.0.0/8,::1,localhost".to_owned()),
        ("WORKER_ENV_ALLOW", "PLAYGROUND_URL".to_owned()),
        ("PLAYGROUND_URL", addresses.playground.clone()),
    ];
    Ok(settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The bridge on its own log, with the connectors written to the folder.
pub(crate) fn bridge(
    folder: &Folder,
    addresses: &Addresses,
    variables: BTreeMap<String, String>,
) -> anyhow::Result<BridgeConfig> {
    let connectors = folder.join("connectors");
    if let Some(open) = private_files::folder(&connectors, |_| true)? {
        screen::warning(&open.to_string());
    }
    let files = CONNECTORS.map(|(name, text)| (connectors.join(name), text));
    for (path, text) in &files {
        private_files::write(path, text)?;
    }
    let mut config = BridgeConfig::new(folder.join("bridge"));
    config.listen = host(&addresses.bridge).parse()?;
    config.cluster_id = CLUSTER_ID.to_owned();
    config.connectors = files.map(|(path, _): (PathBuf, _)| path).to_vec();
    config.variables = variables;
    Ok(config)
}

/// `127.0.0.1:8080` of `http://127.0.0.1:8080`.
pub(crate) fn host(url: &str) -> &str {
    url.trim_start_matches("http://")
}
