//! Names with values: query, headers, form.

use crate::violation::ViolationCode as Code;
use serde_json::{Value, json};

use crate::{
    items::name_of,
    kinds::params::{At, Parameter, Reader, open},
};

/// Headers that the client sets itself, since a wrong one breaks the message or the connection.
const OWN_HEADERS: [&str; 8] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "proxy-authorization",
];

/// Names and values; a name may come again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs(pub Vec<(String, String)>);

/// Header names, in small letters, and values; a name may come again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

impl Parameter for Pairs {
    const NAME: &'static str = "object of names and values";

    fn schema() -> Value {
        json!({ "type": "object", "additionalProperties": open(values_schema()) })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        read_pairs(value, at, reader, |_, _, _, _| true).map(Self)
    }
}

impl Parameter for Headers {
    const NAME: &'static str = "object of names and values";

    fn schema() -> Value {
        Pairs::schema()
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let read = read_pairs(value, at, reader, check_header)?;
        Some(Self(read.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect()))
    }
}

/// The tables' defaults are empty.
impl From<Pairs> for Value {
    fn from(Pairs(pairs): Pairs) -> Self {
        pairs.into_iter().map(|(name, value)| (name, Self::from(value))).collect()
    }
}

impl From<Headers> for Value {
    fn from(Headers(pairs): Headers) -> Self {
        Pairs(pairs).into()
    }
}

fn values_schema() -> Value {
    let scalar = json!({ "type": ["string", "number", "boolean"] });
    json!({ "anyOf": [scalar, { "type": "null" }, { "type": "array", "items": scalar }] })
}

/// An object of names and scalars, or lists of them. `check` may refuse a name, or its values if they are known.
fn read_pairs(
    value: &Value,
    at: &At<'_>,
    reader: &mut Reader<'_>,
    check: impl Fn(&str, Option<&[String]>, &At<'_>, &mut Reader<'_>) -> bool,
) -> Option<Vec<(String, String)>> {
    let Value::Object(map) = value else {
        reader.wrong_type(at, "an object", value);
        return None;
    };
    let mut complete = true;
    let mut read = Vec::with_capacity(map.len());
    for (name, value) in map {
        let here = at.field(name);
        let values = if reader.holds_open(value) {
            reader.check_templates(value, &here);
            None
        } else {
            let values = scalars(value);
            if values.is_none() {
                let found = name_of(value);
                let message = format!("must be a text, a number, a boolean or a list of them, not {found}");
                reader.violation(&here, Code::InvalidValue, message);
            }
            values
        };
        complete &= check(name, values.as_deref(), &here, reader) && values.is_some();
        read.extend(values.into_iter().flatten().map(|text| (name.clone(), text)));
    }
    complete.then_some(read)
}

fn check_header(name: &str, values: Option<&[String]>, at: &At<'_>, reader: &mut Reader<'_>) -> bool {
    match http::HeaderName::from_bytes(name.as_bytes()) {
        Err(_) => {
            reader.violation(at, Code::InvalidHeader, format!("{name:?} is not a header's name"));
            false
        }
        Ok(own) if OWN_HEADERS.contains(&own.as_str()) => {
            reader.violation(at, Code::InvalidHeader, format!("`{own}` is set by the client itself"));
            false
        }
        Ok(_) => {
            let invalid = |text: &String| http::HeaderValue::from_str(text).is_err();
            let wrong = values.into_iter().flatten().any(invalid);
            if wrong {
                let message = "a header's value has no line breaks or other control characters";
                reader.violation(at, Code::InvalidHeader, message);
            }
            !wrong
        }
    }
}

/// A scalar, or a list of them, as texts.
fn scalars(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(list) => list.iter().map(scalar).collect::<Option<Vec<_>>>(),
        Value::Null => Some(Vec::new()),
        other => scalar(other).map(|text| vec![text]),
    }
}

pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
