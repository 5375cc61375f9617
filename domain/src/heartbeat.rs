//! What a worker says of itself, every few seconds.

use serde::{Deserialize, Serialize};

use super::{ids::TenantId, timestamp::Timestamp};

/// A worker's sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Which worker: its address among its peers, or where it listens when it is alone.
    pub worker: String,
    /// When it said so.
    pub at: Timestamp,
    /// When it was started.
    pub started_at: Timestamp,
    /// The version of the program.
    pub version: String,
    /// Runs in its memory.
    pub active_runs: u64,
    /// Rows that the store does not have yet.
    pub backlog_rows: u64,
    /// Bytes of the journal that they take.
    pub backlog_bytes: u64,
    /// For how long the oldest of them has waited, in milliseconds. Of rows that were there when it was started, since
    /// then.
    pub unrecorded_ms: u64,
    /// How far behind the topics were.
    pub topics: Vec<TopicLag>,
    /// Circuit breakers that are open, at most [`MAX_BREAKERS`].
    pub breakers: Vec<OpenBreaker>,
}

/// So many open breakers are told at most; of more the rest is left out.
pub const MAX_BREAKERS: usize = 1_000;

/// How old an event of a topic was when it was handled: the newest of the batch that came last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TopicLag {
    /// The topic.
    pub topic: String,
    /// The event's age, in milliseconds.
    pub lag_ms: u64,
    /// When it was handled.
    pub handled_at: Timestamp,
}

/// A tenant's calls to a destination are not made, since the last ones failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenBreaker {
    /// Whose calls.
    pub tenant: TenantId,
    /// Scheme, host and port.
    pub destination: String,
    /// When one call is tried again.
    pub until: Timestamp,
}
