//! What the operators mean.

use std::{borrow::Cow, cmp::Ordering};

use chrono::{DateTime, Utc};
use serde_json::{Number, Value};

use super::{
    InvalidPattern, Op, Patterns, Types,
    operand::{Typed, number_of},
};
use crate::{items::name_of, number};

/// A comparison that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidComparison {
    /// An operand is not what the operator takes.
    #[error("`{op}` takes {expected} on the {side}, not {found}; {}", advice(*.types))]
    Operand {
        /// The operator.
        op: &'static str,
        /// Where the operand stands.
        side: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
        /// Whether it was converted if it could be.
        types: Types,
    },
    /// Numbers that are no doubles.
    #[error("`{op}` cannot compare numbers beyond 1.7e308")]
    Beyond {
        /// The operator.
        op: &'static str,
    },
    /// A pattern that cannot be used.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
}

const fn advice(types: Types) -> &'static str {
    match types {
        Types::Strict => {
            "convert it, for instance with Number(..) or String(..), or set `types` to \"loose\""
        }
        Types::Loose => "and it cannot be converted",
    }
}

/// What a node says of all its comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Whether operands are converted.
    pub types: Types,
    /// Whether capital and small letters are the same.
    pub ignore_case: bool,
}

/// Makes comparisons; what it has compiled for one serves the next.
#[derive(Debug)]
pub struct Comparer {
    rules: Rules,
    patterns: Patterns,
}

impl Comparer {
    /// One that goes by these rules.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules, patterns: Patterns::new(rules.ignore_case) }
    }

    /// Whether the comparison holds; `right` is `null` for operators that take none.
    ///
    /// # Errors
    /// When an operand is not what the operator takes, or a pattern cannot be used.
    pub fn holds(&mut self, op: Op, left: &Value, right: &Value) -> Result<bool, InvalidComparison> {
        let Self { rules, patterns } = self;
        let sides = Sides { rules: *rules, op, left, right };
        // `null` where a type is asked for: there is nothing to compare, so the operator does not hold.
        match op.negates() {
            Some(negated) => Ok(!sides.test(negated, patterns)?.unwrap_or(false)),
            None => Ok(sides.test(op, patterns)?.unwrap_or(false)),
        }
    }
}

/// What stands on the left and on the right.
type Both<T> = (T, T);

/// One comparison.
struct Sides<'v> {
    rules: Rules,
    /// As the author wrote it, for messages.
    op: Op,
    left: &'v Value,
    right: &'v Value,
}

