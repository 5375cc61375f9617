//! The bridge from outside: real sockets, a real file, a real process that is killed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod bodies;
mod connectors;
mod crash;
mod give_up;
mod kafka;
mod known_keys;
mod metrics;
mod order;
mod produce_batch;
mod produce_stream;
mod produce_v2;
mod produce_v3;
mod retries;
mod slow;
mod support;
