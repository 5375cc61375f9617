//! Splits the body of a connector's request into its records, whatever shape the connector was told to send.
//!
//! Accepted are an object, an array of objects, objects that are separated by newlines, commas or nothing, JSON
//! inside a JSON string, and arrays of such strings. A record that is broken never takes its neighbours with it:
//! it comes out as [`Unreadable`], with its text for the dead letters. Records are borrowed from the body, except
//! those that were inside a string.

use std::{borrow::Cow, collections::VecDeque};

use serde_json::{Deserializer, value::RawValue};

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

/// How deep strings and arrays may hold further records.
const MAX_DEPTH: u8 = 3;

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

/// Iterates over a body's records; made by [`records`].
#[derive(Debug)]
pub struct Records<'a> {
    body: &'a [u8],
    at: usize,
    in_array: bool,
    depth: u8,
    /// Bytes that may still be read in vain: what bounds the work on a broken body.
    patience: usize,
    nested: VecDeque<Record<'a>>,
}

impl<'a> Records<'a> {
    fn new(body: &'a [u8], depth: u8) -> Self {
        let patience = body.len().saturating_mul(8).saturating_add(64 * 1024);
        Self { body, at: 0, in_array: false, depth, patience, nested: VecDeque::new() }
    }

    fn value(&mut self) -> Option<Record<'a>> {
        let rest = &self.body[self.at..];
        let mut values = Deserializer::from_slice(rest).into_iter::<&'a RawValue>();
        match values.next() {
            Some(Ok(raw)) => {
                self.at += values.byte_offset();
                self.record(raw.get())
            }
            Some(Err(error)) => {
                let read = offset(rest, &error);
                let end = if read > self.patience {
                    rest.len()
                } else if self.in_array {
                    end_of_element(rest)
                } else {
                    rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())
                };
                self.patience = self.patience.saturating_sub(read);
                // Whatever stands here is consumed, so that every step makes the rest shorter.
                let end = end.max(1);
                self.at += end;
                Some(Err(Unreadable { reason: format!("not JSON: {error}"), record: excerpt(&rest[..end]) }))
            }
            None => None,
        }
    }

    /// A value that stands where a record is expected; `None` when it held several, which wait in `nested`.
    fn record(&mut self, text: &'a str) -> Option<Record<'a>> {
        let unreadable =
            |reason: &str| Unreadable { reason: reason.to_owned(), record: excerpt(text.as_bytes()) };
        match text.as_bytes().first() {
            Some(b'[' | b'"') if self.depth == MAX_DEPTH => {
                Some(Err(unreadable("records are nested too deep in arrays or strings")))
            }
            Some(b'[') => {
                self.nested.extend(Records::new(text.as_bytes(), self.depth + 1));
                None
            }
            Some(b'"') => match serde_json::from_str::<String>(text) {
                Ok(inner) if inner.trim_start().starts_with(['{', '[', '"']) => {
                    let records = Records::new(inner.as_bytes(), self.depth + 1);
                    self.nested
                        .extend(records.map(|record| record.map(|text| Cow::Owned(text.into_owned()))));
                    None
                }
                Ok(_) => Some(Err(unreadable("a string that holds no JSON"))),
                Err(error) => Some(Err(unreadable(&format!("not JSON: {error}")))),
            },
            _ => Some(Ok(Cow::Borrowed(text))),
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        loop {
            if let Some(record) = self.nested.pop_front() {
                return Some(record);
            }
            match (self.body.get(self.at), self.in_array) {
                (None, false) => return None,
                (None, true) => {
                    self.in_array = false;
                    let reason = "the array has no end: the body was cut".to_owned();
                    return Some(Err(Unreadable { reason, record: String::new() }));
                }
                // Connectors that join texts may end with a separator, or use commas without brackets.
                (Some(b' ' | b'\t' | b'\r' | b'\n' | b','), _) => self.at += 1,
                (Some(b'['), false) => {
                    self.in_array = true;
                    self.at += 1;
                }
                (Some(b']'), true) => {
                    self.in_array = false;
                    self.at += 1;
                }
                (Some(_), _) => {
                    if let Some(record) = self.value() {
                        return Some(record);
                    }
                }
            }
        }
    }
}

/// How far a parser got before it failed.
fn offset(text: &[u8], error: &serde_json::Error) -> usize {
    let lines = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let line = std::iter::once(0).chain(lines).nth(error.line().saturating_sub(1)).unwrap_or(text.len());
    line.saturating_add(error.column()).min(text.len())
}

/// Where a broken element of an array ends: at a comma or the closing bracket that is in no string, object or
/// inner array. What a user may write, a string's content, cannot look like that: its quotes are escaped.
fn end_of_element(text: &[u8]) -> usize {
    let (mut open, mut arrays, mut quoted, mut i) = (Vec::new(), 0usize, false, 0);
    while i < text.len() {
        match (quoted, text[i]) {
            (true, b'\\') => i += 1,
            (_, b'"') => quoted = !quoted,
            (true, _) => {}
            (false, bracket @ (b'{' | b'[')) => {
                open.push(bracket);
                arrays += usize::from(bracket == b'[');
            }
            (false, b',') if open.is_empty() => return i,
            (false, b']') if arrays == 0 => return i,
            // What was left open inside ends with what is closed around it.
            (false, b']') => {
                while open.pop() == Some(b'{') {}
                arrays -= 1;
            }
            (false, b'}') if open.len() > arrays => {
                while open.pop() == Some(b'[') {
                    arrays -= 1;
                }
            }
            _ => {}
        }
        i += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests;
