//! The bridge as a whole: started from a configuration, stopped in order.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::{BridgeConfig, LogConfig},
    connector::{self, ConnectorError},
    delivery::{Delivery, DeliveryError},
    http::{self, Front},
    log::{
        Log, LogError,
        embedded::{EmbeddedLog, EmbeddedSettings},
        kafka::{KafkaLog, KafkaSettings},
    },
    stats::Stats,
};

/// A running bridge. Dropped without [`Bridge::stop`] it stops too, without waiting for what is in flight.
pub struct Bridge {
    addr: SocketAddr,
    log: Arc<dyn Log>,
    front: TaskTracker,
    front_stop: CancellationToken,
    deliveries: TaskTracker,
    delivery_stop: CancellationToken,
    abandon: CancellationToken,
    grace: Duration,
}

/// Why a bridge did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A connector file is wrong.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    /// Two connectors share a name, and with it their offsets.
    #[error("two connectors have the name {0:?}; a name is also the group whose offsets it moves")]
    SameName(String),
    /// The log cannot be opened.
    #[error("the log {place} cannot be opened")]
    Log {
        /// Where it is.
        place: String,
        /// Why.
        #[source]
        source: LogError,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A connector cannot be started.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
}

impl Bridge {
    /// Starts a bridge.
    ///
    /// # Errors
    /// When a connector file is wrong, the log cannot be opened or the address is taken.
    pub async fn start(config: BridgeConfig) -> Result<Self, StartError> {
        let mut connectors = Vec::with_capacity(config.connectors.len());
        for path in &config.connectors {
            let connector = connector::read(path, &config.variables)?;
            if connectors.iter().any(|other: &connector::ConnectorConfig| other.name == connector.name) {
                return Err(StartError::SameName(connector.name));
            }
            connectors.push(connector);
        }
        let listen = |source| StartError::Listen { addr: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;
        let log = open_log(&config).await?;
        let stats = Arc::new(Stats::new());
        let bridge = Self {
            addr,
            log: log.clone(),
            front: TaskTracker::new(),
            front_stop: CancellationToken::new(),
            deliveries: TaskTracker::new(),
            delivery_stop: CancellationToken::new(),
            abandon: CancellationToken::new(),
            grace: config.grace,
        };
        let delivery = Delivery {
            log: log.clone(),
            stats: stats.clone(),
            restart_pause: config.restart_pause,
            tracker: bridge.deliveries.clone(),
            stop: bridge.delivery_stop.clone(),
            abandon: bridge.abandon.clone(),
        };
        for connector in connectors {
            delivery.start(connector)?;
        }
        let front = Front::new(&config, log, stats, bridge.front_stop.clone());
        let stop = bridge.front_stop.clone();
        bridge.front.spawn(http_server::serve(listener, http::router(front), config.front, stop));
        tracing::info!(%addr, "bridge started");
        Ok(bridge)
    }

    /// Where the front listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> Arc<dyn Log> {
        self.log.clone()
    }

    /// Stops: takes no more records, lets requests and deliveries in flight finish within the grace, makes the
    /// offsets durable, closes the log.
    pub async fn stop(self) {
        self.front_stop.cancel();
        self.delivery_stop.cancel();
        self.front.close();
        self.deliveries.close();
        let finished = async {
            self.front.wait().await;
            self.deliveries.wait().await;
        };
        if tokio::time::timeout(self.grace, finished).await.is_err() {
            tracing::warn!(grace = ?self.grace, "requests were still in flight when the grace ended");
            // Else the groups would wait for them once more.
            self.abandon.cancel();
        }
        self.log.close().await;
        tracing::info!("bridge stopped");
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.front_stop.cancel();
        self.delivery_stop.cancel();
    }
}

async fn open_log(config: &BridgeConfig) -> Result<Arc<dyn Log>, StartError> {
    match &config.log {
        LogConfig::Embedded { dir } => open_embedded(config, dir).await,
        LogConfig::Kafka(settings) => {
            let settings = KafkaSettings {
                partitions: config.partitions,
                auto_create: config.auto_create_topics,
                max_record_bytes: config.limits.max_record_bytes,
                max_queued_bytes: config.limits.max_queued_bytes,
                ..settings.clone()
            };
            let place = format!("on {}", settings.brokers);
            let log = KafkaLog::open(settings).await;
            Ok(Arc::new(log.map_err(|source| StartError::Log { place, source })?))
        }
    }
}

async fn open_embedded(config: &BridgeConfig, dir: &Path) -> Result<Arc<dyn Log>, StartError> {
    let limits = &config.limits;
    let settings = EmbeddedSettings {
        partitions: config.partitions,
        auto_create: config.auto_create_topics,
        max_record_bytes: limits.max_record_bytes,
        max_queued_bytes: limits.max_queued_bytes,
        max_log_bytes: limits.max_log_bytes,
        max_topics: limits.max_topics,
        retention: config.retention,
        ..EmbeddedSettings::in_dir(dir)
    };
    let clock = config.clock.clone();
    // Opening reads the file, and repairs it after a crash.
    let opened = tokio::task::spawn_blocking(move || EmbeddedLog::open(settings, clock)).await;
    let failed = |source| StartError::Log { place: format!("in {}", dir.display()), source };
    match opened {
        Ok(Ok(log)) => Ok(Arc::new(log)),
        Ok(Err(error)) => Err(failed(error)),
        Err(error) => Err(failed(LogError::Storage(error.to_string().into()))),
    }
}
