//! The worker.
pub mod engine;
