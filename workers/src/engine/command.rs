//! What a run can be told.

use std::sync::Arc;

use domain::{
    ids::{RunId, SignalId, SignalName},
    items::Output,
    retry::Failure,
    run::{NodeError, RunEnd, WaitsFor},
    workflow::DocumentText,
};
use serde_json::Value;

use super::{header::RunHeader, key::StepKey};

/// Something that happened to a run, or that somebody wants of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Begin.
    Start,
    /// Begin once there is room: [`Timer::Begin`] says when.
    Queue,
    /// Begin once it may: [`Self::Queue`] or [`Self::Start`] says when.
    AwaitSeat,
    /// Its time to begin is up, and it may still not: as many of its group run as may.
    NoSeat,
    /// An attempt of a step came to its end, or goes on later.
    StepFinished {
        /// Which step.
        step: StepKey,
        /// The attempt, as [`super::Effect::Execute`] said; any other is stale.
        attempt: u32,
        /// How it ended.
        outcome: Outcome,
        /// A random number in `0.0..1.0`, for the delay of a retry.
        jitter: f64,
    },
    /// A timer's moment has come.
    TimerFired(Timer),
    /// A signal for a step that waits for one of that name.
    Signal {
        /// Which step.
        step: StepKey,
        /// Which signal it is.
        id: SignalId,
        /// Its name.
        name: SignalName,
        /// What it says.
        data: Arc<Value>,
    },
    /// A run that one of the steps waits for has ended.
    RunEnded {
        /// Which.
        run: RunId,
        /// What came of it.
        end: Arc<Value>,
    },
    /// The worker ends in order: nothing that is under way comes to its end.
    Stop,
    /// The worker has restarted: nothing that ran is running any more, no timer is set.
    Recover,
    /// It cannot go on, whatever its nodes say of failures.
    Fail {
        /// Why.
        error: Box<NodeError>,
    },
    /// Stop for good, since others of its workflow run.
    GiveWay {
        /// Why: what limits them.
        error: Box<NodeError>,
    },
    /// Stop for good.
    Cancel {
        /// Why, for people.
        reason: String,
    },
}

/// The key of a durable timer, unique within its run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// A suspended step's moment.
    Wake(StepKey),
    /// There is room for a run that has not begun. Due since it was accepted, so that who came first is first.
    Begin,
    /// The run's time is up: the time to begin, or, once it has begun, the time to end.
    Deadline,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Its output.
    Succeeded(Output),
    /// It failed.
    Failed(Box<StepFailure>),
    /// It goes on later: the same attempt is executed again when what it waits for has come.
    Later(Box<Later>),
    /// It has other runs started, and goes on later.
    Calling(Box<Calling>),
}

impl Outcome {
    /// Its name in metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Succeeded(_) => "succeeded",
            Self::Failed(_) => "failed",
            Self::Later(_) | Self::Calling(_) => "later",
        }
    }
}

/// A failed attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct StepFailure {
    /// What failed. Its `node_id` and `history` are the engine's to fill in.
    pub error: NodeError,
    /// Whether and when to try again.
    pub failure: Failure,
    /// What the items that are done so far gave: handed to the next attempt, so that they are not done again.
    /// Opaque to the engine. `None` keeps what an earlier attempt left.
    pub partial: Option<Value>,
    /// The step's output when this failure is final and `on_error` is not `fail`; `None`: the items that it was given,
    /// each with the error.
    pub fallback: Option<Output>,
}

/// An attempt that goes on later.
#[derive(Debug, Clone, PartialEq)]
pub struct Later {
    /// What it waits for; one of them at least.
    pub waits_for: WaitsFor,
    /// What it keeps meanwhile. Opaque to the engine. `None` keeps what was kept before.
    pub kept: Option<Value>,
}

/// An attempt that has other runs started: the same attempt is executed again when they have ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Calling {
    /// The runs that it waits for: of `calls`, and of earlier ones that have not ended. None: it goes on at once.
    pub waits_for: Vec<RunId>,
    /// Whether it goes on when one of them has ended, and not only when all have.
    pub any: bool,
    /// What it calls now.
    pub calls: Vec<Call>,
    /// What it keeps meanwhile. Opaque to the engine. `None` keeps what was kept before.
    pub kept: Option<Value>,
}

/// A run that a step calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Its id, which follows from whoever calls it.
    pub run: RunId,
    /// What is to be started; else what became of a call that could not be made.
    pub start: Result<Box<CalledRun>, Box<RunEnd>>,
}

/// A run to start.
#[derive(Debug, Clone, PartialEq)]
pub struct CalledRun {
    /// What it is started with.
    pub header: Arc<RunHeader>,
    /// The document of its workflow.
    pub document: DocumentText,
    /// The hash of that text.
    pub hash: [u8; 32],
}
