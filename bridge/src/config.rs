//! What a bridge is started with. The bridge reads no environment and no files but those named here: its caller
//! fills these structs.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use http_server::ServerLimits;
use secrecy::SecretString;

use crate::{
    clock::{Clock, SystemClock},
    log::kafka::KafkaSettings,
};

/// Everything a bridge needs to start.
#[derive(Clone)]
pub struct BridgeConfig {
    /// Where records are kept.
    pub log: LogConfig,
    /// Where the front listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What the front allows those who connect.
    pub front: ServerLimits,
    /// HTTP sink connector configurations, one file each.
    pub connectors: Vec<PathBuf>,
    /// What `${env:NAME}` in them stands for. May hold secrets; never logged.
    pub variables: BTreeMap<String, String>,
    /// The cluster's id in paths and reports.
    pub cluster_id: String,
    /// Answer 404 to another cluster id, as Confluent Cloud does (the self-hosted proxy does not look at it).
    pub check_cluster_id: bool,
    /// Who may produce; `None`: everybody who can reach the port.
    pub auth: Option<BasicAuth>,
    /// Partitions of a topic that the bridge creates.
    pub partitions: u32,
    /// Whether producing to an unknown topic creates it; otherwise 40401. (On a Kafka the broker decides that; the
    /// bridge creates the connectors' topics.)
    pub auto_create_topics: bool,
    /// Records that all connectors have delivered are removed when they are older. (On a Kafka the topic's own
    /// retention counts.)
    pub retention: Duration,
    /// The bounds.
    pub limits: Limits,
    /// How long a failed delivery task rests before the bridge starts it again.
    pub restart_pause: Duration,
    /// How long `stop` waits for requests and deliveries in flight.
    pub grace: Duration,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl BridgeConfig {
    /// The defaults: the embedded log in `data_dir`, a free port of the loopback address, no connectors, no
    /// authentication.
    #[must_use]
    pub fn new(data_dir: impl AsRef<Path>) -> Self {
        Self::with_log(LogConfig::Embedded { dir: data_dir.as_ref().to_owned() })
    }

    /// The defaults on another log.
    #[must_use]
    pub fn with_log(log: LogConfig) -> Self {
        Self {
            log,
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            front: ServerLimits::default(),
            connectors: Vec::new(),
            variables: BTreeMap::new(),
            cluster_id: "bridge".to_owned(),
            check_cluster_id: false,
            auth: None,
            partitions: 4,
            auto_create_topics: true,
            retention: Duration::from_secs(24 * 3_600),
            limits: Limits::default(),
            restart_pause: Duration::from_secs(30),
            grace: Duration::from_secs(10),
            clock: Arc::new(SystemClock),
        }
    }
}

/// Where records are kept.
#[derive(Debug, Clone)]
pub enum LogConfig {
    /// In one file in `dir`, which is created when missing.
    Embedded {
        /// The folder.
        dir: PathBuf,
    },
    /// In a Kafka cluster. (Its `partitions`, `auto_create` and limits are set from the bridge's.)
    Kafka(KafkaSettings),
}

/// A user of the front (Basic authentication: an API key and its secret).
#[derive(Debug, Clone)]
pub struct BasicAuth {
    /// The user, or API key.
    pub user: String,
    /// The password, or API secret.
    pub password: SecretString,
}

/// The bounds. An error that comes from one names it.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest record: key, value and headers, in bytes.
    pub max_record_bytes: usize,
    /// Largest request with a known length, in bytes. (One of unknown length is a stream, read as it comes.)
    pub max_request_bytes: usize,
    /// Bytes of request bodies that are in memory at once. Of one address only so many that others find room.
    pub max_body_bytes: usize,
    /// Bytes of records that wait for the log's writer.
    pub max_queued_bytes: usize,
    /// Bytes of records that the log keeps.
    pub max_log_bytes: u64,
    /// Most topics there may be.
    pub max_topics: usize,
    /// Entries of one `records:batch` request (1 to 50 in Confluent's proxy, which defaults to 10).
    pub max_batch_entries: usize,
    /// Longest time a produce stream stays open.
    pub max_stream_age: Duration,
    /// Longest time that a produce stream stays open while nothing comes.
    pub max_stream_idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_record_bytes: 2 << 20,
            max_request_bytes: 32 << 20,
            max_body_bytes: 256 << 20,
            max_queued_bytes: 64 << 20,
            max_log_bytes: 8 << 30,
            max_topics: 1_000,
            max_batch_entries: 10,
            max_stream_age: Duration::from_secs(86_400),
            max_stream_idle: Duration::from_secs(300),
        }
    }
}
