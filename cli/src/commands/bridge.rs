//! `minireipaz bridge`: the REST Proxy front and the HTTP sink delivery, by themselves.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context as _;
use bridge::{BasicAuth, Bridge, BridgeConfig, KafkaSettings, LogConfig};
use minireipaz::{
    config::Env,
    telemetry::{self, LogConfig as Logging},
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;

/// Options of `minireipaz bridge`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The connector files are those of Kafka Connect's HTTP Sink; ${env:NAME} in them is filled in from the environment.

On a Kafka, what librdkafka needs to know beyond the addresses is given by --kafka-property, or by KAFKA_PROPERTIES \
with one NAME=VALUE a line: for Confluent Cloud security.protocol=SASL_SSL, sasl.mechanism=PLAIN, sasl.username and \
sasl.password; for MSK SASL_SSL and SCRAM-SHA-512. (TLS needs a program built with the feature kafka-tls.)

Examples:
  minireipaz bridge --data .bridge --connector connectors/tasks-http-sink.json
  minireipaz bridge --kafka broker-1:9092,broker-2:9092 --listen 0.0.0.0:8082 \\
    --connector connectors/workflows-http-sink.json --connector connectors/tasks-http-sink.json")]
pub(crate) struct BridgeArgs {
    /// The Kafka cluster to use: its bootstrap addresses.
    #[arg(
        long,
        env = "KAFKA_BOOTSTRAP_SERVERS",
        value_name = "HOST:PORT,…",
        value_parser = clap::builder::NonEmptyStringValueParser::new(),
        conflicts_with = "data"
    )]
    kafka: Option<String>,
    /// A property of librdkafka; may be given several times. Secrets belong in `KAFKA_PROPERTIES`.
    #[arg(
        long = "kafka-property",
        env = "KAFKA_PROPERTIES",
        hide_env_values = true,
        value_delimiter = '\n',
        value_name = "NAME=VALUE",
        value_parser = property,
        requires = "kafka"
    )]
    properties: Vec<Property>,
    /// Folder of the embedded log, which serves one machine.
    #[arg(long, default_value = ".bridge", value_name = "DIR")]
    data: PathBuf,
    /// Where the REST Proxy listens.
    #[arg(long, env = "BRIDGE_LISTEN", default_value = "127.0.0.1:8082", value_name = "IP:PORT")]
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

/// A property of librdkafka. Its value may be a secret.
#[derive(Debug, Clone)]
struct Property {
    name: String,
    value: SecretString,
}

fn property(text: &str) -> Result<Property, String> {
    match text.trim().split_once('=') {
        // A blank line of the variable.
        None if text.trim().is_empty() => Ok(Property { name: String::new(), value: String::new().into() }),
        Some((name, value)) if !name.is_empty() => {
            Ok(Property { name: name.trim().to_owned(), value: value.trim().to_owned().into() })
        }
        // The text may be a secret that lacks its name, so it is not repeated.
        _ => Err("a property has the form NAME=VALUE, such as security.protocol=SASL_SSL".to_owned()),
    }
}

/// Runs it until it is told to stop.
pub(super) async fn bridge(args: BridgeArgs) -> Result<(), Failure> {
    let mut env = Env::process();
    let logging = Logging::from_env(&mut env);
    let logging = env.finish(Some(logging)).map_err(|error| Failure::usage(error.to_string()))?;
    telemetry::init(&logging).map_err(anyhow::Error::from)?;
    telemetry::log_panics();
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
    let log = match args.kafka {
        None => LogConfig::Embedded { dir: args.data },
        Some(brokers) => {
            let property = |property: Property| (property.name, property.value.expose_secret().to_owned());
            let given = args.properties.into_iter().filter(|property| !property.name.is_empty());
            let properties = given.map(property).collect();
            LogConfig::Kafka(KafkaSettings { properties, ..KafkaSettings::new(brokers) })
        }
    };
    let mut config = BridgeConfig::with_log(log);
    config.listen = args.listen;
    config.cluster_id = args.cluster_id;
    config.connectors = args.connectors;
    // The connector files name the ones they want.
    config.variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    config.partitions = args.partitions;
    // A variable that is set and empty counts as not set, as everywhere.
    let given = args.api_key.filter(|key| !key.is_empty()).zip(args.api_secret);
    config.auth = given.map(|(user, password)| BasicAuth { user, password });
    config
}
