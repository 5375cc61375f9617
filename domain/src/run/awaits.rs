//! What a run waits for that has not begun.

use serde::{Deserialize, Serialize};

use crate::workflow::Concurrency;

/// What a run that has not begun waits for, as its worker knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RunWaitsFor {
    /// A seat among the runs that share a limit with it.
    pub seat: SeatLimit,
}

/// The limit of runs that keeps a run from beginning: `settings.concurrency` of its own version of the workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SeatLimit {
    /// It begins once fewer than so many run, and those that were accepted before it have begun.
    pub limit: u32,
    /// Where in the input the key stands that they share; missing when the workflow's runs are counted together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl From<&Concurrency> for SeatLimit {
    fn from(Concurrency { limit, key, .. }: &Concurrency) -> Self {
        Self { limit: *limit, key: key.clone() }
    }
}