impl<'v> Sides<'v> {
    /// Whether an operator holds that negates no other. `None`: an operand is `null`.
    fn test(&self, op: Op, patterns: &mut Patterns) -> Result<Option<bool>, InvalidComparison> {
        let Self { rules, left, right, .. } = self;
        match op {
            Op::Eq => Ok(Some(rules.equal(left, right))),
            Op::Exists => Ok(Some(!left.is_null())),
            Op::Empty => Ok(Some(is_empty(left))),
            Op::IsTrue => self.left::<bool>(),
            Op::Gt | Op::Gte | Op::Lt | Op::Lte => match self.both::<Cow<'_, Number>>()? {
                Some((left, right)) => self.ordered(op, number::compare(&left, &right)),
                None => Ok(None),
            },
            Op::Before | Op::After | Op::AtOrBefore | Op::AtOrAfter | Op::SameTime => {
                let order = self.both::<DateTime<Utc>>()?.map(|(left, right)| left.cmp(&right));
                Ok(order.map(|order| says(op, order)))
            }
            Op::Contains => self.contains(),
            Op::StartsWith => Ok(self.texts()?.map(|(text, part)| text.starts_with(&*part))),
            Op::EndsWith => Ok(self.texts()?.map(|(text, part)| text.ends_with(&*part))),
            Op::Matches => match self.both::<Cow<'_, str>>()? {
                Some((text, pattern)) => Ok(Some(patterns.find(&pattern)?.is_match(&text))),
                None => Ok(None),
            },
            Op::In => {
                let list = self.right::<Cow<'_, [Value]>>()?;
                Ok(list.map(|list| list.iter().any(|element| rules.equal(left, element))))
            }
            Op::LengthEq | Op::LengthGt | Op::LengthGte | Op::LengthLt | Op::LengthLte => {
                match (self.left::<Cow<'_, [Value]>>()?, self.right::<Cow<'_, Number>>()?) {
                    (Some(list), Some(wanted)) => {
                        self.ordered(op, number::compare(&Number::from(list.len()), &wanted))
                    }
                    _ => Ok(None),
                }
            }
            // Whoever negates is asked by what it negates.
            Op::Ne
            | Op::NotSameTime
            | Op::NotContains
            | Op::NotStartsWith
            | Op::NotEndsWith
            | Op::NotMatches
            | Op::NotIn
            | Op::LengthNe
            | Op::IsFalse
            | Op::NotExists
            | Op::NotEmpty => Ok(None),
        }
    }

    fn ordered(&self, op: Op, order: Option<Ordering>) -> Result<Option<bool>, InvalidComparison> {
        let order = order.ok_or_else(|| InvalidComparison::Beyond { op: self.op.as_str() })?;
        Ok(Some(says(op, order)))
    }

    fn contains(&self) -> Result<Option<bool>, InvalidComparison> {
        match self.left {
            Value::Array(list) => Ok(Some(list.iter().any(|element| self.rules.equal(element, self.right)))),
            Value::Object(map) => Ok(self.right::<Cow<'_, str>>()?.map(|name| map.contains_key(&*name))),
            Value::String(_) => Ok(self.texts()?.map(|(text, part)| text.contains(&*part))),
            _ if self.rules.types == Types::Loose => {
                Ok(self.texts()?.map(|(text, part)| text.contains(&*part)))
            }
            Value::Null => Ok(None),
            other => Err(self.misfit("left", "a text, a list or an object", other)),
        }
    }

    /// Both as texts, as they are compared.
    fn texts(&self) -> Result<Option<Both<Cow<'v, str>>>, InvalidComparison> {
        let both = self.both::<Cow<'v, str>>()?;
        Ok(both.map(|(left, right)| (self.rules.fold(left), self.rules.fold(right))))
    }

    fn both<T: Typed<'v>>(&self) -> Result<Option<Both<T>>, InvalidComparison> {
        match self.left()? {
            Some(left) => Ok(self.right()?.map(|right| (left, right))),
            None => Ok(None),
        }
    }

    fn left<T: Typed<'v>>(&self) -> Result<Option<T>, InvalidComparison> {
        self.side("left", self.left)
    }

    fn right<T: Typed<'v>>(&self) -> Result<Option<T>, InvalidComparison> {
        self.side("right", self.right)
    }

    fn side<T: Typed<'v>>(
        &self,
        side: &'static str,
        value: &'v Value,
    ) -> Result<Option<T>, InvalidComparison> {
        if value.is_null() {
            return Ok(None);
        }
        T::of(value, self.rules.types).map(Some).ok_or_else(|| self.misfit(side, T::EXPECTED, value))
    }

    fn misfit(&self, side: &'static str, expected: &'static str, value: &Value) -> InvalidComparison {
        let (op, types) = (self.op.as_str(), self.rules.types);
        InvalidComparison::Operand { op, side, expected, found: name_of(value), types }
    }
}

/// What an operator of order says of an order.
const fn says(op: Op, order: Ordering) -> bool {
    match op {
        Op::Gt | Op::After | Op::LengthGt => order.is_gt(),
        Op::Gte | Op::AtOrAfter | Op::LengthGte => order.is_ge(),
        Op::Lt | Op::Before | Op::LengthLt => order.is_lt(),
        Op::Lte | Op::AtOrBefore | Op::LengthLte => order.is_le(),
        _ => order.is_eq(),
    }
}

impl Rules {
    /// A text as it is compared.
    fn fold<'t>(self, text: Cow<'t, str>) -> Cow<'t, str> {
        if self.ignore_case { Cow::Owned(text.to_uppercase()) } else { text }
    }

    /// As if both were folded, and no further than they are the same: one of a list's elements may be long.
    fn same_text(self, left: &str, right: &str) -> bool {
        fn folded(text: &str) -> impl Iterator<Item = char> {
            text.chars().flat_map(char::to_uppercase)
        }
        left == right || self.ignore_case && folded(left).eq(folded(right))
    }

    /// Names of fields are the same only when they are written the same.
    fn equal(self, left: &Value, right: &Value) -> bool {
        match (left, right) {
            (Value::Number(a), Value::Number(b)) => number::compare(a, b) == Some(Ordering::Equal),
            (Value::String(a), Value::String(b)) => self.same_text(a, b),
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.equal(a, b))
            }
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| self.equal(a, b)))
            }
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (a, b) => self.types == Types::Loose && alike(a, b),
        }
    }
}

/// Whether values of two types are the same once one of them is converted.
fn alike(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Bool(one), other) | (other, Value::Bool(one)) => bool::converted(other) == Some(*one),
        (Value::Number(number), Value::String(text)) | (Value::String(text), Value::Number(number)) => {
            number_of(text).is_some_and(|read| number::compare(&read, number) == Some(Ordering::Equal))
        }
        _ => false,
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
