//! Conditions: `where` of `if` (and of every kind that asks one).
//!
//! One expression, which holds when its value is truthy in JavaScript's sense, or
//! `{left, op, right}` (see [`Op`]), or `{"all": [..]}` / `{"any": [..]}` of conditions, nested at will.

mod compare;
mod op;

pub use compare::{InvalidComparison, Patterns, truthy};
pub use op::Op;
use serde_json::Value;

use super::fields::Fields;
use crate::{items::name_of, template::has_expression};

/// Deepest nesting of `all` and `any`.
const MAX_DEPTH: usize = 16;

/// A condition over operands of type `T`: values of the document, or whatever the worker made of them.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition<T> {
    /// Holds when the value is truthy.
    Truth(T),
    /// Holds when all hold; an empty list holds.
    All(Vec<Self>),
    /// Holds when one holds; an empty list does not.
    Any(Vec<Self>),
    /// A comparison.
    Compare {
        /// What is looked at.
        left: T,
        /// How.
        op: Op,
        /// What it is compared with; missing for operators that take none.
        right: Option<T>,
    },
}

impl<T> Condition<T> {
    /// The same condition over other operands.
    pub fn map<U>(self, operand: &mut impl FnMut(T) -> U) -> Condition<U> {
        match self {
            Self::Truth(value) => Condition::Truth(operand(value)),
            Self::All(list) => Condition::All(list.into_iter().map(|inner| inner.map(operand)).collect()),
            Self::Any(list) => Condition::Any(list.into_iter().map(|inner| inner.map(operand)).collect()),
            Self::Compare { left, op, right } => {
                Condition::Compare { left: operand(left), op, right: right.map(operand) }
            }
        }
    }

    /// Every operand.
    pub fn operands<'c>(&'c self, visit: &mut impl FnMut(&'c T)) {
        match self {
            Self::Truth(value) => visit(value),
            Self::All(list) | Self::Any(list) => list.iter().for_each(|inner| inner.operands(visit)),
            Self::Compare { left, right, .. } => {
                visit(left);
                right.iter().for_each(visit);
            }
        }
    }
}

/// Reads a condition that stands at `at`.
pub fn read<'a>(value: &'a Value, at: &str, fields: &mut Fields<'a>) -> Option<Condition<&'a Value>> {
    read_nested(value, at, fields, 0)
}

fn read_nested<'a>(
    value: &'a Value,
    at: &str,
    fields: &mut Fields<'a>,
    depth: usize,
) -> Option<Condition<&'a Value>> {
    match value {
        Value::Bool(_) => Some(Condition::Truth(value)),
        Value::String(_) if has_expression(value) => {
            fields.check_templates(value, at);
            Some(Condition::Truth(value))
        }
        Value::Object(map) => {
            let shapes: Vec<_> =
                ["all", "any", "left"].into_iter().filter(|name| map.contains_key(*name)).collect();
            match shapes.as_slice() {
                ["all"] => read_list(&map["all"], &format!("{at}.all"), fields, depth).map(Condition::All),
                ["any"] => read_list(&map["any"], &format!("{at}.any"), fields, depth).map(Condition::Any),
                ["left"] => read_comparison(map, at, fields),
                _ => {
                    let message =
                        "a condition has exactly one of: `all` (a list), `any` (a list), `left` with `op`";
                    fields.violation(at, "invalid_condition", message);
                    None
                }
            }
        }
        other => {
            let message = format!(
                "a condition is an expression such as \"{{{{ $json.paid }}}}\", or an object with `left` and `op`, `all` \
                 or `any`; this is {}",
                match other {
                    Value::String(_) => "a text without an expression, which would always hold",
                    other => name_of(other),
                }
            );
            fields.violation(at, "invalid_condition", message);
            None
        }
    }
}

fn read_list<'a>(
    value: &'a Value,
    at: &str,
    fields: &mut Fields<'a>,
    depth: usize,
) -> Option<Vec<Condition<&'a Value>>> {
    let Value::Array(list) = value else {
        let message = format!("must be a list of conditions, not {}", name_of(value));
        fields.violation(at, "invalid_condition", message);
        return None;
    };
    if depth >= MAX_DEPTH {
        fields.violation(at, "limit", format!("conditions are nested deeper than {MAX_DEPTH} levels"));
        return None;
    }
    let read: Vec<_> = list
        .iter()
        .enumerate()
        .filter_map(|(i, inner)| read_nested(inner, &format!("{at}[{i}]"), fields, depth + 1))
        .collect();
    (read.len() == list.len()).then_some(read)
}

fn read_comparison<'a>(
    map: &'a serde_json::Map<String, Value>,
    at: &str,
    fields: &mut Fields<'a>,
) -> Option<Condition<&'a Value>> {
    for name in map.keys().filter(|name| !matches!(name.as_str(), "left" | "op" | "right")) {
        let message = format!("`{name}` is not part of a comparison; known are: left, op, right");
        fields.violation(&format!("{at}.{name}"), "unknown_parameter", message);
    }
    let (left, right) = (&map["left"], map.get("right"));
    fields.check_templates(left, &format!("{at}.left"));
    right.into_iter().for_each(|right| fields.check_templates(right, &format!("{at}.right")));
    let Some(op) = map.get("op").and_then(Value::as_str).and_then(Op::parse) else {
        let message = format!("`op` must be one of: {}", Op::names());
        fields.violation(&format!("{at}.op"), "invalid_value", message);
        return None;
    };
    match (op.takes_right(), right) {
        (true, None) => {
            let message = format!("`{}` compares with something: `right` is required", op.as_str());
            fields.violation(&format!("{at}.right"), "required", message);
            return None;
        }
        (false, Some(_)) => {
            let message = format!("`{}` takes no `right`", op.as_str());
            fields.violation(&format!("{at}.right"), "invalid_value", message);
            return None;
        }
        _ => {}
    }
    if let (Op::Matches, Some(Value::String(pattern))) = (op, right)
        && !pattern.contains("{{")
        && let Err(error) = Patterns::default().find(pattern)
    {
        fields.violation(&format!("{at}.right"), "invalid_value", error.to_string());
        return None;
    }
    Some(Condition::Compare { left, op, right })
}

#[cfg(test)]
mod tests;
