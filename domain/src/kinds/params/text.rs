//! Text, as a parameter for which other scalars will do.

use serde_json::{Value, json};

use super::{At, Parameter, Reader};
use crate::{items::name_of, number, violation::ViolationCode as Code};

/// The types that are written as a text.
pub(crate) const SCALAR: [&str; 3] = ["string", "number", "boolean"];

/// A text; a number or a boolean is one as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(pub String);

impl Parameter for Text {
    const NAME: &'static str = "text";

    fn schema() -> Value {
        json!({ "type": SCALAR })
    }

    fn open_schema() -> Value {
        Self::schema()
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        read_scalar(value, "a text", at, reader).map(Self)
    }
}

/// A scalar as text. `None` when it is none, or an expression.
pub(crate) fn read_scalar(
    value: &Value,
    expected: &str,
    at: &At<'_>,
    reader: &mut Reader<'_>,
) -> Option<String> {
    if reader.is_open(value) {
        reader.check_templates(value, at);
        return None;
    }
    let text = scalar(value);
    if text.is_none() {
        reader.violation(at, Code::InvalidValue, format!("must be {expected}, not {}", name_of(value)));
    }
    text
}

/// As a text, if it is written as one.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number::text(number).into_owned()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
