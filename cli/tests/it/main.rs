//! `minireipaz serve` with real processes.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "the modules of a test binary are its own")]

mod deployment;
mod serve_answers;
mod serve_processes;
mod serve_stops;
