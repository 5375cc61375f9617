//! Names of signals.

use serde_json::{Value, json};

use super::{At, Parameter, Reader};
use crate::{ids::SignalName, violation::ViolationCode as Code};

impl Parameter for SignalName {
    const NAME: &'static str = "name of a signal";

    fn schema() -> Value {
        json!({ "type": "string", "pattern": r"^[^\x00-\x1f\x7f-\x9f]+$", "maxLength": 128 })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::String(name) = value else {
            reader.wrong_type(at, "a text", value);
            return None;
        };
        Self::parse(name).map_err(|error| reader.violation(at, Code::InvalidValue, error.to_string())).ok()
    }
}
