//! Parameters that are programs.

use crate::violation::ViolationCode as Code;
use serde_json::{Value, json};

use super::{At, Parameter, Reader};

/// A program in JavaScript. What looks like a template in it is its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program(pub String);

impl Parameter for Program {
    const NAME: &'static str = "JavaScript program";
    const VERBATIM: bool = true;

    fn schema() -> Value {
        json!({ "type": "string", "pattern": r"\S", "contentMediaType": "text/javascript" })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(program) = value.as_str() else {
            reader.wrong_type(at, "a text", value);
            return None;
        };
        if program.trim().is_empty() {
            reader.violation(at, Code::InvalidValue, format!("`{}` is empty", at.name()));
            return None;
        }
        reader.check_program(program, at);
        Some(Self(program.to_owned()))
    }
}
