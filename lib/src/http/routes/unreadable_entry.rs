//! What lists show of what cannot be read.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::store::UnreadableRow;

/// An entry of a list that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UnreadableEntry {
    /// Its id.
    pub id: Uuid,
    /// `unreadable_row`.
    #[schema(example = "unreadable_row")]
    pub code: String,
    /// Why it cannot be read.
    pub message: String,
}

impl UnreadableEntry {
    pub(super) fn of((id, why): (Uuid, UnreadableRow)) -> Self {
        Self { id, code: "unreadable_row".to_owned(), message: why.to_string() }
    }
}
