//! The server on real sockets, against clients that are slow, many, or in the way. Deadlines are short here, and
//! what is waited for is what happens at them; "for ever" is what would outlast the test.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod bodies;
mod crowds;
mod heads;
mod support;
