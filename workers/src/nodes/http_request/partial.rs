//! What the items gave that are done, handed from attempt to attempt.

use std::collections::BTreeMap;

use domain::{items::Item, run::NodeError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::gathered::Gathered;

/// What need not be done again, by the items' places.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Partial {
    /// Items that need no further attempt.
    pub(super) items: BTreeMap<usize, Settled>,
    /// Items of whose answers only the first pages came.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) pages: BTreeMap<usize, Gathered>,
}

/// How one item ended.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Settled {
    /// It gave these items.
    Done(Vec<Item>),
    /// It failed for good.
    Failed(Box<NodeError>),
}

impl Partial {
    /// What an earlier attempt left. What cannot be read is done again: steps are at-least-once.
    pub(super) fn read(value: Option<&Value>) -> Self {
        value
            .map(Self::deserialize)
            .transpose()
            .unwrap_or_else(|error| {
                // Not the error itself: it may quote what a server answered.
                let error = error.classify();
                tracing::warn!(?error, "an earlier attempt left something that cannot be read");
                None
            })
            .unwrap_or_default()
    }

    /// As the next attempt gets it.
    pub(super) fn to_value(&self) -> Option<Value> {
        let is_empty = self.items.is_empty() && self.pages.is_empty();
        if is_empty { None } else { serde_json::to_value(self).ok() }
    }
}
