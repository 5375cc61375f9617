//! What is heard of a run.

use std::sync::Arc;

use crate::store::{Head, UnreadableRow};
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
    /// It is there, and cannot be read.
    Unreadable(UnreadableRow),
}

impl Heard {
    /// Where the run is, if it is recorded and can be read.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        match self {
            Self::Missing | Self::Unreadable(_) => None,
            Self::At(head) => Some(*head),
            Self::Run(run) => Some(Head::of(&run.run)),
        }
    }

    /// Whether this is news to who has heard `before`.
    pub(super) fn is_news_after(&self, before: &Self) -> bool {
        let unreadable = |heard: &Self| matches!(heard, Self::Unreadable(_));
        before.head() != self.head() || unreadable(before) != unreadable(self)
    }

    /// Whether there is hardly anything to read of it.
    pub(super) fn has_hardly_begun(&self) -> bool {
        self.head().is_none_or(|head| head.status == RunStatus::Queued)
    }
}
