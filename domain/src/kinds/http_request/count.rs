//! How many: whole numbers from one on, each with its limit.

use serde_json::{Value, json};

use crate::{
    kinds::params::{At, Parameter, Reader, whole},
    limits::{MAX_ITEMS, MAX_PAGES},
    violation::ViolationCode as Code,
};

/// How many pages are asked for at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPages(pub usize);

/// How many items are called for before a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchSize(pub usize);

impl Parameter for MaxPages {
    const NAME: &'static str = "whole number";

    fn schema() -> Value {
        schema(MAX_PAGES)
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        read(value, at, reader, MAX_PAGES, "MAX_PAGES").map(Self)
    }
}

impl Parameter for BatchSize {
    const NAME: &'static str = "whole number";

    fn schema() -> Value {
        schema(MAX_ITEMS)
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        read(value, at, reader, MAX_ITEMS, "MAX_ITEMS").map(Self)
    }
}

fn schema(most: usize) -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": most })
}

fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>, most: usize, limit: &str) -> Option<usize> {
    let number = value.as_number().and_then(whole).and_then(|number| usize::try_from(number).ok());
    let number = number.filter(|number| (1..=most).contains(number));
    if number.is_none() {
        let message = format!("`{}` is a whole number from 1 to {most} ({limit}), not {value}", at.name());
        reader.violation(at, Code::InvalidValue, message);
    }
    number
}
