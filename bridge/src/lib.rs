//! A Kafka REST Proxy front in front of a log, and HTTP sink delivery behind it.
//!
//! Producers speak Confluent's REST API (v3 and v2 produce), receivers get the POSTs of Confluent's HTTP
//! Sink connector (configured by [`connector`] files), and between them is a [`log::Log`]: durable,
//! partitioned, read by offset. one keeps it in one file on one machine, the other in a Kafka cluster. The bridge knows nothing of what the records mean.
//!
//! Promises: a record that was acknowledged is on disk; it is delivered at least once, in the order of its
//! partition; an offset moves on only after the receiver's 2xx (or after the record went to an error topic, where
//! the connector's configuration says so).

mod bridge;
pub mod clock;
mod config;
pub mod connector;
mod delivery;
mod http;
mod lock;
pub mod log;
mod stats;

pub use bridge::{Bridge, StartError};
pub use config::{BasicAuth, BridgeConfig, Limits, LogConfig};
pub use delivery::DeliveryError;
pub use log::kafka::KafkaSettings;
