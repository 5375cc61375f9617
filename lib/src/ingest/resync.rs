//! Where a broken record ends and the next one begins.
//!
//! In a body of lines a line is a record, since JSON has no newline in it. Elsewhere the next place is looked for that
//! reads as a whole object and stands where a record can stand. What a user may write cannot look like that: it is in
//! strings, where every quotation mark is escaped. Only a converter that renders events as something else than JSON
//! loses the escapes; after such a rendering nothing is believed.

use domain::dead_letter::MAX_LETTER_BYTES;
use serde_json::{Deserializer, value::RawValue};

use super::wrapper;

/// Looks for the next record of one body, with work that is linear in it.
#[derive(Debug)]
pub(super) struct Resync {
    /// Bytes that may still be read in vain.
    patience: usize,
    next: Next,
    /// No line with something in it follows.
    in_last_line: bool,
    /// The end of the last [`SIGN`] that is a name, but none in JSON; 0: there is none. Once it was looked for.
    last_bare_sign: Option<usize>,
    gave_up: bool,
}

/// The first place at or after the one that was asked for where a record seems to begin.
#[derive(Debug, Clone, Copy)]
enum Next {
    Unknown,
    At(usize),
    Nowhere,
}

/// What every event of ours has in it.
const SIGN: &[u8] = b"specversion";

/// What may stand between two records.
pub(super) const fn is_between(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b',' | b';' | b'|')
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// A broken record without what stands between it and the next.
pub(super) fn trimmed(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| !is_between(*byte)).map_or(0, |last| last + 1);
    &text[..end]
}

impl Resync {
    pub(super) fn new(bytes: usize) -> Self {
        let patience = bytes.saturating_mul(8).saturating_add(64 * 1024);
        Self { patience, next: Next::Unknown, in_last_line: false, last_bare_sign: None, gave_up: false }
    }

    /// So many bytes were read in vain.
    pub(super) fn spend(&mut self, bytes: usize) {
        self.patience = self.patience.saturating_sub(bytes);
    }

    /// Whether nothing more of the body is believed: it is to be kept as it is, in pieces.
    pub(super) const fn gave_up(&self) -> bool {
        self.gave_up
    }

    /// Where a piece that begins at `start` ends: with its line, or where a dead letter is full.
    pub(super) fn end_of_piece(body: &[u8], start: usize) -> usize {
        let rest = &body[start..];
        let most = rest.len().min(MAX_LETTER_BYTES);
        if let Some(line) = rest[..most].iter().position(|byte| *byte == b'\n') {
            return start + line;
        }
        // Not within a character, which has at most 4 bytes.
        let inside = |end: &usize| rest.get(*end).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000);
        start + (most.saturating_sub(3)..=most).rev().find(|end| !inside(end)).unwrap_or(most)
    }

    /// Where the broken record that begins at `start` ends.
    pub(super) fn end_of_broken(&mut self, body: &[u8], start: usize, in_array: bool) -> usize {
        // What opens or closes something around records that is broken is a piece of its own: a record may follow.
        let edge = match wrapper::head_of_records(&body[start..]) {
            0 => body[start..].iter().take_while(|byte| is_closer(**byte, in_array)).count(),
            head => head,
        };
        // Each was looked at as a whole before; so many of them are as little believed as anything else.
        if edge > 0 && self.patience > 0 {
            return start + edge;
        }
        if !in_array
            && self.patience > 0
            && let Some(line) = self.end_of_line(body, start)
        {
            return line;
        }
        if self.patience == 0 || self.is_before_rendering(body, start) {
            self.gave_up = true;
            return Self::end_of_piece(body, start);
        }
        let next = self.next_record(body, start + 1);
        let limit = next.unwrap_or(body.len()).min(start.saturating_add(self.patience));
        let end = match end_of_element(&body[start..limit]) {
            Some(end) => start + end,
            None => next.unwrap_or(body.len()),
        };
        self.spend(end.min(limit) - start);
        end
    }

    /// Whether events stand here that some converter has written as something else than JSON: `{specversion=1.0}` as a
    /// map, `Struct{specversion=1.0}`. Their fields come in any order, so a user's texts may stand before what tells.
    fn is_before_rendering(&mut self, body: &[u8], start: usize) -> bool {
        start < *self.last_bare_sign.get_or_insert_with(|| end_of_last_bare_sign(body))
    }

    /// The end of the line, if another one with something in it follows.
    fn end_of_line(&mut self, body: &[u8], start: usize) -> Option<usize> {
        if self.in_last_line {
            return None;
        }
        let rest = &body[start..];
        let line = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        if rest[line..].iter().all(|byte| is_between(*byte)) {
            self.in_last_line = true;
            return None;
        }
        Some(start + line)
    }

    /// The first record that begins at or after `from`.
    fn next_record(&mut self, body: &[u8], from: usize) -> Option<usize> {
        match self.next {
            Next::At(at) if at >= from => return Some(at),
            Next::Nowhere => return None,
            Next::Unknown | Next::At(_) => {}
        }
        let mut at = from;
        while self.patience > 0
            && let Some(begin) = next_begin(body, at)
        {
            let rest = &body[begin..];
            let mut values = Deserializer::from_slice(rest).into_iter::<&RawValue>();
            let read = match values.next() {
                Some(Ok(value)) if stands_alone(body, begin, value.get()) => {
                    self.next = Next::At(begin);
                    return Some(begin);
                }
                Some(Err(error)) => read_until(rest, &error),
                Some(Ok(_)) | None => values.byte_offset(),
            };
            self.spend(read);
            at = begin + 1;
        }
        self.next = Next::Nowhere;
        None
    }
}

