//! What is heard of a run.

use std::sync::Arc;

use crate::store::Head;
use domain::run::{RunStatus, RunWithSteps};

/// Where a watched run is.
#[derive(Debug, Clone)]
pub enum Heard {
    /// It is not recorded.
    Missing,
    /// It is there.
    At(Head),
    /// It is there, and this is all of it.
    Run(Arc<RunWithSteps>),
}

impl Heard {
    /// Where the run is, if it is recorded.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        match self {
            Self::Missing => None,
            Self::At(head) => Some(*head),
            Self::Run(run) => Some(Head::of(&run.run)),
        }
    }

    /// Whether there is hardly anything to read of it.
    pub(super) fn has_hardly_begun(&self) -> bool {
        self.head().is_none_or(|head| head.status == RunStatus::Queued)
    }
}
