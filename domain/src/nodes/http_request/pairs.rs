//! Names with values: query, headers, form.

use serde_json::Value;

use crate::{items::name_of, nodes::fields::Fields};

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

/// The parameter `query`: a list gives its name once an element, `null` leaves it out.
pub(super) fn query(fields: &mut Fields<'_>) -> Option<Vec<(String, String)>> {
    pairs(fields, "query", "query")
}

/// The parameter `headers`, names in small letters.
pub(super) fn headers(fields: &mut Fields<'_>) -> Option<Vec<(String, String)>> {
    let mut read = pairs(fields, "headers", "headers");
    for (name, value) in fields.entries("headers") {
        let at = format!("headers.{name}");
        match http::HeaderName::from_bytes(name.as_bytes()) {
            Err(_) => {
                fields.violation(&at, "invalid_header", format!("{name:?} is not a header's name"));
                read = None;
            }
            Ok(own) if OWN_HEADERS.contains(&own.as_str()) => {
                fields.violation(&at, "invalid_header", format!("`{own}` is set by the client itself"));
                read = None;
            }
            Ok(_) if fields.is_open(value) => {}
            Ok(_) => {
                for text in scalars(value).unwrap_or_default() {
                    if http::HeaderValue::from_str(&text).is_err() {
                        let message = "a header's value has no line breaks or other control characters";
                        fields.violation(&at, "invalid_header", message);
                        read = None;
                    }
                }
            }
        }
    }
    read.map(|pairs| pairs.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
}

/// An object of names and scalars in the field `name`; `at` is its path for violations.
pub(super) fn pairs(fields: &mut Fields<'_>, name: &'static str, at: &str) -> Option<Vec<(String, String)>> {
    let absent = fields.present(&[name]).is_empty();
    let entries = fields.entries(name);
    if absent {
        return Some(Vec::new());
    }
    let mut complete = fields.raw(name).is_some_and(Value::is_object);
    let mut read = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let at = format!("{at}.{key}");
        if fields.is_open(value) {
            fields.check_templates(value, &at);
            complete = false;
        } else if let Some(texts) = scalars(value) {
            read.extend(texts.into_iter().map(|text| (key.to_owned(), text)));
        } else {
            let message =
                format!("must be a text, a number, a boolean or a list of them, not {}", name_of(value));
            fields.violation(&at, "invalid_value", message);
            complete = false;
        }
    }
    complete.then_some(read)
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
