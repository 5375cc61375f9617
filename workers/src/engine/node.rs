//! Where one node of a run is.

use std::sync::Arc;

use domain::{items::Ports, run::NodeError, timestamp::Timestamp};
use serde_json::Value;

/// A node of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeRun {
    pub(super) state: NodeState,
    pub(super) attempts: u32,
    pub(super) interruptions: u32,
    /// Whether the worker stopped in order while an attempt was under way.
    pub(super) put_aside: bool,
    pub(super) started_at: Option<Timestamp>,
    pub(super) finished_at: Option<Timestamp>,
    pub(super) ordinal: Option<u32>,
    pub(super) changed: u64,
    /// Set from the first failed attempt until the step is settled.
    pub(super) trouble: Option<Box<Trouble>>,
}

/// Where a node is, with what is only known there.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeState {
    /// Its inputs are not settled, or they were just now.
    Waiting {
        /// Incoming edges that are not settled.
        open: u32,
        /// Incoming edges that brought items.
        delivering: u32,
    },
    /// An attempt is under way.
    Running {
        /// Its number.
        attempt: u32,
    },
    /// An attempt failed, another will follow.
    Retrying {
        /// The number of the attempt that will follow.
        next: u32,
        /// When.
        due: Timestamp,
    },
    /// Done.
    Succeeded {
        /// Its items by port.
        output: Arc<Ports>,
    },
    /// Failed for good.
    Failed {
        /// Why.
        error: Box<NodeError>,
        /// With what the run goes on; `None`: it does not.
        output: Option<Arc<Ports>>,
    },
    /// No input was taken.
    Skipped,
    /// The run ended first.
    Cancelled,
}

/// What failed attempts leave for the next one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trouble {
    /// Why the last attempt failed, and the history of all that did.
    pub(super) error: NodeError,
    /// What the items that are done gave.
    pub(super) partial: Option<Arc<Value>>,
}

impl NodeRun {
    pub(super) const fn new(incoming: u32) -> Self {
        Self {
            state: NodeState::Waiting { open: incoming, delivering: 0 },
            attempts: 0,
            interruptions: 0,
            put_aside: false,
            started_at: None,
            finished_at: None,
            ordinal: None,
            changed: 0,
            trouble: None,
        }
    }

    /// Where it is.
    #[must_use]
    pub const fn state(&self) -> &NodeState {
        &self.state
    }

    /// Attempts begun so far.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Attempts that a crash of the worker cut off; an orderly stop does not count.
    #[must_use]
    pub const fn interruptions(&self) -> u32 {
        self.interruptions
    }

    /// When the first attempt began.
    #[must_use]
    pub const fn started_at(&self) -> Option<Timestamp> {
        self.started_at
    }

    /// When it was settled.
    #[must_use]
    pub const fn finished_at(&self) -> Option<Timestamp> {
        self.finished_at
    }

    /// Its place (from 0) in the order in which the run's nodes began or were skipped; `None`: neither yet.
    #[must_use]
    pub const fn ordinal(&self) -> Option<u32> {
        self.ordinal
    }

    /// The run's revision at which it changed last; 0: never.
    #[must_use]
    pub const fn changed(&self) -> u64 {
        self.changed
    }

    /// Its items by port, once it is settled and has some.
    #[must_use]
    pub const fn output(&self) -> Option<&Arc<Ports>> {
        match &self.state {
            NodeState::Succeeded { output } | NodeState::Failed { output: Some(output), .. } => Some(output),
            _ => None,
        }
    }

    /// Why it failed, or why the last attempt did.
    #[must_use]
    pub fn error(&self) -> Option<&NodeError> {
        match &self.state {
            NodeState::Failed { error, .. } => Some(error),
            _ => self.trouble.as_ref().map(|trouble| &trouble.error),
        }
    }

    /// What earlier attempts left, see [`super::StepFailure::partial`].
    #[must_use]
    pub fn partial(&self) -> Option<&Arc<Value>> {
        self.trouble.as_ref().and_then(|trouble| trouble.partial.as_ref())
    }

    /// Attempts that failed so far, without those that were not made.
    pub(super) fn failures(&self) -> u32 {
        self.trouble
            .as_ref()
            .map_or(0, |trouble| u32::try_from(trouble.error.history.len()).unwrap_or(u32::MAX))
    }
}

impl NodeState {
    /// Its name in messages.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Waiting { .. } => "waiting",
            Self::Running { .. } => "running",
            Self::Retrying { .. } => "retrying",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }
}
