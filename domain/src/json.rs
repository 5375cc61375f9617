//! JSON from outside.
//!
//! A JSON text may write half of a surrogate pair (`"\ud83d"`, RFC 8259 section 8.2), which is no character: JavaScript
//! keeps it, most others refuse the whole text. Here it becomes U+FFFD, as `String.prototype.toWellFormed` makes it, in
//! values and in keys; nothing else of the text changes, not even its length.

use std::{borrow::Cow, collections::HashMap};

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::{
    limits::MAX_DEPTH,
    measure::{TooDeep, levels_of_text},
};

/// Why a text is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotJson {
    /// What is wrong, with its line and column.
    #[error("it is not JSON: {0}")]
    Syntax(String),
    /// Nested deeper than a reader goes.
    #[error(transparent)]
    TooDeep(TooDeep),
}

impl NotJson {
    /// What an error of `serde_json` says of the text that it read. A reader stops where the text becomes too deep for
    /// it, and says so in words only; what it has read until then is that deep.
    #[must_use]
    pub fn of(text: &[u8], error: &serde_json::Error) -> Self {
        let line = error.line().saturating_sub(1);
        let before: usize = text.split_inclusive(|byte| *byte == b'\n').take(line).map(<[u8]>::len).sum();
        let read = &text[..before.saturating_add(error.column()).min(text.len())];
        if error.is_syntax() && levels_of_text(read) > MAX_DEPTH {
            Self::TooDeep(TooDeep)
        } else {
            Self::Syntax(error.to_string())
        }
    }
}

/// Reads JSON; halves of surrogate pairs become U+FFFD. Two keys that differ in nothing else are one, the last.
///
/// # Errors
/// When it is not JSON, not UTF-8, nested deeper than `serde_json` reads, or not a `T`. Lines and columns are those of
/// the text as it came.
pub fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(&well_formed_bytes(text))
}

/// The fields of an object, each to be read for itself: one that cannot be costs no other.
pub(crate) struct Fields<'a>(HashMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    /// Those of a text; `None`: it is no object.
    pub(crate) fn of(object: &'a str) -> Option<Self> {
        serde_json::from_str(object).ok().map(Self)
    }

    /// A field's text.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.0.get(name).copied()
    }

    /// A field, if it is there and a `T`.
    pub(crate) fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        parse(self.raw(name)?.get().as_bytes()).ok()
    }
}

/// The JSON text with `\ufffd` where it has an escape of half a surrogate pair.
#[must_use]
pub fn well_formed(text: &str) -> Cow<'_, str> {
    let mut made = String::new();
    let mut copied = 0;
    for at in halves(text.as_bytes()) {
        made.reserve(text.len() - made.len());
        made.push_str(&text[copied..at]);
        made.push_str(REPLACEMENT);
        copied = at + REPLACEMENT.len();
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    made.push_str(&text[copied..]);
    Cow::Owned(made)
}

/// As [`well_formed`], for bytes that need not be text.
fn well_formed_bytes(text: &[u8]) -> Cow<'_, [u8]> {
    let mut made = Cow::Borrowed(text);
    for at in halves(text) {
        made.to_mut()[at..at + REPLACEMENT.len()].copy_from_slice(REPLACEMENT.as_bytes());
    }
    made
}

/// U+FFFD as an escape: as long as what it replaces.
const REPLACEMENT: &str = r"\ufffd";

/// The places of the escapes that are half of a surrogate pair. A backslash stands only in strings, and what it means
/// there does not depend on where they begin.
fn halves(text: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let mut next = 0;
    std::iter::from_fn(move || {
        loop {
            let at = next + text.get(next..)?.iter().position(|byte| *byte == b'\\')?;
            match unit(text, at) {
                Some(0xd800..0xdc00) if matches!(unit(text, at + 6), Some(0xdc00..0xe000)) => next = at + 12,
                Some(0xd800..0xe000) => {
                    next = at + 6;
                    return Some(at);
                }
                // `\\` is done with both; after any other escape no backslash comes before its end.
                _ => next = at + 2,
            }
        }
    })
}

