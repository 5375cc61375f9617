//! Names of ports that the author of a workflow chooses.

use serde_json::{Value, json};

use super::{At, Parameter, Reader};
use crate::{
    items::{ERROR, Port},
    limits::MAX_PORT_NAME,
    violation::ViolationCode as Code,
};

/// The name of an output port; never `error`, which is that of failed items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortName(pub Port);

impl Parameter for PortName {
    const NAME: &'static str = "name of a port";

    fn schema() -> Value {
        json!({
            "type": "string",
            "pattern": r"^[^\x00-\x1f\x7f-\x9f]+$",
            "maxLength": MAX_PORT_NAME,
            "not": { "anyOf": [{ "const": ERROR }, { "type": "string", "pattern": r"\{\{" }] },
        })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::String(name) = value else {
            reader.wrong_type(at, "a text", value);
            return None;
        };
        if name == ERROR {
            let message =
                "the port `error` is that of failed items (`on_error: error_port`); choose another name";
            reader.violation(at, Code::InvalidValue, message);
            return None;
        }
        if name.is_empty() || name.chars().count() > MAX_PORT_NAME || name.chars().any(char::is_control) {
            let message = format!(
                "the name of a port has 1 to {MAX_PORT_NAME} characters (MAX_PORT_NAME), none of them a control \
                 character"
            );
            reader.violation(at, Code::InvalidValue, message);
            return None;
        }
        Some(Self(name.as_str().into()))
    }
}
