//! Integration tests of the library: one binary, one file a capability.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod store;
