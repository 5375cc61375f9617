//! Counts as parameters.

use serde_json::{Value, json};

use super::{At, Parameter, Reader, whole};
use crate::violation::ViolationCode as Code;

/// A whole number from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub u32);

impl Parameter for Count {
    const NAME: &'static str = "whole number";

    fn schema() -> Value {
        json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let number = value.as_number().and_then(whole).and_then(|number| u32::try_from(number).ok());
        if number.is_none() {
            let message = format!("`{}` is a whole number from 0 to {}, not {value}", at.name(), u32::MAX);
            reader.violation(at, Code::InvalidValue, message);
        }
        number.map(Self)
    }
}

impl From<Count> for Value {
    fn from(count: Count) -> Self {
        count.0.into()
    }
}
