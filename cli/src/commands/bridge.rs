//! `minireipaz bridge`: the REST Proxy front and the HTTP sink delivery, by themselves.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context as _;
use bridge::{BasicAuth, Bridge, BridgeConfig, LogConfig};
use minireipaz::{
    config::{Env, log::LogConfig as Logging},
    telemetry,
};
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;

/// Options of `minireipaz bridge`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The connector files are those of Kafka Connect's HTTP Sink; ${env:NAME} in them is filled in from the environment.

Examples:
  minireipaz bridge --data .bridge --connector connectors/tasks-http-sink.json")]
pub(crate) struct BridgeArgs {
    /// Folder of the embedded log.
    #[arg(long, default_value = ".bridge", value_name = "DIR")]
    data: PathBuf,
    /// Where the REST Proxy listens.
    #[arg(long, env = "BRIDGE_LISTEN", default_value = "127.0.0.1:8082", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// An HTTP sink connector to run; may be given several times.
    #[arg(long = "connector", value_name = "FILE")]
    connectors: Vec<PathBuf>,
    /// The cluster's id in the REST API's paths and replies.
    #[arg(long, env = "KAFKA_CLUSTER_ID", default_value = "minireipaz", value_name = "ID")]
    cluster_id: String,
    /// Partitions of the topics that the bridge creates.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    partitions: u32,
    /// The user that producers show (Basic authentication); without one everybody may produce.
    #[arg(long, env = "KAFKA_API_KEY", hide_env_values = true, requires = "api_secret", value_name = "KEY")]
    api_key: Option<String>,
    /// Its password.
    #[arg(
        long,
        env = "KAFKA_API_SECRET",
        hide_env_values = true,
        requires = "api_key",
        value_name = "SECRET"
    )]
    api_secret: Option<SecretString>,
}

/// Runs it until it is told to stop.
pub(super) async fn bridge(args: BridgeArgs) -> Result<(), Failure> {
    let logging = Logging::from_env(&mut Env::process());
    telemetry::init(logging.format, &logging.filter).map_err(anyhow::Error::from)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(anyhow::Error::from)?;
    let config = config(args);
    // Dropping what has been started so far stops it.
    let bridge = tokio::select! {
        bridge = Bridge::start(config) => bridge.context("the bridge cannot start")?,
        _ = terminate.recv() => return Ok(()),
        _ = tokio::signal::ctrl_c() => return Ok(()),
    };
    tracing::info!("the REST Proxy listens on http://{}", bridge.addr());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    tracing::info!("stopping");
    bridge.stop().await;
    Ok(())
}

fn config(args: BridgeArgs) -> BridgeConfig {
    let mut config = BridgeConfig::with_log(LogConfig::Embedded { dir: args.data });
    config.listen = args.listen;
    config.cluster_id = args.cluster_id;
    config.connectors = args.connectors;
    // The connector files name the ones they want.
    config.variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    config.partitions = args.partitions;
    config.auth = args.api_key.zip(args.api_secret).map(|(user, password)| BasicAuth { user, password });
    config
}
