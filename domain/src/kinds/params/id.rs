//! Ids, as the API gives them: hexadecimal digits with hyphens.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{At, Reader};
use crate::violation::ViolationCode as Code;

/// The schema of one.
pub(crate) fn hyphenated_schema() -> Value {
    json!({
        "type": "string",
        "pattern": "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
    })
}

/// The id that a text is.
pub(crate) fn hyphenated_id(text: &str) -> Option<Uuid> {
    (text.len() == uuid::fmt::Hyphenated::LENGTH).then(|| Uuid::try_parse(text).ok())?
}

/// Reads one; `what` it is the id of. What else stands there is repeated where it `may_be_told`: it may be a secret that
/// somebody has written in its place.
pub(crate) fn read_hyphenated(
    value: &Value,
    at: &At<'_>,
    reader: &mut Reader<'_>,
    (what, may_be_told): (&str, bool),
) -> Option<Uuid> {
    let id = value.as_str().and_then(hyphenated_id);
    if id.is_none() {
        let told = if may_be_told { format!(", not {value}") } else { String::new() };
        let message = format!(
            "`{}` is the id of {what}, such as 018f3c3e-0000-7000-8000-000000000000{told}",
            at.name()
        );
        reader.violation(at, Code::InvalidValue, message);
    }
    id
}
