//! The event bus: how functions hand over what takes long.

mod config;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
pub mod rest_proxy;

pub use config::{ApiKey, BusConfig, ProduceApi};

use async_trait::async_trait;
use std::time::Duration;

use domain::event::{Event, Topic};

/// Hands events to the bus.
#[async_trait]
pub trait EventBus: Send + Sync + 'static {
    /// Publishes all events, each to its payload's topic under its payload's key; returns when every one is
    /// durable. Events may be stored twice when a reply is lost; receivers recognise duplicates.
    ///
    /// # Errors
    /// When not all are known to be durable: some may be.
    async fn publish(&self, events: &[Event]) -> Result<(), BusError>;

    /// Whether the bus can be reached now.
    ///
    /// # Errors
    /// When it cannot.
    async fn ping(&self) -> Result<(), BusError>;
}

/// Why events are not known to be durable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// The bus refused a record for good; sending it again is no use.
    #[error("the event bus refused a record for topic {} with code {code}: {message}", .topic.as_str())]
    Refused {
        /// The topic.
        topic: Topic,
        /// Confluent's error code.
        code: i64,
        /// Confluent's message.
        message: String,
    },
    /// The bus refuses us: wrong key, wrong cluster, wrong address.
    #[error("the event bus refused the request with status {status}: {message}")]
    Denied {
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// The bus cannot take it now; safe to send again.
    #[error("the event bus is not available: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
        /// When to come back, if it said so.
        retry_after: Option<Duration>,
    },
}
