//! The HTTP server of the worker, the bridge, `minireipaz dev` and `minireipaz serve`.
//!
//! Whoever listens on a socket is sent requests that never end, by accident or on purpose. Here each part of a
//! request has its time, and no number of those who are slow keeps the others out:
//!
//! - a head and the pause between two requests have deadlines, a body a least rate and a deadline
//!   ([`ServerLimits`]); an answer may take as long as it wants, but not its reader;
//! - connections are bounded, and at the bound those that are only waited for make room, first of the address that
//!   has most of them;
//! - memory for bodies is taken as they arrive ([`room::Room`]), never for what was only announced.
//!
//! HTTP/1.1 alone: connectors and balancers speak it, and an `Upgrade: h2c` is ignored, as RFC 9110 (7.8) allows.

mod body;
mod connection;
mod connections;
mod descriptors;
mod limits;
pub mod room;
mod serve;
mod stream;

pub use body::{TooSlow, too_slow};
pub use connection::Peer;
pub use limits::{BodyPace, ServerLimits};
pub use serve::serve;
