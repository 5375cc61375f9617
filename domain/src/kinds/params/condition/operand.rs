//! Operands as their operators take them: by their type alone (strict), or converted if that can be (loose).

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde_json::{Number, Value};

use super::Types;
use crate::number;

/// What an operator needs; `None`: the operand is something else.
pub(super) trait Typed<'v>: Sized {
    /// What it must be, for messages.
    const EXPECTED: &'static str;

    /// By its type alone.
    fn strict(value: &'v Value) -> Option<Self>;

    /// Made of a value of another type.
    fn converted(value: &'v Value) -> Option<Self>;

    fn of(value: &'v Value, types: Types) -> Option<Self> {
        Self::strict(value).or_else(|| (types == Types::Loose).then(|| Self::converted(value)).flatten())
    }
}

impl<'v> Typed<'v> for Cow<'v, Number> {
    const EXPECTED: &'static str = "a number";

    fn strict(value: &'v Value) -> Option<Self> {
        if let Value::Number(number) = value { Some(Cow::Borrowed(number)) } else { None }
    }

    fn converted(value: &'v Value) -> Option<Self> {
        match value {
            Value::String(text) => number_of(text).map(Cow::Owned),
            Value::Bool(one) => Some(Cow::Owned(Number::from(u8::from(*one)))),
            _ => None,
        }
    }
}

impl<'v> Typed<'v> for Cow<'v, str> {
    const EXPECTED: &'static str = "a text";

    fn strict(value: &'v Value) -> Option<Self> {
        value.as_str().map(Cow::Borrowed)
    }

    fn converted(value: &'v Value) -> Option<Self> {
        Some(match value {
            Value::Null => return None,
            Value::Number(number) => number::text(number),
            other => Cow::Owned(number::canonical(other).to_string()),
        })
    }
}

impl<'v> Typed<'v> for bool {
    const EXPECTED: &'static str = "a boolean";

    fn strict(value: &'v Value) -> Option<Self> {
        value.as_bool()
    }

    fn converted(value: &'v Value) -> Option<Self> {
        let of_number = |number: &Number| match number.as_f64() {
            Some(0.0) => Some(false),
            Some(1.0) => Some(true),
            _ => None,
        };
        match value {
            Value::Number(number) => of_number(number),
            Value::String(text) => match text.trim() {
                word if word.eq_ignore_ascii_case("true") => Some(true),
                word if word.eq_ignore_ascii_case("false") => Some(false),
                other => of_number(&number_of(other)?),
            },
            _ => None,
        }
    }
}

impl<'v> Typed<'v> for DateTime<Utc> {
    const EXPECTED: &'static str = "a time such as \"2026-01-31T10:00:00Z\" or \"2026-01-31\"";

    fn strict(value: &'v Value) -> Option<Self> {
        let text = value.as_str()?;
        if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
            return Some(moment.to_utc());
        }
        // chrono would also read shorter and longer years, and signs before them.
        let is_day = text.len() == 10 && text.starts_with(|c: char| c.is_ascii_digit());
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| is_day)?;
        Some(day.and_time(NaiveTime::MIN).and_utc())
    }

    fn converted(value: &'v Value) -> Option<Self> {
        match value {
            Value::Number(number) => {
                let millis = number.as_f64().filter(|millis| millis.abs() <= MAX_MILLIS)?;
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "within the range, fractions do not count"
                )]
                let millis = millis as i64;
                DateTime::from_timestamp_millis(millis)
            }
            Value::String(text) => {
                let forms =
                    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
                let read = |form| NaiveDateTime::parse_from_str(text.trim(), form).ok();
                Some(forms.into_iter().find_map(read)?.and_utc())
            }
            _ => None,
        }
    }
}

/// The furthest moment that JavaScript's dates know, in milliseconds from 1970.
const MAX_MILLIS: f64 = 8.64e15;

impl<'v> Typed<'v> for Cow<'v, [Value]> {
    const EXPECTED: &'static str = "a list";

    fn strict(value: &'v Value) -> Option<Self> {
        if let Value::Array(list) = value { Some(Cow::Borrowed(list)) } else { None }
    }

    fn converted(value: &'v Value) -> Option<Self> {
        let text = value.as_str()?.trim();
        let read = text.starts_with('[').then(|| serde_json::from_str(text).ok())?;
        if let Some(Value::Array(list)) = read { Some(Cow::Owned(list)) } else { None }
    }
}

/// Longest text that is read as a number, in bytes: a list of texts is compared with one that may be long.
const MAX_NUMBER_BYTES: usize = 400;

/// A text as a number, with all its digits where JSON could write it so.
pub(super) fn number_of(text: &str) -> Option<Number> {
    let text = text.trim();
    // What Rust reads that does not end so are words: `inf`, `nan`.
    if text.len() > MAX_NUMBER_BYTES || !text.ends_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    text.parse().ok().or_else(|| number::from_f64(text.parse().ok()?))
}
