//! The long-lived worker: takes tasks, executes runs and records what happened.
//!
//! `ingest → journal → engine → runner → recorder`. Nothing is acknowledged and no effect happens before it is in
//! the [`journal`].

mod alerts;
mod app;
mod backoff;
mod callees;
mod caught;
mod clock;
mod config;
mod crash_points;
mod credentials;
mod documents;
pub mod engine;
mod expr;
mod files;
mod heartbeat;
mod http_client;
mod ingest;
pub mod journal;
mod nodes;
mod peers;
mod processor;
mod readers;
mod recorder;
pub mod runner;
mod spans;
mod step;
mod supervisor;
mod vitals;

/// The name under which dead letters are kept, and connectors are counted.
const CONSUMER: &str = "worker";

pub use alerts::{AlertSettings, InvalidWebhookSecret, WebhookSecret};
pub use app::{StartError, Worker};
pub use clock::ClockSettings;
pub use config::WorkerConfig;
#[cfg(feature = "crash-points")]
pub use crash_points::{CrashAt, InvalidCrashAt, arm as arm_crash_point, names as crash_points};
pub use peers::{InvalidPeers, Peers};
