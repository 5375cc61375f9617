//! Splits the body of a connector's request into its records, whatever shape the connector was told to send.
//!
//! Accepted are an object, an array of objects, objects that are separated by newlines, `,`, `;`, `|` or nothing, JSON
//! inside a JSON string, arrays of such strings, and the objects that clients put around records (`wrapper`). A record
//! that is broken never takes its neighbours with it: it comes out as [`Unreadable`], with its text for the dead
//! letters, and `resync` finds where the next one begins. Records are borrowed from the body, except those that were
//! inside a string.

mod letters;
mod records;
mod resync;
mod watch;
mod wrapper;

use std::borrow::Cow;

pub use self::{records::Records, watch::BodyWatch};

pub use self::letters::{Letters, MAX_LETTERS, MAX_LETTERS_BYTES};

/// A record's JSON text, or what could not be read.
pub type Record<'a> = Result<Cow<'a, str>, Unreadable>;

/// A part of a body that is not a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unreadable {
    /// Why, in words.
    pub reason: String,
    /// What stood there, cut at [`MAX_UNREADABLE_BYTES`].
    pub record: String,
}

/// How much of an unreadable record is kept: 64 KiB.
pub const MAX_UNREADABLE_BYTES: usize = 64 * 1024;

/// Why a body is kept that is not blank and holds no record, not even a broken one.
pub const NO_RECORD: &str = "the body holds no record";

/// The records of a body, in order. Work is linear in the body, however broken it is.
#[must_use]
pub fn records(body: &[u8]) -> Records<'_> {
    Records::new(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body), 0)
}

/// At most [`MAX_UNREADABLE_BYTES`] of a text, cut between characters.
#[must_use]
pub fn excerpt(text: &[u8]) -> String {
    let cut = &text[..text.len().min(MAX_UNREADABLE_BYTES)];
    let mut text = String::from_utf8_lossy(cut).into_owned();
    // Replacement characters are longer than what they replace.
    text.truncate(text.floor_char_boundary(MAX_UNREADABLE_BYTES));
    text
}

#[cfg(test)]
mod tests;
