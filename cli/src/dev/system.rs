//! Everything that `minireipaz dev` runs, in the order in which it starts and stops.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bridge::Bridge;
use minireipaz::{
    auth::issuer::LocalIssuer,
    clock::SystemClock,
    config::Env,
    http::{ApiConfig, AppState},
    store::{StoreConfig, clickhouse::ClickHouse},
};
use serde_json::Value;
use tokio::net::TcpListener;
use workers::{Worker, WorkerConfig};

use super::{
    AUDIENCE,
    database::Database,
    folder::{Addresses, Folder, free_port},
    functions,
    runtimes::PartRuntime,
    screen::{self, Starting},
    server::Server,
    settings::{self, host},
};
use crate::{listen::listen, playground};

/// The whole system on this machine.
pub(crate) struct LocalSystem {
    pub(crate) addresses: Addresses,
    pub(crate) issuer: LocalIssuer,
    database: Database,
    playground: Server,
    worker: Worker,
    functions: Server,
    bridge: Bridge,
    /// Last, since the parts run there.
    _runtimes: [PartRuntime; 3],
}

impl LocalSystem {
    /// Starts all parts, the functions on `listener`, the worker with what `environment` says of it. What delivers starts
    /// last, so that it finds its receivers.
    pub(crate) async fn start(
        folder: &Folder,
        listener: TcpListener,
        clickhouse_url: Option<&str>,
        environment: &BTreeMap<String, String>,
    ) -> anyhow::Result<Self> {
        let last = folder.addresses();
        let database = Database::start(&folder.join("clickhouse"), &last.clickhouse, clickhouse_url).await?;
        let local = |port: u16| format!("http://127.0.0.1:{port}");
        let addresses = Addresses {
            functions: local(listener.local_addr()?.port()),
            bridge: local(free_port(&last.bridge)?),
            worker: local(free_port(&last.worker)?),
            playground: local(free_port(&last.playground)?),
            clickhouse: database.url().to_owned(),
        };
        folder.save_addresses(&addresses)?;
        let issuer = LocalIssuer::open(&folder.join("issuer"), &addresses.functions, AUDIENCE)?;
        let variables = settings::variables(folder, &addresses)?;

        let starting = Starting::new("playground");
        let playground =
            Server::start(listen(host(&addresses.playground).parse()?).await?, playground::router());
        starting.started(&addresses.playground);

        let starting = Starting::new("worker");
        let on_worker = PartRuntime::new("worker")?;
        let worker = on_worker.run(worker(settings::of_worker(&variables, environment))).await?;
        starting.started(&addresses.worker);

        let starting = Starting::new("functions");
        let on_functions = PartRuntime::new("functions")?;
        let (listener, keys) = (listener.into_std()?, issuer.jwks());
        let functions = on_functions.run(functions(variables.clone(), listener, keys)).await?;
        starting.started(&format!("{}/api/v1", addresses.functions));

        let starting = Starting::new("bridge");
        let on_bridge = PartRuntime::new("bridge")?;
        let config = settings::bridge(folder, &addresses, variables)?;
        let bridge = on_bridge.run(async { Ok(Bridge::start(config).await?) }).await?;
        starting.started(&addresses.bridge);

        let runtimes = [on_functions, on_bridge, on_worker];
        Ok(Self { addresses, issuer, database, playground, worker, functions, bridge, _runtimes: runtimes })
    }

    /// Waits until a part ends by itself, which none should; says which. `ClickHouse` is a process of its own and
    /// may be killed alone: it is started again.
    pub(crate) async fn ended(&mut self) -> String {
        loop {
            tokio::select! {
                how = self.functions.ended() => return format!("the functions ended: {how}"),
                () = self.worker.ended() => return "the worker ended".to_owned(),
                () = self.database.ended() => {
                    if let Err(error) = self.database.restart().await {
                        return format!("ClickHouse ended and did not start again: {error:#}");
                    }
                }
            }
        }
    }

    /// Stops all parts: what brings work first, what keeps it last.
    pub(crate) async fn stop(self) {
        screen::stopping("bridge");
        self.bridge.stop().await;
        screen::stopping("functions");
        // Long polls end with the process; they have lost nothing.
        self.functions.stop(Duration::from_secs(2)).await;
        screen::stopping("worker");
        self.worker.stop().await;
        self.playground.stop(Duration::from_secs(1)).await;
        self.database.stop().await;
    }
}

async fn functions(
    variables: BTreeMap<String, String>,
    listener: std::net::TcpListener,
    keys: Value,
) -> anyhow::Result<Server> {
    let state = AppState::connect(&ApiConfig::from_env(Env::of(variables))?)?;
    // Taken on the runtime that is to be woken by it.
    Ok(Server::start(TcpListener::from_std(listener)?, functions::router(state, keys)))
}

async fn worker(variables: BTreeMap<String, String>) -> anyhow::Result<Worker> {
    let mut env = Env::of(variables);
    let config = WorkerConfig::from_env(&mut env);
    let store = StoreConfig::from_env(&mut env);
    let (config, store) = env.finish(config.zip(store))?;
    let store = Arc::new(ClickHouse::connect(store).await?);
    Ok(Worker::start(config, store, Arc::new(SystemClock)).await?)
}
