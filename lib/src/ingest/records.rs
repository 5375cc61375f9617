//! The records of a body, one after another. Nothing is gathered: what a body costs in memory is one record, whatever
//! it holds.

use std::{borrow::Cow, ops::Range};

use serde_json::{Deserializer, value::RawValue};

use super::{
    Record, Unreadable, excerpt,
    resync::{Resync, is_between, read_until, trimmed},
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
    inner: Option<Box<Inner>>,
}

/// Records inside of the value that was just passed.
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
            Self::Unquoted(text, cursor) => {
                let record = cursor.next(text.as_bytes())?;
                Some(record.map(|text| Cow::Owned(text.into_owned())))
            }
        }
    }
}

impl Cursor {
    fn new(bytes: usize, depth: u8) -> Self {
        Self { at: 0, in_array: false, depth, resync: Resync::new(bytes), inner: None }
    }

    fn next<'b>(&mut self, body: &'b [u8]) -> Option<Record<'b>> {
        loop {
            if let Some(inner) = &mut self.inner {
                match inner.next(body) {
                    Some(record) => return Some(record),
                    None => self.inner = None,
                }
            }
            match (body.get(self.at), self.in_array) {
                (None, false) => return None,
                (None, true) => {
                    self.in_array = false;
                    let reason = "the array has no end: the body was cut".to_owned();
                    return Some(Err(Unreadable { reason, record: String::new() }));
                }
                // Connectors that join texts may end with a separator, or use one without brackets.
                (Some(byte), _) if is_between(*byte) => self.at += 1,
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

    /// The value that stands here; `None` when it held several records, which are now in `inner`.
    fn value<'b>(&mut self, body: &'b [u8]) -> Option<Record<'b>> {
        let rest = &body[self.at..];
        let mut values = Deserializer::from_slice(rest).into_iter::<&'b RawValue>();
        let reason = match values.next()? {
            Ok(raw) => {
                let end = self.at + values.byte_offset();
                // After a broken record a quotation mark may be the end of a string, and what follows no string.
                if raw.get().starts_with('"') && self.resync.knows_of_one_within(self.at, end) {
                    "not JSON: a string that runs into the next record".to_owned()
                } else {
                    match self.held(body, raw.get()) {
                        Held::Nothing(what) => what.to_owned(),
                        Held::Record(record) => {
                            self.at = end;
                            return Some(record);
                        }
                        Held::Inner(inner) => {
                            self.at = end;
                            self.inner = Some(Box::new(inner));
                            return None;
                        }
                    }
                }
            }
            Err(error) => {
                self.resync.spend(read_until(rest, &error));
                format!("not JSON: {error}")
            }
        };
        // Whatever stands here is consumed, so that every step makes the rest shorter.
        let end = self.resync.end_of_broken(body, self.at, self.in_array).max(self.at + 1);
        let record = excerpt(trimmed(&body[self.at..end]));
        self.at = end;
        Some(Err(Unreadable { reason, record }))
    }

    fn held<'b>(&self, body: &'b [u8], text: &'b str) -> Held<'b> {
        let inner = match text.as_bytes().first() {
            Some(b'{') => match wrapper::inside(text) {
                None => return Held::Record(Ok(Cow::Borrowed(text))),
                Some(inner) => Cow::Borrowed(inner),
            },
            Some(b'[') => Cow::Borrowed(text),
            Some(b'"') => match serde_json::from_str::<String>(text) {
                Ok(inner) if inner.trim_start().starts_with(['{', '[', '"']) => Cow::Owned(inner),
                _ => return Held::Nothing("a string that holds no JSON"),
            },
            _ => return Held::Record(Ok(Cow::Borrowed(text))),
        };
        if self.depth == MAX_DEPTH {
            let reason = "records are nested too deep in arrays, strings or wrappers".to_owned();
            return Held::Record(Err(Unreadable { reason, record: excerpt(text.as_bytes()) }));
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
