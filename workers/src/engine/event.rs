//! What has happened to a run: the journal's contract for ever.
//!
//! Names of variants and fields are never changed or used anew: journals written by older workers are folded by newer
//! ones. A new fact is a new variant, or a new field with a default. Nodes are indexes into the definition, which is
//! fixed for a run. Moments are milliseconds since the epoch. The variant is the outer key (not an inner tag), so that
//! reading needs no intermediate tree.

use std::sync::Arc;

use domain::{
    items::Ports,
    run::{NodeError, RunStatus},
    timestamp::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that has happened to a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RunEvent {
    /// A worker began it.
    #[serde(rename = "started")]
    Started {
        /// When.
        #[serde(with = "millis")]
        at: Timestamp,
    },
    /// The trigger that started the run gave the run's input. (Not its own copy: the header has it.)
    #[serde(rename = "triggered")]
    Triggered {
        /// The trigger node.
        #[serde(rename = "n")]
        node: usize,
        /// When.
        #[serde(with = "millis")]
        at: Timestamp,
    },
    /// An attempt began: the first, or one that a [`RunEvent::StepRetryScheduled`] announced.
    #[serde(rename = "step_started")]
    StepStarted {
        /// The node.
        #[serde(rename = "n")]
        node: usize,
        /// The attempt that begins.
        #[serde(rename = "a")]
        attempt: u32,
        /// When.
        #[serde(with = "millis")]
        at: Timestamp,
    },
    /// An attempt succeeded; the step is done.
    #[serde(rename = "step_succeeded")]
    StepSucceeded {
        /// The node.
        #[serde(rename = "n")]
        node: usize,
        /// The attempt that succeeded.
        #[serde(rename = "a")]
        attempt: u32,
        /// When.
        #[serde(with = "millis")]
        at: Timestamp,
        /// Its items by port.
        #[serde(rename = "out")]
        output: Arc<Ports>,
    },
    /// An attempt failed, and the next one is due later (or now).
    #[serde(rename = "step_retry_scheduled")]
    StepRetryScheduled {
        /// The node.
        #[serde(rename = "n")]
        node: usize,
        /// The attempt that failed.
        #[serde(rename = "a")]
        attempt: u32,
        /// When it failed.
        #[serde(with = "millis")]
        at: Timestamp,
        /// When the next attempt is due.
        #[serde(with = "millis")]
        due: Timestamp,
        /// Why it failed; without history, which is the fold of these events.
        error: Box<NodeError>,
        /// What the items that are done gave.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partial: Option<Arc<Value>>,
        /// Nothing was called: it uses up no attempt of the policy, and is no part of the error's history.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        spared: bool,
    },
    /// The worker stops in order, and the attempt does not come to its end. (It is still under way as far as the run
    /// is concerned: the next worker notices that it is not.)
    #[serde(rename = "step_put_aside")]
    StepPutAside {
        /// The node.
        #[serde(rename = "n")]
        node: usize,
        /// The attempt.
        #[serde(rename = "a")]
        attempt: u32,
        /// When.
        #[serde(with = "millis")]
        at: Timestamp,
    },
    /// An attempt was cut off by the end of its worker; the next one begins with this event.
    #[serde(rename = "step_interrupted")]
    StepInterrupted {
        /// The node.
        #[serde(rename = "n")]
        node: usize,
        /// The attempt that was cut off.
        #[serde(rename = "a")]
        attempt: u32,
        /// When that was noticed.
        #[serde(with = "millis")]
        at: Timestamp,
    },
    /// The last attempt failed.
    #[serde(rename = "step_failed")]
    StepFailed {
        /// The node.
        #[serde(rename = "n")]
        node: usize,
        /// The attempt that failed.
        #[serde(rename = "a")]
        attempt: u32,
        /// When.
        #[serde(with = "millis")]
        at: Timestamp,
        /// Why, with the history of all attempts.
        error: Box<NodeError>,
        /// The output with which the run goes on; `None`: it does not.
        #[serde(rename = "out", default, skip_serializing_if = "Option::is_none")]
        output: Option<Arc<Ports>>,
    },
    /// None of the node's inputs was taken.
    #[serde(rename = "step_skipped")]
    StepSkipped {
        /// The node.
        #[serde(rename = "n")]
        node: usize,
        /// When that was clear.
        #[serde(with = "millis")]
        at: Timestamp,
    },
    /// The run ends before the step does.
    #[serde(rename = "step_cancelled")]
    StepCancelled {
        /// The node.
        #[serde(rename = "n")]
        node: usize,
        /// When.
        #[serde(with = "millis")]
        at: Timestamp,
    },
    /// The run has ended; nothing comes after.
    #[serde(rename = "finished")]
    Finished {
        /// How: a terminal status.
        status: RunStatus,
        /// Why, when it did not succeed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Box<NodeError>>,
        /// When.
        #[serde(with = "millis")]
        at: Timestamp,
    },
}

impl RunEvent {
    /// The node it is about, if it is about one.
    #[must_use]
    pub const fn node(&self) -> Option<usize> {
        match self {
            Self::Started { .. } | Self::Finished { .. } => None,
            Self::Triggered { node, .. }
            | Self::StepStarted { node, .. }
            | Self::StepSucceeded { node, .. }
            | Self::StepRetryScheduled { node, .. }
            | Self::StepPutAside { node, .. }
            | Self::StepInterrupted { node, .. }
            | Self::StepFailed { node, .. }
            | Self::StepSkipped { node, .. }
            | Self::StepCancelled { node, .. } => Some(*node),
        }
    }

    /// Its name in the journal.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Triggered { .. } => "triggered",
            Self::StepStarted { .. } => "step_started",
            Self::StepSucceeded { .. } => "step_succeeded",
            Self::StepRetryScheduled { .. } => "step_retry_scheduled",
            Self::StepPutAside { .. } => "step_put_aside",
            Self::StepInterrupted { .. } => "step_interrupted",
            Self::StepFailed { .. } => "step_failed",
            Self::StepSkipped { .. } => "step_skipped",
            Self::StepCancelled { .. } => "step_cancelled",
            Self::Finished { .. } => "finished",
        }
    }
}

/// A moment as a number: a tenth of the time that writing and reading RFC 3339 takes.
mod millis {
    use domain::timestamp::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(at.as_millis())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(deserializer).map(Timestamp::from_millis)
    }
}
