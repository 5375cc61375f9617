//! The workflow backend's library: what the functions, the workers and the command line share.
//!
//! Dependencies go one way: `http → service → {bus, store, auth} → domain`, where `domain` is a crate of its own.
//!
//! Features: `api` adds tokens, use cases and routes; `functions` adds the platforms' runtimes to it. A worker needs
//! neither.

pub mod auth;
pub mod batching;
pub mod bus;
pub mod claims;
pub mod clock;
pub mod config;
pub mod credentials;
pub mod fair;
#[cfg(feature = "api")]
pub mod hooks;
#[cfg(feature = "api")]
pub mod http;
pub mod ingest;
pub mod live;
pub mod locks;
pub mod outbound;
pub mod remembered;
pub mod resilience;
#[cfg(feature = "api")]
pub mod service;
pub mod store;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod text;
pub mod ticks;
