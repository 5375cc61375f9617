//! The records of a body, one after another. Nothing is gathered: what a body costs in memory is one record, whatever
//! it holds.

use std::{borrow::Cow, ops::Range};

use serde::de::IgnoredAny;
use serde_json::{Deserializer, value::RawValue};

use super::{
    NO_RECORD, Record, Unreadable,
    resync::{Resync, is_between, may_follow_string, read_until, trimmed},
    wrapper,
};

/// How deep strings, arrays and wrappers may hold further records.
const MAX_DEPTH: u8 = 5;

/// Iterates over a body's records; made by [`super::records()`].
#[derive(Debug)]
pub struct Records<'a> {
    body: &'a [u8],
    cursor: Cursor,
}

/// A place in a text of records. The text is given anew each time, since it may be owned by what holds the cursor.
#[derive(Debug)]
struct Cursor {
    at: usize,
    in_array: bool,
    depth: u8,
    resync: Resync,
    passed: Option<Box<Passed>>,
}

/// The value that was just passed, which holds records.
#[derive(Debug)]
struct Passed {
    place: Range<usize>,
    inner: Inner,
    /// It has given none yet.
    empty: bool,
}

/// Records inside of a value.
#[derive(Debug)]
enum Inner {
    /// They stand there in the text itself.
    Here(Range<usize>, Cursor),
    /// They stood in a string.
    Unquoted(String, Cursor),
}

/// What a value holds that stands where a record is expected.
enum Held<'a> {
    Record(Record<'a>),
    /// Several, or none.
    Inner(Inner),
    /// Nothing that could be one: what it is.
    Nothing(&'static str),
}

impl<'a> Records<'a> {
    pub(super) fn new(body: &'a [u8], depth: u8) -> Self {
        Self { body, cursor: Cursor::new(body.len(), depth) }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        self.cursor.next(self.body)
    }
}

impl Inner {
    fn next<'b>(&mut self, body: &'b [u8]) -> Option<Record<'b>> {
        match self {
            Self::Here(place, cursor) => cursor.next(&body[place.clone()]),
            Self::Unquoted(text, cursor) => Some(match cursor.next(text.as_bytes())? {
                Ok(text) => Ok(Cow::Owned(text.into_owned())),
                Err(Unreadable { reason, record }) => {
                    Err(Unreadable { reason, record: Cow::Owned(record.into_owned()) })
                }
            }),
        }
    }
}

impl Cursor {
    fn new(bytes: usize, depth: u8) -> Self {
        Self { at: 0, in_array: false, depth, resync: Resync::new(bytes), passed: None }
    }

    fn next<'b>(&mut self, body: &'b [u8]) -> Option<Record<'b>> {
        loop {
            if let Some(passed) = &mut self.passed {
                if let Some(record) = passed.inner.next(body) {
                    passed.empty = false;
                    return Some(record);
                }
                let empty = passed.empty.then(|| &body[passed.place.clone()]);
                self.passed = None;
                if let Some(value) = empty {
                    return Some(unreadable(NO_RECORD, value));
                }
            }
            match (body.get(self.at), self.in_array) {
                (None, false) => return None,
                (None, true) => {
                    self.in_array = false;
                    return Some(unreadable("the array has no end: the body was cut", b""));
                }
                // Connectors that join texts may end with a separator, or use one without brackets.
                (Some(byte), _) if is_between(*byte) => self.at += 1,
                (Some(_), _) if self.resync.gave_up() => {
                    self.in_array = false;
                    let reason =
                        "what stands before it in the body is broken so that nothing after it is believed";
                    let end = Resync::end_of_piece(body, self.at);
                    return Some(self.broken(body, end, reason));
                }
                (Some(b'['), false) => {
                    self.in_array = true;
                    self.at += 1;
                }
                (Some(b']'), true) => {
                    self.in_array = false;
                    self.at += 1;
                }
                (Some(_), _) => {
                    if let Some(record) = self.value(body) {
                        return Some(record);
                    }
                }
            }
        }
    }

    /// The value that stands here; `None` when it held several records, which are now in `passed`.
    fn value<'b>(&mut self, body: &'b [u8]) -> Option<Record<'b>> {
        let rest = &body[self.at..];
        let mut values = Deserializer::from_slice(rest).into_iter::<&'b RawValue>();
        let reason = match values.next()? {
            Ok(raw) => {
                let mut end = self.at + values.byte_offset();
                // The quotation mark at its end may be the one at the beginning of the next.
                let shared = raw.get().starts_with('"') && !may_follow_string(&body[end..]);
                end -= usize::from(shared);
                match self.held(body, raw.get()) {
                    _ if shared && !is_whole(raw.get()) => {
                        "not JSON: a string that runs into the next record".to_owned()
                    }
                    Held::Nothing(what) => what.to_owned(),
                    Held::Record(record) => {
                        self.at = end;
                        return Some(record);
                    }
                    Held::Inner(inner) => {
                        let place = std::mem::replace(&mut self.at, end)..end;
                        self.passed = Some(Box::new(Passed { place, inner, empty: true }));
                        return None;
                    }
                }
            }
            Err(error) => {
                self.resync.spend(read_until(rest, &error));
                format!("not JSON: {error}")
            }
        };
        let end = self.resync.end_of_broken(body, self.at, self.in_array);
        Some(self.broken(body, end, &reason))
    }

    /// What stands here and ends there. It is consumed, so that every step makes the rest shorter.
    fn broken<'b>(&mut self, body: &'b [u8], end: usize, reason: &str) -> Record<'b> {
        let end = end.max(self.at + 1);
        let record = trimmed(&body[self.at..end]);
        self.at = end;
        unreadable(reason, record)
    }

    fn held<'b>(&self, body: &'b [u8], text: &'b str) -> Held<'b> {
        let inner = match text.as_bytes().first() {
            Some(b'{') => match wrapper::inside(text) {
                None => return Held::Record(Ok(Cow::Borrowed(text))),
                Some(inner) => Cow::Borrowed(inner),
            },
            Some(b'[') => Cow::Borrowed(text),
            Some(b'"') => match serde_json::from_str::<String>(text) {
                Ok(inner) if inner.contains('{') => Cow::Owned(inner),
                _ => return Held::Nothing("a string that holds no JSON"),
            },
            _ => return Held::Record(Ok(Cow::Borrowed(text))),
        };
        if self.depth == MAX_DEPTH {
            let reason = "records are nested too deep in arrays, strings or wrappers";
            return Held::Record(unreadable(reason, text.as_bytes()));
        }
        let cursor = Self::new(inner.len(), self.depth + 1);
        Held::Inner(match inner {
            Cow::Borrowed(inner) => {
                // It is a part of the body.
                let start = inner.as_ptr().addr() - body.as_ptr().addr();
                Inner::Here(start..start + inner.len(), cursor)
            }
            Cow::Owned(inner) => Inner::Unquoted(inner, cursor),
        })
    }
}

/// Whether a string holds JSON that is whole.
fn is_whole(string: &str) -> bool {
    let inner = serde_json::from_str::<String>(string);
    inner.is_ok_and(|inner| serde_json::from_str::<IgnoredAny>(&inner).is_ok())
}

fn unreadable<'a>(reason: &str, record: &'a [u8]) -> Record<'a> {
    Err(Unreadable { reason: reason.to_owned(), record: Cow::Borrowed(record) })
}
