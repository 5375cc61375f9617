//! Integration tests of the library: one binary, one file a capability.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(unreachable_pub, reason = "the modules of a test binary are its own")]

mod app;
mod cancel;
mod concurrency;
mod connectors;
mod converters;
mod credentials;
mod dependencies;
mod deployment;
mod edge;
mod hook_replies;
mod hooks;
mod ingest;
mod json_values;
mod limits;
mod live_runs;
mod long_poll;
mod metrics;
mod replay;
mod resume;
mod resume_links;
mod run_files;
mod run_items;
mod run_nodes;
mod run_versions;
mod runs;
mod scheduler;
mod schedules;
mod store;
mod tenant;
mod test_runs;
mod tidy;
mod unreadable;
mod workflows;
