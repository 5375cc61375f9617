//! The worker against the world: one binary, one file a capability.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "tests, and the values are theirs alone"
)]

mod addresses;
mod alerts;
mod app;
mod branches;
mod calls;
mod cancel;
mod concurrency;
mod crash;
mod crash_points;
mod credentials;
mod data_folder;
mod doors;
mod duplicates;
mod echo;
mod error_workflows;
mod expressions;
mod fairness;
mod flow;
mod http_request;
mod http_request_answers;
mod http_request_batches;
mod http_request_files;
mod http_request_pages;
mod http_request_wire;
mod ingest;
mod javascript;
mod javascript_processes;
mod limits;
mod logs;
mod loops;
mod metrics;
mod oauth2;
#[cfg(feature = "otlp")]
mod otlp;
mod outage;
mod panics;
mod peers;
mod pins;
mod program;
mod raw_server;
mod replays;
mod reply_path;
mod retry_after;
mod run_items;
mod run_reads;
mod secrets;
mod signals;
mod steps;
mod stop;
mod stop_under_load;
mod timers;
mod trace;
mod waits;
