//! The record and the read side. One trait a concern; `memory` and `clickhouse` pass the same suite.
//!
//! Every read and write is bounded by tenant. Writes are idempotent: a row that arrives twice is one row, and a
//! row of an older version, attempt or revision never hides a newer one.

pub mod clickhouse;
mod config;
#[cfg(feature = "local")]
pub mod local;
#[cfg(any(test, feature = "testing"))]
pub mod memory;

pub use config::{DatabaseName, InvalidAddress, StoreAddress, StoreConfig};

use std::collections::HashMap;

use async_trait::async_trait;

use domain::{
    event::{DeadLetter, WorkflowDeleted},
    ids::{RunId, TenantId, WorkflowId},
    run::{Run, RunKey, RunStatus, RunSummary, RunWithSteps, Step},
    timestamp::Timestamp,
    workflow::{StoredWorkflow, WorkflowKey, WorkflowSummary},
};

/// Workflows and their versions.
#[async_trait]
pub trait WorkflowStore: Send + Sync + 'static {
    /// Saves a version; the same version again changes nothing.
    async fn save(&self, tenant: &TenantId, workflow: &StoredWorkflow) -> Result<(), StoreError>;

    /// Hides the workflow from reads. Its versions stay, for the runs that name them.
    async fn delete(&self, tenant: &TenantId, deleted: &WorkflowDeleted) -> Result<(), StoreError>;

    /// The newest version of each workflow that exists and is not deleted. One read, however many.
    async fn newest(&self, keys: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, StoredWorkflow>, StoreError>;

    /// The number of the newest version of each workflow that exists and is not deleted: what [`Self::newest`] gives,
    /// without reading documents.
    async fn versions(&self, keys: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, u32>, StoreError>;

    /// Claims a version of a workflow; true when nobody else claims it. Of those who claim it for different contents
    /// at most one is told so; who is not told so steps back with [`Self::withdraw`]. A claim expires after
    /// [`Claim::EXPIRY`], for a process may end before it withdraws.
    async fn claim(&self, key: &WorkflowKey, claim: &Claim) -> Result<bool, StoreError>;

    /// Gives a claim up.
    async fn withdraw(&self, key: &WorkflowKey, claim: &Claim) -> Result<(), StoreError>;

    /// Workflows by `updated_at`, newest first.
    async fn list(&self, tenant: &TenantId, page: &PageRequest) -> Result<Page<WorkflowSummary>, StoreError>;
}

/// Runs and their steps.
#[async_trait]
pub trait RunStore: Send + Sync + 'static {
    /// Records facts. A run is never seen without the steps that came with it or before it.
    async fn record(&self, facts: &Facts) -> Result<(), StoreError>;

    /// The runs with their steps; what does not exist is missing. One round, however many.
    async fn get(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, RunWithSteps>, StoreError>;

    /// Where the runs are now; what does not exist is missing. One cheap read, however many: what a long poll
    /// repeats.
    async fn heads(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, Head>, StoreError>;

    /// Runs of a workflow by `created_at`, newest first.
    async fn list(
        &self,
        tenant: &TenantId,
        workflow: WorkflowId,
        page: &PageRequest,
    ) -> Result<Page<RunSummary>, StoreError>;
}

/// What could not be processed.
#[async_trait]
pub trait DeadLetterStore: Send + Sync + 'static {
    /// Keeps the records, for people to look at.
    async fn bury(&self, letters: &[DeadLetter]) -> Result<(), StoreError>;
}

/// All stores of one database, and what concerns the database itself.
#[async_trait]
pub trait Store: WorkflowStore + RunStore + DeadLetterStore {
    /// Whether the database answers.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// What somebody who is about to save a version of a workflow lays claim to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The version that will be saved.
    pub version: u32,
    /// This claim's own id.
    pub id: uuid::Uuid,
    /// A hash of what will be saved: claims for the same are no rivals.
    pub content: uuid::Uuid,
}

impl Claim {
    /// Longer than any request may take.
    pub const EXPIRY: std::time::Duration = std::time::Duration::from_secs(30);
}

/// Facts about runs, as workers and the scheduler record them.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Runs, each in its newest known revision.
    pub runs: Vec<(TenantId, Run)>,
    /// Steps, each in its newest known state.
    pub steps: Vec<StepFact>,
}

/// A step of a run.
#[derive(Debug, Clone)]
pub struct StepFact {
    /// Whose.
    pub tenant: TenantId,
    /// Of which run.
    pub run_id: RunId,
    /// The run's attempt: a newer one wins.
    pub run_attempt: u32,
    /// The run's revision at which the step became this: within an attempt a newer one wins.
    pub revision: u64,
    /// Its place among the run's steps, by when it began.
    pub ordinal: u32,
    /// The step.
    pub step: Step,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The run's attempt.
    pub attempt: u32,
    /// The run's revision.
    pub revision: u64,
    /// The run's status.
    pub status: RunStatus,
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

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page starts; none = this was the last.
    pub next: Option<Cursor>,
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
    /// A stored row cannot be read.
    #[error("a stored row cannot be read: {0}")]
    Decode(String),
}