/// The next place at or after `from` where an object with a first name begins, or a string with such an object in it
/// that is no field's value.
fn next_begin(body: &[u8], from: usize) -> Option<usize> {
    (from..body.len()).find(|&at| match body[at] {
        b'{' => body[at + 1..].iter().find(|byte| !is_blank(**byte)) == Some(&b'"'),
        b'"' => {
            (body[at..].starts_with(b"\"{\\\"") || body[at..].starts_with(b"\"[{\\\""))
                && !is_of_field(body, at)
        }
        _ => false,
    })
}

/// Whether the value that begins there may be a record: it is no field's, unless it is an event, which no event has in
/// it.
fn stands_alone(body: &[u8], begin: usize, value: &str) -> bool {
    if is_of_field(body, begin) {
        return wrapper::is_event(value);
    }
    body[begin + value.len()..]
        .iter()
        .find(|byte| !is_blank(**byte))
        .is_none_or(|byte| matches!(byte, b',' | b';' | b'|' | b']' | b'{' | b'"'))
}

/// Whether a name stands before a value. Nobody writes a line break between the two.
fn is_of_field(body: &[u8], begin: usize) -> bool {
    body[..begin].iter().rfind(|byte| !matches!(**byte, b' ' | b'\t')) == Some(&b':')
}

/// Whether a string may end before this. Where its end is missing it ends with the quotation mark of the next one, and
/// what follows is the inside of that.
pub(super) fn may_follow_string(rest: &[u8]) -> bool {
    match rest.iter().find(|byte| !matches!(byte, b'{' | b'[')) {
        Some(b'\\') => false,
        _ => rest.first().is_none_or(|byte| is_between(*byte) || matches!(byte, b']' | b'"' | b'{' | b'[')),
    }
}

const fn is_closer(byte: u8, in_array: bool) -> bool {
    byte == b'}' || byte == b']' && !in_array
}

/// How far a parser got before it failed.
pub(super) fn read_until(text: &[u8], error: &serde_json::Error) -> usize {
    let lines = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let line = std::iter::once(0).chain(lines).nth(error.line().saturating_sub(1)).unwrap_or(text.len());
    line.saturating_add(error.column()).min(text.len())
}

/// The end of the last [`SIGN`] that is a name without quotation marks, or in single ones; 0: there is none.
fn end_of_last_bare_sign(body: &[u8]) -> usize {
    let is_bare = |at: usize| {
        let after = body[at..].strip_prefix(SIGN)?;
        let next = after.iter().find(|byte| !is_blank(**byte));
        (matches!(next, Some(b'=' | b':' | b'\'')) && !body[..at].ends_with(b"\"")).then_some(at + SIGN.len())
    };
    (0..body.len()).rev().find_map(is_bare).unwrap_or(0)
}

/// Where a broken element ends by its brackets: at a comma or the closing bracket that is in no string, object or
/// inner array; `None`: not within the text.
fn end_of_element(text: &[u8]) -> Option<usize> {
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
            (false, b',' | b';' | b'|') if open.is_empty() => return Some(i),
            (false, b']') if arrays == 0 => return Some(i),
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
    None
}
