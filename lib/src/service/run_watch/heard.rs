//! What is heard of a run.

use crate::{
    service::FoundRun,
    store::{Head, UnreadableRow},
};
use domain::run::RunStatus;

/// Where a watched run is.
#[derive(Debug, Clone)]
pub enum Heard {
    /// It is not recorded.
    Missing,
    /// It is there.
    At(Head),
    /// It is there, and this is all of it.
    Run(FoundRun),
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
            Self::Run(run) => Some(run.head()),
        }
    }

    /// Whether this is news to who has heard `before`. Runs never move backwards: what says so is late.
    pub(super) fn is_news_after(&self, before: &Self) -> bool {
        match (before.head(), self.head()) {
            (Some(before), Some(now)) => now.is_newer_than(&before),
            (None, Some(_)) => true,
            (_, None) => matches!(self, Self::Unreadable(_)) && !matches!(before, Self::Unreadable(_)),
        }
    }

    /// Whether there is hardly anything to read of it.
    pub(super) fn has_hardly_begun(&self) -> bool {
        self.head().is_none_or(|head| head.status == RunStatus::Queued)
    }
}
