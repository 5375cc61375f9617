//! What is to be done for a batch.

use std::collections::HashSet;

use serde_json::Value;

use crate::{ingest::Refused, store::WorkflowChange};
use domain::{
    event::RunRequested,
    ids::{RunId, TenantId},
    run::{NodeError, Run},
    timestamp::Timestamp,
    workflow::WorkflowKey,
};

/// All that follows from a batch.
#[derive(Default)]
pub(super) struct Plan {
    /// To be saved.
    pub(super) changes: Vec<WorkflowChange>,
    /// Runs that workers are to execute.
    pub(super) starts: Vec<Start>,
    started: HashSet<(TenantId, RunId)>,
}

/// An event, without its data.
pub(super) struct Received {
    pub(super) tenant: TenantId,
    pub(super) traceparent: Option<String>,
}

/// A run that workers are to execute, in the newest version of its workflow.
pub(super) struct Start {
    pub(super) tenant: TenantId,
    pub(super) traceparent: Option<String>,
    pub(super) run: RunRequested,
    /// What the run's input says.
    pub(super) input: Value,
}

impl Plan {
    /// Starts a run, once: it may have been delivered twice in one batch.
    pub(super) fn start(&mut self, start: Start) {
        if self.started.insert((start.tenant.clone(), start.run.run_id)) {
            self.starts.push(start);
        }
    }
}

impl Received {
    /// It is not for the scheduler.
    pub(super) fn refused(self, reason: String) -> Refused {
        Refused { tenant: self.tenant, reason }
    }
}

impl Start {
    /// The workflow that it runs.
    pub(super) fn workflow(&self) -> WorkflowKey {
        (self.tenant.clone(), self.run.workflow_id)
    }

    /// The run as it fails when its workflow is gone.
    pub(super) fn without_workflow(self, now: Timestamp) -> (TenantId, Run) {
        let RunRequested { workflow_id, workflow_version, .. } = self.run;
        let message = format!(
            "workflow {workflow_id} does not exist any more; it was deleted after the run was accepted"
        );
        let error = NodeError::new("workflow_not_found", message);
        (self.tenant, self.run.at_version(workflow_version, self.input).failed(error, 1, now))
    }

    /// The run as it fails when what is stored of its workflow cannot be read: others' runs must not wait for it.
    pub(super) fn with_unreadable_workflow(self, now: Timestamp) -> (TenantId, Run) {
        let RunRequested { workflow_id, workflow_version, .. } = self.run;
        let message = format!("what is stored of workflow {workflow_id} cannot be read");
        let error = NodeError::new("workflow_unreadable", message);
        (self.tenant, self.run.at_version(workflow_version, self.input).failed(error, 1, now))
    }
}
