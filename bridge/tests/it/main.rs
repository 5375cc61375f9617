//! The bridge from outside: real sockets, a real file.

#![expect(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test that cannot go on has failed"
)]

mod delivery;
mod support;
