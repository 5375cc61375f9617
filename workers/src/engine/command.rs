//! What a run can be told.

use domain::{items::Ports, retry::Failure, run::NodeError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that happened to a run, or that somebody wants of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Begin.
    Start,
    /// An attempt of a step came to its end.
    StepFinished {
        /// The node.
        node: usize,
        /// The attempt, as [`super::Effect::Execute`] said; any other is stale.
        attempt: u32,
        /// How it ended.
        outcome: Outcome,
        /// A random number in `0.0..1.0`, for the delay of a retry.
        jitter: f64,
    },
    /// A timer's moment has come.
    TimerFired(Timer),
    /// The worker ends in order: nothing that is under way comes to its end.
    Stop,
    /// The worker has restarted: nothing that ran is running any more, no timer is set.
    Recover,
    /// Stop for good.
    Cancel {
        /// Why, for people.
        reason: String,
    },
}

/// The key of a durable timer, unique within its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Timer {
    /// A step's next attempt is due.
    #[serde(rename = "retry")]
    Retry {
        /// The node.
        #[serde(rename = "n")]
        node: usize,
        /// The attempt that will begin.
        #[serde(rename = "a")]
        attempt: u32,
    },
    /// The run's time is up.
    #[serde(rename = "deadline")]
    Deadline,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Its items by port.
    Succeeded(Ports),
    /// It failed.
    Failed(Box<StepFailure>),
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
    /// The step's output when this failure is final and `on_error` is not `fail`.
    pub fallback: Ports,
}
