//! What the operators mean.

use std::cmp::Ordering;

use chrono::DateTime;
use serde_json::Value;

use super::{InvalidPattern, Op, Patterns};
use crate::{items::name_of, number};

/// A comparison whose operands do not fit its operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidComparison {
    /// Wrong types.
    #[error(
        "`{op}` cannot compare {left} with {right}; convert one of them, for instance with Number(..) or String(..)"
    )]
    Types {
        /// The operator.
        op: &'static str,
        /// What stands on the left.
        left: &'static str,
        /// What stands on the right.
        right: &'static str,
    },
    /// A pattern that cannot be used.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
}

impl Op {
    /// Whether the comparison holds; `right` is `null` for operators that take none.
    ///
    /// # Errors
    /// When the operands' types do not fit the operator.
    pub fn holds(
        self,
        left: &Value,
        right: &Value,
        patterns: &mut Patterns,
    ) -> Result<bool, InvalidComparison> {
        let mismatch =
            || InvalidComparison::Types { op: self.as_str(), left: name_of(left), right: name_of(right) };
        match self {
            Self::Eq => return Ok(equal(left, right)),
            Self::Ne => return Ok(!equal(left, right)),
            Self::Exists => return Ok(!left.is_null()),
            Self::NotExists => return Ok(left.is_null()),
            Self::Empty => return Ok(is_empty(left)),
            Self::NotEmpty => return Ok(!is_empty(left)),
            Self::In => {
                let Value::Array(list) = right else { return Err(mismatch()) };
                return Ok(list.iter().any(|element| equal(left, element)));
            }
            _ if left.is_null() => return Ok(self == Self::NotContains),
            _ => {}
        }
        match (self, left, right) {
            (Self::Gt | Self::Gte | Self::Lt | Self::Lte, _, Value::Null) => Ok(false),
            (Self::Gt, ..) => Ok(order(left, right).ok_or_else(mismatch)?.is_gt()),
            (Self::Gte, ..) => Ok(order(left, right).ok_or_else(mismatch)?.is_ge()),
            (Self::Lt, ..) => Ok(order(left, right).ok_or_else(mismatch)?.is_lt()),
            (Self::Lte, ..) => Ok(order(left, right).ok_or_else(mismatch)?.is_le()),
            (Self::Contains, ..) => contains(left, right).ok_or_else(mismatch),
            (Self::NotContains, ..) => contains(left, right).map(|found| !found).ok_or_else(mismatch),
            (Self::StartsWith, Value::String(text), Value::String(start)) => Ok(text.starts_with(start)),
            (Self::EndsWith, Value::String(text), Value::String(end)) => Ok(text.ends_with(end)),
            (Self::Matches, Value::String(text), Value::String(pattern)) => {
                Ok(patterns.find(pattern)?.is_match(text))
            }
            _ => Err(mismatch()),
        }
    }
}

/// Whether JavaScript takes the value for true.
#[must_use]
pub fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(holds) => *holds,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => number::compare(a, b) == Some(Ordering::Equal),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        _ => left == right,
    }
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => number::compare(a, b),
        (Value::String(a), Value::String(b)) => {
            let moments = DateTime::parse_from_rfc3339(a).ok().zip(DateTime::parse_from_rfc3339(b).ok());
            Some(moments.map_or_else(|| a.cmp(b), |(a, b)| a.cmp(&b)))
        }
        _ => None,
    }
}

fn contains(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::String(text), Value::String(part)) => Some(text.contains(part.as_str())),
        (Value::Array(list), wanted) => Some(list.iter().any(|element| equal(element, wanted))),
        (Value::Object(map), Value::String(key)) => Some(map.contains_key(key)),
        _ => None,
    }
}
