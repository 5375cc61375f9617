//! The pages of one item's answer that have come.

use std::sync::Arc;

use domain::{items::Item, measure::value_bytes_within};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    response,
    room::{ANY_DEPTH, Size},
};
use crate::nodes::output::measure_item;

/// Pages that have come: at least one. It is also what the next attempt gets, which goes on behind them; it tells the
/// last answer instead of the next request, since that may hold secrets of ours.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Gathered {
    /// What the pages before the last one gave.
    before: Vec<Item>,
    /// The last one's answer: `{status, headers, body}`.
    pub(super) last: Arc<Value>,
    /// How many there are.
    pub(super) pages: usize,
}

impl Gathered {
    pub(super) fn first(answer: Value) -> Self {
        Self { before: Vec::new(), last: Arc::new(answer), pages: 1 }
    }

    /// Adds a page.
    pub(super) fn add(&mut self, answer: Value, full: bool) {
        let before = std::mem::replace(&mut self.last, Arc::new(answer));
        self.before.extend(response::items_of_whole(Arc::unwrap_or_clone(before), full));
        self.pages += 1;
    }

    /// The items of all pages; of the last one only if it counts.
    pub(super) fn into_items(mut self, with_last: bool, full: bool) -> Vec<Item> {
        if with_last {
            self.before.extend(response::items_of_whole(Arc::unwrap_or_clone(self.last), full));
        }
        self.before
    }

    pub(super) fn last_status(&self) -> u16 {
        self.last["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or_default()
    }

    /// Whether the last page has no content.
    pub(super) fn last_is_empty(&self) -> bool {
        match &self.last["body"] {
            Value::Null => true,
            Value::String(text) => text.trim().is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// How many items it is, and how many bytes of JSON.
    pub(super) fn size(&self, full: bool) -> Size {
        let bytes = |item| measure_item(item).unwrap_or(usize::MAX / 2);
        let before = self.before.iter().map(bytes).fold(0, usize::saturating_add);
        let last = self.last_size(full);
        Size { items: self.before.len() + last.items, bytes: before.saturating_add(last.bytes) }
    }

    /// The same of the last page alone.
    pub(super) fn last_size(&self, full: bool) -> Size {
        let body = &self.last["body"];
        let (items, value) =
            if full { (1, &*self.last) } else { (body.as_array().map_or(1, Vec::len), body) };
        Size { items, bytes: value_bytes_within(value, ANY_DEPTH).unwrap_or(usize::MAX / 2) }
    }

    /// How many bytes of JSON it is until the next attempt.
    pub(super) fn kept_bytes(&self) -> usize {
        self.size(true).bytes
    }
}
