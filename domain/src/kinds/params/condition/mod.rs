//! Conditions: `where` of `if`, `filter` and every kind that asks one.
//!
//! One expression, which holds when its value is truthy in JavaScript's sense, or
//! `{left, op, right}` (see [`Op`]), or `{"all": [..]}` / `{"any": [..]}` of conditions, nested at will.

mod compare;
pub mod document;
mod op;
mod operand;
mod pattern;

use crate::{limits::MAX_CONDITION_DEPTH, violation::ViolationCode as Code};
pub use compare::{Comparer, InvalidComparison, Rules, truthy};
pub use op::{Op, Operand};
pub use pattern::{InvalidPattern, PatternChecker, Patterns};
use serde_json::{Map, Value, json};

use super::{At, Parameter, Reader, choice, params};
use crate::items::name_of;

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

params! {
    /// The parameters of a kind that asks a condition, and nothing else.
    pub struct Params {
        /// What is asked of every item: one expression, `{left, op, right}`, or `all` or `any` of a list of them.
        condition as "where": Condition<Value>;
        /// What becomes of an operand that is not what its operator takes: an error (`strict`), or it is converted if
        /// it can be (`loose`).
        types: Types = Types::Strict, [fixed];
        /// Whether capital and small letters are the same in texts that are compared.
        ignore_case: bool = false, [fixed];
    }
}

choice! {
    /// What becomes of an operand that is not what its operator takes.
    pub enum Types {
        /// It is an error.
        Strict = "strict",
        /// It is converted if it can be, else it is an error.
        Loose = "loose",
    }
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

    /// Whether a comparison in it takes a regular expression.
    #[must_use]
    pub fn matches_patterns(&self) -> bool {
        match self {
            Self::Truth(_) => false,
            Self::All(list) | Self::Any(list) => list.iter().any(Self::matches_patterns),
            Self::Compare { op, .. } => op.takes_pattern(),
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

/// A condition whose operands are the document's values: they are evaluated one after the other, and no further than
/// needed.
impl Parameter for Condition<Value> {
    const NAME: &'static str = "condition";

    fn schema() -> Value {
        json!({ "$ref": "#/$defs/condition" })
    }

    fn open_schema() -> Value {
        Self::schema()
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        read_nested(value, at, reader, 0)
    }

    /// An expression is a condition of its own.
    fn read_open(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        Self::read(value, at, reader)
    }
}

/// The definition that schemas refer to.
pub(super) fn schema() -> Value {
    let list = json!({ "type": "array", "items": { "$ref": "#/$defs/condition" } });
    let object = |properties: Value, required: &[&str]| json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    let ops = |takes_right: bool| {
        let ops = Op::ALL.iter().filter(|op| op.takes_right() == takes_right);
        let ops = ops.map(|op| json!({ "const": op.as_str(), "description": document::meaning(*op) }));
        json!({ "oneOf": ops.collect::<Vec<_>>() })
    };
    json!({ "anyOf": [
        { "type": "boolean" },
        { "$ref": "#/$defs/expression" },
        object(json!({ "all": list }), &["all"]),
        object(json!({ "any": list }), &["any"]),
        object(json!({ "left": {}, "op": ops(true), "right": {} }), &["left", "op", "right"]),
        object(json!({ "left": {}, "op": ops(false) }), &["left", "op"]),
    ] })
}

fn read_nested(
    value: &Value,
    at: &At<'_>,
    reader: &mut Reader<'_>,
    depth: usize,
) -> Option<Condition<Value>> {
    match value {
        Value::Bool(_) => Some(Condition::Truth(value.clone())),
        Value::String(_) if reader.is_open(value) => {
            reader.check_templates(value, at);
            Some(Condition::Truth(value.clone()))
        }
        Value::Object(map) => {
            let shapes: Vec<_> =
                ["all", "any", "left"].into_iter().filter(|name| map.contains_key(*name)).collect();
            match shapes.as_slice() {
                [list @ ("all" | "any")] => {
                    check_names(map, &[list], at, reader);
                    let read = read_list(&map[*list], &at.field(list), reader, depth)?;
                    Some(if *list == "all" { Condition::All(read) } else { Condition::Any(read) })
                }
                ["left"] => read_comparison(map, at, reader),
                _ => {
                    let message =
                        "a condition has exactly one of: `all` (a list), `any` (a list), `left` with `op`";
                    reader.violation(at, Code::InvalidCondition, message);
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
            reader.violation(at, Code::InvalidCondition, message);
            None
        }
    }
}

fn check_names(map: &Map<String, Value>, known: &[&str], at: &At<'_>, reader: &mut Reader<'_>) {
    for name in map.keys().filter(|name| !known.contains(&name.as_str())) {
        let message = format!("`{name}` is not part of this condition; known are: {}", known.join(", "));
        reader.violation(&at.field(name), Code::UnknownParameter, message);
    }
}

fn read_list(
    value: &Value,
    at: &At<'_>,
    reader: &mut Reader<'_>,
    depth: usize,
) -> Option<Vec<Condition<Value>>> {
    let Value::Array(list) = value else {
        let message = format!("must be a list of conditions, not {}", name_of(value));
        reader.violation(at, Code::InvalidCondition, message);
        return None;
    };
    if depth >= MAX_CONDITION_DEPTH {
        let message = format!(
            "conditions are nested deeper than the limit of {MAX_CONDITION_DEPTH} levels (MAX_CONDITION_DEPTH)"
        );
        reader.violation(at, Code::Limit, message);
        return None;
    }
    let read: Vec<_> = list
        .iter()
        .enumerate()
        .filter_map(|(i, inner)| read_nested(inner, &at.index(i), reader, depth + 1))
        .collect();
    (read.len() == list.len()).then_some(read)
}

fn read_comparison(
    map: &Map<String, Value>,
    at: &At<'_>,
    reader: &mut Reader<'_>,
) -> Option<Condition<Value>> {
    check_names(map, &["left", "op", "right"], at, reader);
    let (left, right) = (&map["left"], map.get("right"));
    reader.check_templates(left, &at.field("left"));
    right.into_iter().for_each(|right| reader.check_templates(right, &at.field("right")));
    let Some(op) = map.get("op").and_then(Value::as_str).and_then(Op::parse) else {
        let message = format!(
            "`op` must be one of: {}",
            Op::ALL.iter().map(|op| op.as_str()).collect::<Vec<_>>().join(", ")
        );
        reader.violation(&at.field("op"), Code::InvalidValue, message);
        return None;
    };
    match (op.takes_right(), right) {
        (true, None) => {
            let message = format!("`{}` compares with something: `right` is required", op.as_str());
            reader.violation(&at.field("right"), Code::Required, message);
            return None;
        }
        (false, Some(_)) => {
            let message = format!("`{}` takes no `right`", op.as_str());
            reader.violation(&at.field("right"), Code::InvalidValue, message);
            return None;
        }
        _ => {}
    }
    if let Some(Value::String(pattern)) = right
        && op.takes_pattern()
        && !reader.is_open_text(pattern)
    {
        reader.check_pattern(pattern, &at.field("right"));
    }
    Some(Condition::Compare { left: left.clone(), op, right: right.cloned() })
}

#[cfg(test)]
mod tests;
