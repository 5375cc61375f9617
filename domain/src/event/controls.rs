//! What is wanted of a run that goes on: that it stops, or that it takes a signal.
//!
//! Who asks for it and who does it are told the same, so a request and the task that it becomes have one form each. They
//! share the key of the run, so a worker hears of them after it has heard of the run.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{NodeId, RunId, SignalId, SignalName},
    iteration::Iteration,
    json_text::JsonText,
    timestamp::Timestamp,
};

/// A run is to stop, whether it has begun or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelRun {
    /// The run.
    pub run_id: RunId,
    /// Why, for people.
    pub reason: String,
    /// When it was asked for.
    pub requested_at: Timestamp,
}

/// A step of a run is given the signal that it waits for.
///
/// It names the step that waited when the signal was accepted. A step waits once, so a signal that is delivered twice, or
/// that comes second, finds nobody who waits for it; in a loop it never reaches a later iteration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResumeRun {
    /// The run.
    pub run_id: RunId,
    /// The node of the step.
    pub node_id: NodeId,
    /// The step's iteration; missing outside loops.
    #[serde(default, skip_serializing_if = "Iteration::is_outside")]
    pub iteration: Iteration,
    /// Which signal it is: the step that takes it says so.
    pub signal_id: SignalId,
    /// Its name.
    pub name: SignalName,
    /// What it says: an object, a list of objects, or null.
    pub data: JsonText,
    /// When it was accepted.
    pub requested_at: Timestamp,
}
