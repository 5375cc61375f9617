//! Names with values: query, headers, form.

use crate::violation::ViolationCode as Code;
use serde_json::{Value, json};

use crate::kinds::params::{
    At, Parameter, Reader, any_case, open,
    text::{SCALAR, read_scalar},
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

/// Whether the client sets the header of that name, in small letters, itself.
#[must_use]
pub fn is_own_header(name: &str) -> bool {
    OWN_HEADERS.contains(&name)
}

/// A header's name.
const HEADER_NAME: &str = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";

/// A header's value: no control characters but tabs.
pub(super) const HEADER_VALUE: &str = r"^[^\x00-\x08\x0a-\x1f\x7f]*$";

/// None, one or several of them.
const SCALARS: [&str; 5] = ["string", "number", "boolean", "null", "array"];

/// Names and values; a name may come again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs(pub Vec<(String, String)>);

/// Header names, in small letters, and values; a name may come again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

impl Parameter for Pairs {
    const NAME: &'static str = "object of names and values";

    fn schema() -> Value {
        let values = json!({ "type": SCALARS, "items": { "type": SCALAR } });
        json!({ "type": "object", "additionalProperties": values })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        read_pairs(value, at, reader, |_, _, _| true, |_, _, _| true).map(Self)
    }
}

impl Parameter for Headers {
    const NAME: &'static str = "object of names and values";

    fn schema() -> Value {
        let scalar = json!({ "type": SCALAR, "pattern": HEADER_VALUE });
        let values = json!({
            "type": SCALARS, "pattern": HEADER_VALUE, "items": open(scalar),
        });
        json!({
            "type": "object",
            "propertyNames": open(json!({ "pattern": HEADER_NAME, "not": { "pattern": any_case(&OWN_HEADERS) } })),
            "additionalProperties": open(values),
        })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let read = read_pairs(value, at, reader, check_name, check_value)?;
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

/// An object of names and scalars, or lists of them. `name_fits` and `fits` may refuse a name, or a value that is
/// known, and then note why.
fn read_pairs(
    value: &Value,
    at: &At<'_>,
    reader: &mut Reader<'_>,
    name_fits: impl Fn(&str, &At<'_>, &mut Reader<'_>) -> bool,
    fits: impl Fn(&str, &At<'_>, &mut Reader<'_>) -> bool,
) -> Option<Vec<(String, String)>> {
    let Value::Object(map) = value else {
        reader.wrong_type(at, "an object", value);
        return None;
    };
    let mut complete = true;
    let mut read = Vec::with_capacity(map.len());
    for (name, value) in map {
        let here = at.field(name);
        complete &= !reader.is_open_name(name, &here) && name_fits(name, &here, reader);
        let mut add = |value: &Value, expected: &str, at: &At<'_>| {
            let text = read_scalar(value, expected, at, reader).filter(|text| fits(text, at, reader));
            complete &= text.is_some();
            read.extend(text.map(|text| (name.clone(), text)));
        };
        match value {
            Value::Null => {}
            Value::Array(list) => {
                let one = |(i, value)| add(value, "a text, a number or a boolean", &here.index(i));
                list.iter().enumerate().for_each(one);
            }
            other => add(other, "a text, a number, a boolean or a list of them", &here),
        }
    }
    complete.then_some(read)
}

fn check_name(name: &str, at: &At<'_>, reader: &mut Reader<'_>) -> bool {
    let wrong = match http::HeaderName::from_bytes(name.as_bytes()) {
        Err(_) => format!("{name:?} is not a header's name"),
        Ok(own) if OWN_HEADERS.contains(&own.as_str()) => format!("`{own}` is set by the client itself"),
        Ok(_) => return true,
    };
    reader.violation(at, Code::InvalidHeader, wrong);
    false
}

fn check_value(text: &str, at: &At<'_>, reader: &mut Reader<'_>) -> bool {
    let fits = http::HeaderValue::from_str(text).is_ok();
    if !fits {
        let message = "a header's value has no line breaks or other control characters";
        reader.violation(at, Code::InvalidHeader, message);
    }
    fits
}
