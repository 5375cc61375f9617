//! Runs and steps, as the API shows them and the store keeps them.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ids::{NodeId, RunId, SignalId, TenantId, WorkflowId},
    items::Ports,
    iteration::Iteration,
    lineage::Lineage,
    timestamp::Timestamp,
};
pub use awaits::{RunWaitsFor, SeatLimit};
pub use end::RunEnd;
pub use error::{FailedAttempt, NodeError};
pub use items_page::{InvalidSide, ItemsPage, NoPort, PageOf, Side, StepId};
pub use parent::Parent;
pub use plan::{Extent, Pins, RunPlan};
pub use response::RunResponse;
pub use trigger::{TEST, Trigger};
pub use with_steps::{LeftOut, RunWithSteps, left_out};

mod awaits;
mod end;
mod error;
mod items_page;
mod parent;
mod plan;
mod response;
mod trigger;
mod with_steps;

/// Where a run is: `queued → running → (waiting ⇄ running) → succeeded | failed | cancelled | timed_out`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Accepted; no worker has it yet.
    Queued,
    /// A worker has it.
    Running,
    /// Every branch waits for a moment or a signal.
    Waiting,
    /// Every node is done or skipped.
    Succeeded,
    /// A node failed for good.
    Failed,
    /// Somebody stopped it.
    Cancelled,
    /// Its time limit passed, or the one for waiting to begin.
    TimedOut,
}

impl RunStatus {
    /// Whether nothing can change it any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled | Self::TimedOut)
    }

    /// Up to which attempt a run is not executed any more that ended so in `attempt`: in any if it was cancelled, which is
    /// said of a run and not of one of its attempts.
    #[must_use]
    pub const fn last_attempt(self, attempt: u32) -> u32 {
        match self {
            Self::Cancelled => u32::MAX,
            Self::Queued
            | Self::Running
            | Self::Waiting
            | Self::Succeeded
            | Self::Failed
            | Self::TimedOut => attempt,
        }
    }

    /// The name in documents and rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
        }
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a step is. A node that has not started has no step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// An attempt is under way.
    Running,
    /// An attempt failed; the next one is due later.
    Retrying,
    /// It waits for a moment, a signal or other runs.
    Waiting,
    /// Done.
    Succeeded,
    /// Failed for good. With `on_error: continue | error_port` the run goes on all the same.
    Failed,
    /// None of its inputs was taken.
    Skipped,
    /// The run ended before it did.
    Cancelled,
    /// What is stored of it cannot be read; `error` says why. The rest of the run is as it is.
    Unreadable,
}

impl StepStatus {
    /// The name in documents and rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
            Self::Unreadable => "unreadable",
        }
    }
}

/// The version of a document that is not saved, which only test runs have.
pub const UNSAVED: u32 = 0;

/// A run without its steps: what one row of `runs` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The workflow it runs.
    pub workflow_id: WorkflowId,
    /// The version it was started with; 0 in a test run of a document that is not saved.
    pub workflow_version: u32,
    /// Where it is.
    pub status: RunStatus,
    /// What it waits for to begin, while its worker says so. Missing otherwise, and in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<RunWaitsFor>,
    /// Grows with every change; what `after` compares.
    pub revision: u64,
    /// 1, or more after a worker and its disk were lost.
    pub attempt: u32,
    /// What started it.
    pub trigger: Trigger,
    /// Its input, as given.
    pub input: Value,
    /// The items of its last nodes (those without outgoing edges), by node id: a list for a node with one output port; for
    /// one with several, such as `if`, a list a port, by the port's name. `null` until the run has succeeded.
    #[schema(value_type = Option<std::collections::BTreeMap<String, OutputSchema>>)]
    pub output: Option<Value>,
    /// What its first `respond` step answered; missing until then. The run may still go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<RunResponse>,
    /// Why it failed.
    pub error: Option<NodeError>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When a worker took it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// The items of one last node in a run's output.
#[derive(utoipa::ToSchema)]
#[schema(as = LastItems)]
#[serde(untagged)]
#[expect(dead_code, reason = "only describes")]
enum OutputSchema {
    /// Of a node with one output port.
    Items(Vec<std::collections::BTreeMap<String, Value>>),
    /// Of a node with several output ports, by port.
    ByPort(std::collections::BTreeMap<String, Vec<std::collections::BTreeMap<String, Value>>>),
}

/// What a run is accepted with: all of it that never changes.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// The workflow it runs.
    pub workflow_id: WorkflowId,
    /// The version it runs.
    pub workflow_version: u32,
    /// 1, or more after a worker and its disk were lost.
    pub attempt: u32,
    /// What started it.
    pub trigger: Trigger,
    /// Its input, as given.
    pub input: Value,
    /// When it was accepted.
    pub created_at: Timestamp,
}

