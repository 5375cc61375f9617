//! How many: whole numbers from one on, each with its limit.

use serde_json::Value;

use crate::{
    kinds::params::{At, Parameter, Reader, count},
    limits::{MAX_ITEMS, MAX_PAGES},
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
        count::schema(1..=MAX_PAGES)
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        count::read(value, at, reader, 1..=MAX_PAGES, Some("MAX_PAGES")).map(Self)
    }
}

impl Parameter for BatchSize {
    const NAME: &'static str = "whole number";

    fn schema() -> Value {
        count::schema(1..=MAX_ITEMS)
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        count::read(value, at, reader, 1..=MAX_ITEMS, Some("MAX_ITEMS")).map(Self)
    }
}
