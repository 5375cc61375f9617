//! The record and the read side.
//!
//! One trait a concern, in one file with the reference that tests use, which keeps everything in memory; the file of
//! the same name in `clickhouse` has the real one, each method with its statement. Both pass the same suite.
//!
//! Every read and write is bounded by tenant. Writes are idempotent: a row that arrives twice is one row, and a
//! row of an older version, attempt or revision never hides a newer one.

mod alerts;
mod claims;
pub mod clickhouse;
mod config;
mod credentials;
mod dead_letters;
mod heartbeats;
mod hooks;
#[cfg(feature = "local")]
pub mod local;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
mod runs;
mod stats;
mod triggers;
mod workflows;

pub use config::{DatabaseName, InvalidAddress, StoreAddress, StoreConfig};

use async_trait::async_trait;
use domain::timestamp::Timestamp;

pub use alerts::AlertStore;
pub use claims::{Claim, ClaimKey, ClaimStore};
#[cfg(any(test, feature = "testing"))]
use credentials::CredentialRow;
pub use credentials::{CredentialStore, FoundCredential, StoredCredential, StoredTokens, UsedBy};
pub use dead_letters::{DeadLetterStore, Handled};
pub use heartbeats::HeartbeatStore;
pub use hooks::{HookStore, Rotation};
pub use runs::{Facts, Head, RunStore, StepFact};
pub use stats::{StatsAsk, StatsStore};
pub use triggers::{Next, Standing, TriggerRow, TriggerState, TriggerStore};
pub use workflows::{FoundWorkflow, UnreadableWorkflow, VersionKey, WorkflowChange, WorkflowStore};

/// All stores of one database, and what concerns the database itself.
#[async_trait]
pub trait Store:
    WorkflowStore
    + RunStore
    + TriggerStore
    + DeadLetterStore
    + HookStore
    + ClaimStore
    + CredentialStore
    + StatsStore
    + AlertStore
    + HeartbeatStore
{
    /// Whether the database answers.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Which page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// How many: 1 to 200.
    pub limit: u32,
    /// After which row; none = from the start.
    pub after: Option<Cursor>,
}

/// A place in a list that is ordered by a moment, newest first, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The last row's moment.
    pub at: Timestamp,
    /// The last row's id.
    pub id: uuid::Uuid,
}

/// A page of a list. What can be read and what cannot be are at most as many as were asked for, together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// The ids of what cannot be read, with the reasons.
    pub unreadable: Vec<(uuid::Uuid, UnreadableRow)>,
    /// Where the next page starts; none = this was the last.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// The first `limit` of these rows, each at its place in the list.
    fn of(mut rows: Vec<(Cursor, Found<T>)>, limit: usize) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(place, _)| *place);
        let mut page = Self { items: Vec::with_capacity(rows.len()), unreadable: Vec::new(), next };
        for (place, row) in rows {
            match row {
                Ok(item) => page.items.push(item),
                Err(why) => page.unreadable.push((place.id, why)),
            }
        }
        page
    }
}

/// Why a store did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The server said no: a bad query, a full disk, a wrong password.
    #[error("ClickHouse answered with code {code}: {message}")]
    Server {
        /// `ClickHouse`'s error code.
        code: i32,
        /// Its message.
        message: String,
    },
    /// No answer; whether a write was stored is unknown.
    #[error("ClickHouse did not answer: {0}")]
    Unavailable(String),
    /// What was asked for is there, and cannot be read.
    #[error(transparent)]
    Unreadable(#[from] UnreadableRow),
    /// A row cannot be written as what the store takes.
    #[error("a row cannot be written: {0}")]
    Unwritable(String),
}

/// A stored row that cannot be read: it is damaged, or a later version of the product wrote it. It says why, without
/// the row's data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a stored row cannot be read: {0}")]
pub struct UnreadableRow(pub String);

/// What a read found under one key. A row that cannot be read costs itself, and nothing of what else was asked for.
pub type Found<T> = Result<T, UnreadableRow>;