/// The UTF-16 code unit of the escape that stands here, if it is one of those with four digits.
fn unit(text: &[u8], at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix(br"\u")?;
    digits
        .iter()
        .try_fold(0, |unit, digit| Some(unit * 16 + u16::try_from((*digit as char).to_digit(16)?).ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn not_json(text: &str) -> NotJson {
        NotJson::of(text.as_bytes(), &parse::<Value>(text.as_bytes()).unwrap_err())
    }

    #[test]
    fn what_is_too_deep_is_told_from_what_is_wrong() {
        let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        for text in [nested(128), nested(5_000), format!("[\n[\"[\",\n{}", nested(200)), "[".repeat(200)] {
            assert_eq!(not_json(&text), NotJson::TooDeep(TooDeep), "{text}");
        }
        let behind = format!("oops {}", nested(200));
        let said = NotJson::Syntax("expected value at line 1 column 1".to_owned());
        assert_eq!(not_json(&behind), said, "what stands behind the mistake was not read");
        assert!(matches!(not_json(&"[".repeat(50)), NotJson::Syntax(_)));
        assert!(matches!(not_json("[1] 2"), NotJson::Syntax(_)));
        assert!(matches!(not_json(""), NotJson::Syntax(_)));
    }

    #[test]
    fn half_of_a_surrogate_pair_is_the_replacement_character_wherever_it_stands() {
        for (text, expected) in [
            (r#""nice \ud83d""#, json!("nice \u{fffd}")),
            (r#"{"a\uDE00": ["\udbff!", 7]}"#, json!({"a\u{fffd}": ["\u{fffd}!", 7]})),
            (r#""\ud83d\ud83d\ude00""#, json!("\u{fffd}😀")),
            (r#""\ude00\ud83d""#, json!("\u{fffd}\u{fffd}")),
            (r#""\ud83d\ude00\\ud83d\u00e9""#, json!(r"😀\ud83dé")),
            (r#""\\\ud83d\\\\""#, json!("\\\u{fffd}\\\\")),
            (r#""\ud83d\n""#, json!("\u{fffd}\n")),
        ] {
            assert_eq!(parse::<Value>(text.as_bytes()).unwrap(), expected, "{text}");
        }
        // The last of keys that have become the same.
        assert_eq!(parse::<Value>(br#"{"\ud800": 1, "\ud801": 2}"#).unwrap(), json!({"\u{fffd}": 2}));
    }

    #[test]
    fn a_text_without_them_is_not_copied() {
        for text in ["", r#"{"a": "\ud83d\ude00\n\\ud83d"}"#, "\\", r"\u", r"\ud8", r"\ud83"] {
            assert!(matches!(well_formed(text), Cow::Borrowed(_)), "{text}");
            assert!(matches!(well_formed_bytes(text.as_bytes()), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_stands_where_the_text_has_it() {
        let error = parse::<Value>(b"[\"\\ud83d\",\n  nope]").unwrap_err();
        assert_eq!((error.line(), error.column()), (2, 4));
        assert!(parse::<Value>(b"\"\xed\xa0\x80\"").is_err(), "bytes that are not UTF-8");
    }

    /// Texts full of escapes, halves and near misses.
    fn escapes() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just(r"\ud83d".to_owned()),
            Just(r"\uDE00".to_owned()),
            Just(r"\\".to_owned()),
            Just(r"\".to_owned()),
            Just(r"\u".to_owned()),
            Just("\"".to_owned()),
            Just(r"\n".to_owned()),
            r"\\u[0-9a-fA-F]{4}",
            "[a-fuU0-9é😀]{0,3}",
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_string_of_escapes_reads_as_its_code_units_do(units in prop::collection::vec(
            prop_oneof![any::<u16>(), 0xd800..=0xdfff_u16], 0..12,
        )) {
            let text: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let read: String = parse(format!("\"{text}\"").as_bytes()).unwrap();
            prop_assert_eq!(read, String::from_utf16_lossy(&units));
        }

        #[test]
        fn whatever_serde_reads_stays_as_it_is(text in escapes()) {
            let text = format!("[\"{text}\"]");
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                prop_assert_eq!(well_formed(&text), text.as_str());
                prop_assert_eq!(parse::<Value>(text.as_bytes()).unwrap(), value);
            }
        }

        #[test]
        fn no_bytes_break_it_and_nothing_is_left_to_do(bytes in prop::collection::vec(any::<u8>(), 0..40), text in escapes()) {
            if let Err(error) = parse::<Value>(&bytes) {
                prop_assert!(matches!(NotJson::of(&bytes, &error), NotJson::Syntax(_)));
            }
            let made = well_formed(&text).into_owned();
            prop_assert_eq!(made.len(), text.len());
            prop_assert_eq!(well_formed_bytes(text.as_bytes()).into_owned(), made.as_bytes());
            prop_assert!(matches!(well_formed(&made), Cow::Borrowed(_)));
        }
    }
}
