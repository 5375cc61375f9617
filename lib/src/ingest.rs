//! Splits the body of a connector's request into its records, whatever shape the connector was told to send.
//!
//! Accepted are an object, an array of objects, objects that are separated by newlines, `,`, `;`, `|` or nothing, JSON
//! inside a JSON string, arrays of such strings, and the objects that clients put around records (`wrapper`). A record
//! that is broken never takes its neighbours with it: it comes out as [`Unreadable`], with its text for the dead
//! letters, and `resync` finds where the next one begins. Records are borrowed from the body, except those that were
//! inside a string. [`BatchReader`] makes events and dead letters of them.

mod batches;
mod letters;
mod records;
mod resync;
mod watch;
mod wrapper;

use std::borrow::Cow;

pub use self::{
    batches::{BatchReader, Refused},
    letters::{MAX_LETTERS, MAX_LETTERS_BYTES},
    records::Records,
};

/// A record's JSON text, or what could not be read.
pub type Record<'a> = Result<Cow<'a, str>, Unreadable<'a>>;

/// A part of a body that is not a record. All of a body that is not in a record is in one of these, but for what
/// separates and surrounds records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unreadable<'a> {
    /// Why, in words.
    pub reason: String,
    /// What stood there.
    pub record: Cow<'a, [u8]>,
}

/// Why something is kept that is not blank and holds no record, not even a broken one.
const NO_RECORD: &str = "it holds no record";

/// The records of a body, in order. Work is linear in the body, however broken it is.
#[must_use]
pub fn records(body: &[u8]) -> Records<'_> {
    Records::new(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body), 0)
}

#[cfg(test)]
mod tests;
