//! What a change demands, and why it was refused.

use crate::{
    bus::BusError,
    fair::TooManyWait,
    store::{StoreError, UnreadableWorkflow},
};
use domain::{ids::WorkflowId, violation::Violation};

/// What a change demands of the version that it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// That there is one.
    Exists,
    /// That it is one of these.
    OneOf(Vec<u32>),
}

impl Precondition {
    pub(super) fn check(&self, current: u32) -> Result<(), WorkflowError> {
        if self.allows(current) { Ok(()) } else { Err(WorkflowError::VersionMismatch { current }) }
    }

    /// Whether that version may be changed.
    pub(in crate::service) fn allows(&self, current: u32) -> bool {
        match self {
            Self::Exists => true,
            Self::OneOf(versions) => versions.contains(&current),
        }
    }
}

/// Why a workflow was not read or changed.
#[derive(Debug, thiserror::Error)]
pub enum WorkflowError {
    /// It does not exist, or belongs to somebody else: the caller cannot tell which.
    #[error("there is no workflow {0}")]
    NotFound(WorkflowId),
    /// It exists, and what is stored of it cannot be read.
    #[error("{0}; save another version of it (PUT) or delete it")]
    Unreadable(UnreadableWorkflow),
    /// The document is not a valid workflow.
    #[error("the workflow has {} violation(s)", .0.len())]
    Invalid(Vec<Violation>),
    /// Somebody else has changed it meanwhile.
    #[error("the workflow is at version {current} now; read it again and repeat the change")]
    VersionMismatch {
        /// The newest version.
        current: u32,
    },
    /// Somebody else is changing it at this moment.
    #[error(
        "somebody else is changing the workflow at this moment; read it again in a second and repeat the change"
    )]
    Busy,
    /// Too many documents of the tenant's wait to be checked.
    #[error("documents that are saved: {0}")]
    TooMany(#[from] TooManyWait),
    /// It could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is not known whether the change was kept.
    #[error(transparent)]
    Bus(#[from] BusError),
}
