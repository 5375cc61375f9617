//! The order of values: what `sort` goes by, and what is the smallest and the largest of some values.
//!
//! Types are never converted: `"10"` is a text, and follows all numbers. Numbers are compared by value and exactly,
//! texts by their characters (Unicode's numbers of them, which no language changes). Lists and objects have no order
//! among themselves. What is missing, or `null`, comes last.

use std::borrow::Cow;

use serde_json::Value;

use crate::number::Decimal;

/// A value's place in the order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank<'v> {
    /// `false` comes before `true`.
    Bool(bool),
    /// By value.
    Number(Decimal),
    /// By characters.
    Text(Cow<'v, str>),
    /// All lists are equal.
    List,
    /// All objects are equal.
    Object,
    /// Missing, or `null`.
    Missing,
}

/// Whether small and capital letters are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// `a` and `A` are equal.
    Same,
    /// `A` comes before `a`, and before `b`.
    Differs,
}

impl<'v> Rank<'v> {
    /// That of a value, or of nothing.
    #[must_use]
    pub fn of(value: Option<&'v Value>, case: Case) -> Self {
        match value {
            None | Some(Value::Null) => Self::Missing,
            Some(Value::Bool(flag)) => Self::Bool(*flag),
            Some(Value::Number(number)) => Self::Number(Decimal::of(number)),
            Some(Value::String(text)) => Self::Text(match case {
                Case::Same => Cow::Owned(text.to_lowercase()),
                Case::Differs => Cow::Borrowed(text),
            }),
            Some(Value::Array(_)) => Self::List,
            Some(Value::Object(_)) => Self::Object,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_have_an_order_across_their_types() {
        let ascending = [
            json!(false),
            json!(true),
            json!(-1),
            json!(9),
            json!(10),
            json!(""),
            json!("10"),
            json!("9"),
            json!("Zoe"),
            json!("ada"),
            json!("\u{e9}"),
            json!([2, 1]),
            json!({"a": 1}),
            json!(null),
        ];
        let ranks: Vec<_> = ascending.iter().map(|value| Rank::of(Some(value), Case::Differs)).collect();
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:?}");
        assert_eq!(Rank::of(None, Case::Same), Rank::Missing);
        let (small, capital) = (json!("\u{e9}t\u{e9}"), json!("\u{c9}T\u{c9}"));
        assert_eq!(Rank::of(Some(&small), Case::Same), Rank::of(Some(&capital), Case::Same));
        assert!(Rank::of(Some(&json!("ada")), Case::Same) < Rank::of(Some(&json!("Zoe")), Case::Same));
    }
}
