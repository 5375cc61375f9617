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
        ("PUBLIC_URL", addresses.functions.clone()),
        ("LINK_SECRET", folder.link_secret()?),
        ("HOOK_SECRET", folder.hook_secret()?),
        ("CREDENTIAL_KEYS", folder.credential_keys()?),
        ("SCHEDULER_URL", addresses.functions.clone()),
        ("WORKER_URL", addresses.worker.clone()),
        ("WORKER_LISTEN", host(&addresses.worker).to_owned()),
        ("WORKER_DATA_DIR", data),
        ("WORKER_TICK", "1s".to_owned()),
        ("FILES_URL", files(folder)?),
        // Workflows of this machine may call this machine.
        ("WORKER_HTTP_ALLOW", "127.0.0.0/8,::1,localhost".to_owned()),
        ("WORKER_ENV_ALLOW", "PLAYGROUND_URL".to_owned()),
        ("PLAYGROUND_URL", addresses.playground.clone()),
    ];
    Ok(settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A folder of its own, as an address.
fn files(folder: &Folder) -> anyhow::Result<String> {
    let path = std::path::absolute(folder.join("files"))?;
    let url = url::Url::from_directory_path(&path);
    Ok(url.map_err(|()| anyhow::anyhow!("{} is no folder that an address can name", path.display()))?.into())
}

/// What the environment must not say: where the worker is, and beside whom, is for `dev` to say.
const NOT_GIVEN: [&str; 2] = ["WORKER_PEERS", "WORKER_SELF"];
/// Lists that are longer by what the environment says.
const LISTS: [&str; 2] = ["WORKER_ENV_ALLOW", "WORKER_HTTP_ALLOW"];

/// The worker's variables: what all parts have, and the settings of its own that the environment has.
pub(crate) fn of_worker(
    own: &BTreeMap<String, String>,
    environment: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let said = |name: &str| environment.get(name).map(String::as_str).filter(|text| !text.trim().is_empty());
    let for_workflows: Vec<_> =
        said("WORKER_ENV_ALLOW").unwrap_or_default().split(',').map(str::trim).collect();
    let of_worker = |name: &str| {
        let is_its_own = ["WORKER_", "ALERT_"].iter().any(|prefix| name.starts_with(prefix));
        (is_its_own && !NOT_GIVEN.contains(&name)) || for_workflows.contains(&name)
    };
    let given = environment.iter().filter(|(name, _)| of_worker(name));
    let mut all: BTreeMap<_, _> = given.map(|(name, value)| (name.clone(), value.clone())).collect();
    all.extend(own.clone());
    for name in LISTS {
        if let (Some(ours), Some(theirs)) = (all.get_mut(name), said(name)) {
            *ours = format!("{ours},{theirs}");
        }
    }
    all
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

#[cfg(test)]
mod tests {
    use minireipaz::config::Env;
    use workers::WorkerConfig;

    use super::*;

    fn map(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn own() -> BTreeMap<String, String> {
        map(&[
            ("CONNECTOR_SECRET", "0123456789abcdef0123456789abcdef"),
            ("WORKER_DATA_DIR", "/dev-data"),
            ("WORKER_ENV_ALLOW", "PLAYGROUND_URL"),
            ("PLAYGROUND_URL", "http://127.0.0.1:4000"),
            ("WORKER_HTTP_ALLOW", "127.0.0.0/8"),
        ])
    }

    fn config(environment: &[(&str, &str)]) -> Result<WorkerConfig, String> {
        let mut env = Env::of(of_worker(&own(), &map(environment)));
        let config = WorkerConfig::from_env(&mut env);
        env.finish(config).map_err(|error| error.to_string())
    }

    #[test]
    fn settings_of_the_worker_are_taken_from_the_environment_and_a_wrong_one_is_named() {
        let given =
            config(&[("WORKER_MAX_RUNS", "7"), ("WORKER_MAX_STEPS", "10"), ("WORKER_GRACE", "3s")]).unwrap();
        assert_eq!((given.max_runs, given.max_steps, given.max_steps_per_tenant), (7, 10, 5));
        assert_eq!(given.grace.as_secs(), 3);
        let said = config(&[("WORKER_MAX_RUNS", "many")]).unwrap_err();
        assert!(said.contains("WORKER_MAX_RUNS"), "{said}");
    }

    #[test]
    fn what_dev_says_of_where_the_worker_is_stays() {
        let given = config(&[
            ("WORKER_DATA_DIR", "/elsewhere"),
            ("WORKER_PEERS", "http://a,http://b"),
            ("WORKER_SELF", "http://c"),
            ("CONNECTOR_SECRET", "x"),
        ]);
        assert_eq!(given.unwrap().data_dir, PathBuf::from("/dev-data"));
    }

    #[test]
    fn more_may_be_read_and_called_than_what_dev_allows() {
        let given = [("WORKER_ENV_ALLOW", "SHOP_KEY, MISSING"), ("SHOP_KEY", "k"), ("HOME", "/root")];
        let env = config(&given).unwrap().runner.env;
        let names: Vec<_> = env.into_iter().collect();
        assert_eq!(names.len(), 2, "{names:?}");
        let all = of_worker(&own(), &map(&[("WORKER_HTTP_ALLOW", "10.0.0.0/8")]));
        assert_eq!(all["WORKER_HTTP_ALLOW"], "127.0.0.0/8,10.0.0.0/8");
        assert_eq!(of_worker(&own(), &map(&[("WORKER_HTTP_ALLOW", " ")])), own().into_iter().collect());
    }
}
