//! Where a step is.

use std::sync::Arc;

use domain::{
    items::Output,
    run::{NodeError, StepStatus, WaitsFor},
};

/// Where a step is, with what is only known there.
#[derive(Debug, Clone, PartialEq)]
pub enum StepState {
    /// Its inputs are not settled, or they were just now.
    Pending {
        /// Incoming edges that are not settled.
        open: u32,
        /// Incoming edges that brought items.
        delivering: u32,
    },
    /// An attempt is under way.
    Running,
    /// It goes on later.
    Suspended {
        /// Until when.
        waits_for: Box<WaitsFor>,
        /// The last attempt failed, and the next one will follow; else the same one goes on.
        retrying: bool,
    },
    /// Done.
    Succeeded {
        /// Its output.
        output: Arc<Output>,
    },
    /// Failed for good.
    Failed {
        /// Why.
        error: Box<NodeError>,
        /// With what the run goes on; `None`: it does not.
        output: Option<Arc<Output>>,
    },
    /// No input was taken.
    Skipped,
    /// The run ended first.
    Cancelled,
}

impl StepState {
    /// Whether nothing can happen to it any more.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        !matches!(self, Self::Pending { .. } | Self::Running | Self::Suspended { .. })
    }

    /// Whether an attempt is under way, or one goes on later.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Running | Self::Suspended { .. })
    }

    /// What the API calls it; `None`: it has neither begun nor been skipped.
    #[must_use]
    pub const fn status(&self) -> Option<StepStatus> {
        Some(match self {
            Self::Pending { .. } => return None,
            Self::Running => StepStatus::Running,
            Self::Suspended { retrying: true, .. } => StepStatus::Retrying,
            Self::Suspended { retrying: false, .. } => StepStatus::Waiting,
            Self::Succeeded { .. } => StepStatus::Succeeded,
            Self::Failed { .. } => StepStatus::Failed,
            Self::Skipped => StepStatus::Skipped,
            Self::Cancelled => StepStatus::Cancelled,
        })
    }

    /// Its name in messages.
    pub(super) const fn name(&self) -> &'static str {
        match self.status() {
            Some(status) => status.as_str(),
            None => "pending",
        }
    }
}
