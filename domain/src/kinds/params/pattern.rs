//! Regular expressions as parameters.

use serde_json::{Value, json};

use super::{At, Parameter, Reader};

/// A regular expression. When a document is saved it is compiled once, within the limits; one that only a run knows is
/// checked where it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(pub String);

impl Parameter for Pattern {
    const NAME: &'static str = "regular expression";

    fn schema() -> Value {
        json!({ "type": "string" })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let text = String::read(value, at, reader)?;
        reader.check_pattern(&text, at);
        Some(Self(text))
    }
}
