//! Which values are the same.

use std::borrow::Borrow;

use domain::{items::Item, kinds::params::path::FieldPath, number::Decimal};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What equal values have in common: types are told apart, numbers are compared by value (`1` is `1.0`), and the order
/// of an object's fields does not matter. A digest, so that it is small however large the values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Same([u8; 32]);

impl Same {
    /// That of several values in a row; what is missing is the same as `null`.
    pub(super) fn of<'v>(values: impl IntoIterator<Item = Option<&'v Value>>) -> Self {
        let mut digest = Sha256::new();
        values.into_iter().for_each(|value| write(&mut digest, value.unwrap_or(&Value::Null)));
        Self(digest.finalize().into())
    }

    /// That of an item.
    pub(super) fn of_item(item: &Item) -> Self {
        let mut digest = Sha256::new();
        write_object(&mut digest, item);
        Self(digest.finalize().into())
    }

    /// The key that fields make of an item. `None`: one of them is missing or `null`, which is no key.
    pub(super) fn key_of(item: &Item, fields: &[FieldPath]) -> Option<Self> {
        let mut digest = Sha256::new();
        for field in fields {
            write(&mut digest, field.get(item).filter(|value| !value.is_null())?);
        }
        Some(Self(digest.finalize().into()))
    }

    /// That of several texts in a row.
    pub(super) fn of_texts(texts: impl IntoIterator<Item: Borrow<str>>) -> Self {
        let mut digest = Sha256::new();
        texts.into_iter().for_each(|text| write_text(&mut digest, text.borrow()));
        Self(digest.finalize().into())
    }

    /// Bytes that have no order but chance's.
    pub(super) const fn bytes(self) -> [u8; 32] {
        self.0
    }
}

/// Each type begins in a way of its own and says how long it is, so that nothing is the beginning of something else.
fn write(digest: &mut Sha256, value: &Value) {
    match value {
        Value::Null => digest.update(b"n"),
        Value::Bool(true) => digest.update(b"t"),
        Value::Bool(false) => digest.update(b"f"),
        Value::Number(number) => {
            digest.update(b"d");
            write_text(digest, &Decimal::of(number).to_string());
        }
        Value::String(text) => write_text(digest, text),
        Value::Array(list) => {
            digest.update(b"[");
            digest.update(list.len().to_le_bytes());
            list.iter().for_each(|inner| write(digest, inner));
        }
        Value::Object(map) => write_object(digest, map),
    }
}

fn write_object(digest: &mut Sha256, map: &Item) {
    digest.update(b"{");
    digest.update(map.len().to_le_bytes());
    let mut fields: Vec<_> = map.iter().collect();
    fields.sort_unstable_by_key(|(name, _)| *name);
    for (name, value) in fields {
        write_text(digest, name);
        write(digest, value);
    }
}

fn write_text(digest: &mut Sha256, text: &str) {
    digest.update(b"s");
    digest.update(text.len().to_le_bytes());
    digest.update(text);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_the_same_by_type_and_value_at_every_depth() {
        let same = |value: &str| Same::of([Some(&serde_json::from_str(value).unwrap())]);
        for (a, b) in [
            ("1", "1.0"),
            ("9007199254740993", "9007199254740993.0"),
            ("0.1", "1e-1"),
            (r#"{"a": 1, "b": [2]}"#, r#"{"b": [2.0], "a": 1}"#),
        ] {
            assert_eq!(same(a), same(b), "{a} {b}");
        }
        let all = [
            "null",
            "true",
            "false",
            "0",
            "1",
            "\"1\"",
            "\"\"",
            "[]",
            "{}",
            "[1, 2]",
            "[2, 1]",
            "[[1], 2]",
            "[[1, 2]]",
            r#"{"a": 1}"#,
            r#"{"a": "1"}"#,
            r#"{"b": 1}"#,
            r#"["a", 1]"#,
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|b| same(a) != same(b)), "{a}");
        }
    }

    #[test]
    fn values_in_a_row_are_told_apart() {
        let (a, ab, b) = (json!("a"), json!("ab"), json!("b"));
        assert_ne!(Same::of([Some(&a), Some(&b)]), Same::of([Some(&ab), None]));
        assert_ne!(Same::of([Some(&a), None]), Same::of([None, Some(&a)]));
        assert_eq!(Same::of([None]), Same::of([Some(&Value::Null)]));
    }

    #[test]
    fn what_is_missing_or_null_makes_no_key() {
        let fields = [FieldPath::parse("a").unwrap(), FieldPath::parse("b.c").unwrap()];
        let key = |value: Value| Same::key_of(value.as_object().unwrap(), &fields);
        let of = |a: Value| key(json!({"a": a, "b": {"c": 1}})).unwrap();
        assert_eq!(of(json!(0)), of(json!(-0.0)));
        assert_ne!(of(json!([1])), of(json!("[1,]")));
        for none in [json!({"a": 1}), json!({"a": null, "b": {"c": 1}}), json!({"a": 1, "b": {"c": null}})] {
            assert_eq!(key(none), None);
        }
    }
}
