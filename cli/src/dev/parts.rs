//! The parts, in the order in which they start and stop.

use std::{collections::BTreeMap, fs, net::TcpListener, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use bridge::{Bridge, BridgeConfig};
use minireipaz::clock::SystemClock;
use minireipaz::{
    auth::issuer::LocalIssuer,
    config::Env,
    http::{ApiConfig, AppState},
    store::{StoreConfig, clickhouse, local::LocalClickHouse},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use workers::{Worker, WorkerConfig};

use super::{
    AUDIENCE,
    folder::{Addresses, Folder, free_port},
    functions, screen,
    screen::Starting,
};
use crate::playground;

/// The same files that drive production.
const CONNECTORS: [(&str, &str); 2] = [
    ("workflows-http-sink.json", include_str!("../../../connectors/workflows-http-sink.json")),
    ("tasks-http-sink.json", include_str!("../../../connectors/tasks-http-sink.json")),
];

const CLUSTER_ID: &str = "minireipaz-dev";

/// Everything that runs.
pub(crate) struct Parts {
    pub(crate) addresses: Addresses,
    pub(crate) issuer: LocalIssuer,
    clickhouse: Option<LocalClickHouse>,
    clickhouse_data: PathBuf,
    worker: Worker,
    bridge: Bridge,
    functions: JoinHandle<std::io::Result<()>>,
    playground: JoinHandle<std::io::Result<()>>,
    stop_functions: CancellationToken,
    stop_playground: CancellationToken,
}

impl Parts {
    /// Starts all parts. What delivers starts last, so that it finds its receivers.
    pub(crate) async fn start(
        folder: &Folder,
        listener: TcpListener,
        clickhouse_url: Option<&str>,
    ) -> anyhow::Result<Self> {
        let last = folder.addresses();
        let local = |port: u16| format!("http://127.0.0.1:{port}");
        let mut addresses = Addresses {
            functions: local(listener.local_addr()?.port()),
            bridge: local(free_port(&last.bridge)?),
            worker: local(free_port(&last.worker)?),
            playground: local(free_port(&last.playground)?),
            clickhouse: String::new(),
        };
        let clickhouse = start_clickhouse(folder, &last, clickhouse_url, &mut addresses).await?;
        folder.save_addresses(&addresses)?;

        let issuer = LocalIssuer::open(&folder.join("issuer"), &addresses.functions, AUDIENCE)?;
        let variables = variables(folder, &addresses)?;

        let starting = Starting::new("playground");
        let stop_playground = CancellationToken::new();
        let playground = {
            let listener = TcpListener::bind(host(&addresses.playground))?;
            listener.set_nonblocking(true)?;
            functions::serve(listener, playground::router(), stop_playground.clone())?
        };
        starting.started(&addresses.playground);

        let starting = Starting::new("worker");
        let mut env = Env::of(variables.clone());
        let config = WorkerConfig::from_env(&mut env);
        let store_config = StoreConfig::from_env(&mut env);
        let (config, store_config) = env.finish(config.zip(store_config))?;
        let store = Arc::new(clickhouse::ClickHouse::connect(store_config).await?);
        let worker = Worker::start(config, store, Arc::new(SystemClock)).await?;
        starting.started(&addresses.worker);

        let starting = Starting::new("functions");
        let stop_functions = CancellationToken::new();
        let state = AppState::connect(&ApiConfig::from_env(Env::of(variables.clone()))?)?;
        let router = functions::router(state, issuer.jwks());
        let functions = functions::serve(listener, router, stop_functions.clone())?;
        starting.started(&format!("{}/api/v1", addresses.functions));

        let starting = Starting::new("bridge");
        let bridge = Bridge::start(bridge_config(folder, &addresses, variables)?).await?;
        starting.started(&addresses.bridge);

        Ok(Self {
            addresses,
            issuer,
            clickhouse,
            clickhouse_data: folder.join("clickhouse"),
            worker,
            bridge,
            functions,
            playground,
            stop_functions,
            stop_playground,
        })
    }

    /// Waits until a part ends by itself, which none should; says which. `ClickHouse` is a process of its own and
    /// may be killed alone: it is started again, and everything that waited for it goes on.
    pub(crate) async fn ended(&mut self) -> String {
        loop {
            tokio::select! {
                ended = &mut self.functions => return format!("the functions ended: {ended:?}"),
                () = self.worker.ended() => return "the worker ended".to_owned(),
                () = ended(&mut self.clickhouse) => {
                    if let Err(error) = self.restart_clickhouse().await {
                        return format!("ClickHouse ended and did not start again: {error:#}");
                    }
                }
            }
        }
    }

    async fn restart_clickhouse(&mut self) -> anyhow::Result<()> {
        let Some(gone) = self.clickhouse.take() else { return Ok(()) };
        let port = gone.port();
        drop(gone);
        screen::warning(
            "ClickHouse ended; starting it again. Nothing is lost: what it has not confirmed waits.",
        );
        let starting = Starting::new("ClickHouse");
        let server =
            LocalClickHouse::start(&self.clickhouse_data, Some(port), |text| starting.progress(text)).await?;
        starting.started(&server.url());
        self.clickhouse = Some(server);
        Ok(())
    }

    /// Stops all parts: what brings work first, what keeps it last.
    pub(crate) async fn stop(self) {
        screen::stopping("bridge");
        self.bridge.stop().await;
        screen::stopping("functions");
        self.stop_functions.cancel();
        // Long polls end with the process; they have lost nothing.
        let _ = tokio::time::timeout(Duration::from_secs(2), self.functions).await;
        screen::stopping("worker");
        self.worker.stop().await;
        self.stop_playground.cancel();
        let _ = tokio::time::timeout(Duration::from_secs(1), self.playground).await;
        if let Some(clickhouse) = self.clickhouse {
            screen::stopping("ClickHouse");
            clickhouse.stop().await;
        }
    }
}

/// Waits until the local server ends; for ever when there is none.
async fn ended(clickhouse: &mut Option<LocalClickHouse>) {
    match clickhouse {
        Some(server) => server.ended().await,
        None => std::future::pending().await,
    }
}

async fn start_clickhouse(
    folder: &Folder,
    last: &Addresses,
    given: Option<&str>,
    addresses: &mut Addresses,
) -> anyhow::Result<Option<LocalClickHouse>> {
    let starting = Starting::new("ClickHouse");
    let server = match given {
        Some(url) => {
            addresses.clickhouse = url.to_owned();
            None
        }
        None => {
            let port = free_port(&last.clickhouse)?;
            let data = folder.join("clickhouse");
            let server = LocalClickHouse::start(&data, Some(port), |text| starting.progress(text)).await?;
            addresses.clickhouse = server.url();
            Some(server)
        }
    };
    let mut env = Env::of([("CLICKHOUSE_URL", addresses.clickhouse.as_str())]);
    let config = StoreConfig::from_env(&mut env);
    clickhouse::migrate(&env.finish(config)?)
        .await
        .context("the database could not be brought up to date")?;
    // A given URL may hold a password.
    starting.started(if given.is_some() { "CLICKHOUSE_URL" } else { &addresses.clickhouse });
    Ok(server)
}

/// What the parts would find in their environments elsewhere.
fn variables(folder: &Folder, addresses: &Addresses) -> anyhow::Result<BTreeMap<String, String>> {
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

fn bridge_config(
    folder: &Folder,
    addresses: &Addresses,
    variables: BTreeMap<String, String>,
) -> anyhow::Result<BridgeConfig> {
    let connectors = folder.join("connectors");
    fs::create_dir_all(&connectors)?;
    let files = CONNECTORS.map(|(name, text)| (connectors.join(name), text));
    for (path, text) in &files {
        fs::write(path, text)?;
    }
    let mut config = BridgeConfig::new(folder.join("bridge"));
    config.listen = host(&addresses.bridge).parse()?;
    config.cluster_id = CLUSTER_ID.to_owned();
    config.connectors = files.map(|(path, _): (PathBuf, _)| path).to_vec();
    config.variables = variables;
    Ok(config)
}

fn host(url: &str) -> &str {
    url.trim_start_matches("http://")
}
