//! End to end: the real program with everything real behind it, spoken to only from outside.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "the modules of a test binary are its own")]

mod api;
mod bad_input;
mod crash;
mod examples;
mod outage;
mod stop;
mod system;
