//! The records of a body, one after another.

use std::{borrow::Cow, collections::VecDeque};

use serde_json::{Deserializer, value::RawValue};

use super::{
    Record, Unreadable, excerpt,
    resync::{Resync, is_between, read_until, trimmed},
    wrapper,
};

/// How deep strings, arrays and wrappers may hold further records.
const MAX_DEPTH: u8 = 5;

/// Iterates over a body's records; made by [`super::records`].
#[derive(Debug)]
pub struct Records<'a> {
    body: &'a [u8],
    at: usize,
    in_array: bool,
    depth: u8,
    resync: Resync,
    nested: VecDeque<Record<'a>>,
}

/// What a value holds that stands where a record is expected.
enum Held<'a> {
    Record(Record<'a>),
    /// Several, or none; they wait in `nested`.
    Nested,
    /// Nothing that could be one: what it is.
    Nothing(&'static str),
}

impl<'a> Records<'a> {
    pub(super) fn new(body: &'a [u8], depth: u8) -> Self {
        let resync = Resync::new(body.len());
        Self { body, at: 0, in_array: false, depth, resync, nested: VecDeque::new() }
    }

    /// The value that stands here; `None` when it held several records, which wait in `nested`.
    fn value(&mut self) -> Option<Record<'a>> {
        let rest = &self.body[self.at..];
        let mut values = Deserializer::from_slice(rest).into_iter::<&'a RawValue>();
        let reason = match values.next()? {
            Ok(raw) => {
                let end = self.at + values.byte_offset();
                // After a broken record a quotation mark may be the end of a string, and what follows no string.
                if raw.get().starts_with('"') && self.resync.knows_of_one_within(self.at, end) {
                    "not JSON: a string that runs into the next record".to_owned()
                } else {
                    match self.held(raw.get()) {
                        Held::Nothing(what) => what.to_owned(),
                        Held::Record(record) => {
                            self.at = end;
                            return Some(record);
                        }
                        Held::Nested => {
                            self.at = end;
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
        let end = self.resync.end_of_broken(self.body, self.at, self.in_array).max(self.at + 1);
        let record = excerpt(trimmed(&self.body[self.at..end]));
        self.at = end;
        Some(Err(Unreadable { reason, record }))
    }

    fn held(&mut self, text: &'a str) -> Held<'a> {
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
        match inner {
            Cow::Borrowed(inner) => self.nested.extend(Self::new(inner.as_bytes(), self.depth + 1)),
            Cow::Owned(inner) => {
                let records = Records::new(inner.as_bytes(), self.depth + 1);
                self.nested.extend(records.map(|record| record.map(|text| Cow::Owned(text.into_owned()))));
            }
        }
        Held::Nested
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
                    if let Some(record) = self.value() {
                        return Some(record);
                    }
                }
            }
        }
    }
}