impl NewRun {
    /// The run as it is queued: nothing has happened to it yet.
    #[must_use]
    pub fn queued(self) -> Run {
        let Self { id, workflow_id, workflow_version, attempt, trigger, input, created_at } = self;
        Run {
            id,
            workflow_id,
            workflow_version,
            status: RunStatus::Queued,
            waits_for: None,
            revision: 0,
            attempt,
            trigger,
            input,
            output: None,
            response: None,
            error: None,
            created_at,
            started_at: None,
            finished_at: None,
        }
    }

    /// The run that ends as `revision` without having begun: it cannot be executed.
    #[must_use]
    pub fn failed(self, error: NodeError, revision: u64, at: Timestamp) -> Run {
        let finished_at = Some(at.max(self.created_at));
        Run { status: RunStatus::Failed, revision, error: Some(error), finished_at, ..self.queued() }
    }
}

/// A step: what one row of `steps` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Step {
    /// The node.
    pub node_id: NodeId,
    /// Which iteration of the loops around the node; missing outside loops.
    #[serde(default, skip_serializing_if = "Iteration::is_outside")]
    pub iteration: Iteration,
    /// Its kind.
    pub kind: String,
    /// Where it is.
    pub status: StepStatus,
    /// Whether its output was given to the run, by pins or by the run that this one replays: the node was not executed.
    /// Missing when it was.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// Attempts begun so far.
    pub attempts: u32,
    /// When the first attempt began.
    pub started_at: Option<Timestamp>,
    /// When it was settled.
    pub finished_at: Option<Timestamp>,
    /// Its items by output port.
    #[schema(value_type = Option<std::collections::BTreeMap<String, Vec<std::collections::BTreeMap<String, Value>>>>)]
    pub output: Option<Ports>,
    /// Where the items of a port came from: for each item a list of `[input, item]`, the input being the place of its
    /// edge among the node's incoming edges. A port is missing when each of its items came from the item at the same
    /// place of the only input that brought items.
    #[serde(default, skip_serializing_if = "Lineage::is_empty")]
    #[schema(value_type = std::collections::BTreeMap<String, Vec<Vec<Vec<u32>>>>)]
    pub lineage: Lineage,
    /// What its JavaScript wrote to its console (`console.log`), line by line. Of a step that failed `error.details.console`
    /// has it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub console: Vec<String>,
    /// What a retrying or waiting step waits for; missing otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<WaitsFor>,
    /// The signal that it waited for, once it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<GivenSignal>,
    /// Why it failed, or why the last attempt did.
    pub error: Option<NodeError>,
}

impl Step {
    /// What can be read of a step of which something cannot be; `why` is told without its data.
    #[must_use]
    pub fn unreadable(self, why: impl Into<String>) -> Self {
        let node_id = Some(self.node_id.clone());
        let error = NodeError { node_id, ..NodeError::new("unreadable_row", why) };
        Self { status: StepStatus::Unreadable, error: Some(error), ..self }
    }
}

/// What a step waits for: whatever comes first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WaitsFor {
    /// A moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// A signal of that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// The ends of all these runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<RunId>,
}

impl WaitsFor {
    /// A moment and nothing else.
    #[must_use]
    pub fn moment(until: Timestamp) -> Self {
        Self { until: Some(until), ..Self::default() }
    }
}

/// A signal that a step was given: of several that were sent for it, the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GivenSignal {
    /// Its name.
    pub name: String,
    /// Which it was: what whoever sent it was told.
    pub id: SignalId,
    /// When it was given.
    pub at: Timestamp,
}

/// A row of a list of runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RunSummary {
    /// Its id.
    pub id: RunId,
    /// The workflow it runs.
    pub workflow_id: WorkflowId,
    /// The version it was started with.
    pub workflow_version: u32,
    /// Where it is.
    pub status: RunStatus,
    /// 1, or more after a worker and its disk were lost.
    pub attempt: u32,
    /// What started it.
    pub trigger: Trigger,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When a worker took it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// A run's key: ids are only visible within a tenant.
pub type RunKey = (TenantId, RunId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_fails_before_it_begins_does_not_end_before_it_was_accepted() {
        let at = Timestamp::from_millis;
        let new = NewRun {
            id: RunId::at(at(5), 1),
            workflow_id: WorkflowId::at(at(1), 2),
            workflow_version: 3,
            attempt: 1,
            trigger: Trigger::manual(),
            input: Value::Null,
            created_at: at(5),
        };
        let queued = new.clone().queued();
        assert_eq!((queued.status, queued.revision, queued.finished_at), (RunStatus::Queued, 0, None));
        // The clocks of two machines.
        let failed = new.clone().failed(NodeError::new("gone", "it is gone"), 1, at(4));
        assert_eq!((failed.status, failed.revision), (RunStatus::Failed, 1));
        assert_eq!((failed.started_at, failed.finished_at), (None, Some(at(5))));
        assert_eq!(new.failed(NodeError::new("gone", "it is gone"), 1, at(9)).finished_at, Some(at(9)));
    }
}
