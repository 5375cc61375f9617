//! What a step remembers of its calls from one execution to the next.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How far it has come.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// How many of its items a run was called for, or could not be.
    pub(super) called: usize,
    /// Of those, the places of which no end had come yet.
    pub(super) open: Vec<usize>,
}

impl Kept {
    /// What an earlier execution left.
    ///
    /// # Errors
    /// In words, when it cannot be read: to call again for what was called already would be wrong.
    pub(super) fn read(value: Option<&Value>) -> Result<Self, String> {
        let kept = value.map(Self::deserialize).transpose();
        kept.map(Option::unwrap_or_default).map_err(|error| error.to_string())
    }

    /// As the next execution gets it.
    pub(super) fn to_value(&self) -> Option<Value> {
        serde_json::to_value(self).ok()
    }
}
