//! What has happened to a run. How the journal writes it, [`crate::journal::codec`] says.

use std::sync::Arc;

use domain::{
    ids::SignalId,
    items::Output,
    run::{NodeError, RunStatus, WaitsFor},
    timestamp::Timestamp,
};
use serde_json::Value;

use super::key::StepKey;

/// Something that has happened to a run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// A worker began it.
    Started {
        /// When.
        at: Timestamp,
    },
    /// Something happened to one of its steps.
    Step(StepEvent),
    /// The run has ended; nothing comes after.
    Finished {
        /// How: a terminal status.
        status: RunStatus,
        /// Why, when it did not succeed.
        error: Option<Box<NodeError>>,
        /// When.
        at: Timestamp,
    },
}

/// Something that has happened to a step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepEvent {
    /// Which step.
    pub step: StepKey,
    /// The attempt that it is about; 0 where none has begun.
    pub attempt: u32,
    /// When.
    pub at: Timestamp,
    /// What.
    pub change: StepChange,
}

/// What has happened to a step.
#[derive(Debug, Clone, PartialEq)]
pub enum StepChange {
    /// The trigger that started the run gave the run's input. (Not its own copy: the header has it.)
    Triggered,
    /// The first attempt began.
    Started,
    /// The attempt succeeded; the step is done.
    Succeeded {
        /// Its output.
        output: Arc<Output>,
    },
    /// The step goes on later.
    Suspended(Box<Suspension>),
    /// One of the runs that a step waits for has ended, whether it is suspended or goes on just now.
    RunEnded {
        /// What came of it.
        end: Arc<Value>,
        /// Which.
        run: domain::ids::RunId,
    },
    /// What the step waited for has come: the attempt begins, or goes on.
    Resumed {
        /// What came.
        by: Wake,
    },
    /// The worker stops in order, and the attempt does not come to its end. (It is still under way as far as the run
    /// is concerned: the next worker notices that it is not.)
    PutAside,
    /// The attempt was cut off by the end of its worker; the next one begins with this event.
    Interrupted,
    /// The attempt failed for good.
    Failed {
        /// Why, with the history of all attempts.
        error: Box<NodeError>,
        /// The output with which the run goes on; `None`: it does not.
        output: Option<Arc<Output>>,
    },
    /// The run's plan gave the step's output, and the node is not executed. (Not its own copy: the header has it.)
    Pinned,
    /// None of the node's inputs was taken, or it does not belong to the run.
    Skipped,
    /// The run ends before the step does.
    Cancelled,
}

/// A step that goes on later.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspension {
    /// Until when.
    pub waits_for: WaitsFor,
    /// What it keeps meanwhile; `None`: what it kept before, if anything.
    pub kept: Option<Arc<Value>>,
    /// The attempt has failed, and another one follows; else the same attempt goes on.
    pub failure: Option<AttemptFailure>,
    /// It has called other runs.
    pub called: Option<Called>,
}

/// How a step has called other runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Called {
    /// How many.
    pub runs: u32,
    /// Whether it goes on when one of those that it waits for has ended, and not only when all have.
    pub any: bool,
}

/// Why an attempt failed that is followed by another.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptFailure {
    /// Why; without history, which is the fold of these events.
    pub error: Box<NodeError>,
    /// Nothing was called: it uses up no attempt of the policy, and is no part of the error's history.
    pub spared: bool,
}

/// Why a suspended step goes on.
#[derive(Debug, Clone, PartialEq)]
pub enum Wake {
    /// Its moment has come.
    Moment,
    /// Its signal came.
    Signal {
        /// Which signal it was.
        id: SignalId,
        /// What it says.
        data: Arc<Value>,
    },
    /// Its runs have ended.
    Runs,
}

impl StepChange {
    /// Its name, in the journal too.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Triggered => "triggered",
            Self::Started => "started",
            Self::Succeeded { .. } => "succeeded",
            Self::Suspended(_) => "suspended",
            Self::RunEnded { .. } => "run_ended",
            Self::Resumed { .. } => "resumed",
            Self::PutAside => "put_aside",
            Self::Interrupted => "interrupted",
            Self::Failed { .. } => "failed",
            Self::Pinned => "pinned",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }
}
