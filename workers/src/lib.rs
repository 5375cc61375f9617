//! The worker.
pub mod engine;
mod expr;
#[allow(dead_code, reason = "http_request follows")]
mod nodes;
pub mod runner;
