//! The worker against the world: one binary, one file a capability.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "tests, and the values are theirs alone"
)]

mod addresses;
mod expressions;
mod http_request;
mod steps;
mod worker;
