//! Counts as parameters.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::{At, Parameter, Reader, whole};
use crate::violation::ViolationCode as Code;

/// A whole number from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub u32);

impl Parameter for Count {
    const NAME: &'static str = "whole number";

    fn schema() -> Value {
        schema(0..=u32::MAX as usize)
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let number = read(value, at, reader, 0..=u32::MAX as usize, None)?;
        u32::try_from(number).ok().map(Self)
    }
}

impl From<Count> for Value {
    fn from(count: Count) -> Self {
        count.0.into()
    }
}

/// The schema of a whole number within bounds.
pub(crate) fn schema(bounds: RangeInclusive<usize>) -> Value {
    json!({ "type": "integer", "minimum": bounds.start(), "maximum": bounds.end() })
}

/// A whole number within bounds; `limit` is the name of the upper one, if it has one in `domain::limits`.
pub(crate) fn read(
    value: &Value,
    at: &At<'_>,
    reader: &mut Reader<'_>,
    bounds: RangeInclusive<usize>,
    limit: Option<&str>,
) -> Option<usize> {
    let number = value.as_number().and_then(whole).and_then(|number| usize::try_from(number).ok());
    let number = number.filter(|number| bounds.contains(number));
    if number.is_none() {
        let (least, most) = bounds.into_inner();
        let limit = limit.map_or_else(String::new, |name| format!(" ({name})"));
        let message = format!("`{}` is a whole number from {least} to {most}{limit}, not {value}", at.name());
        reader.violation(at, Code::InvalidValue, message);
    }
    number
}
