//! What is generated of the kinds.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod kinds;
mod kinds_agree;
