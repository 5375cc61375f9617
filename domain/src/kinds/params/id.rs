//! Ids, as the API gives them: hexadecimal digits with hyphens.

use serde_json::{Value, json};
use uuid::Uuid;

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
