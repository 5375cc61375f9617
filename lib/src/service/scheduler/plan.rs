//! What is to be done for a batch.

use std::collections::HashSet;

use serde_json::Value;

use super::versions::Choice;
use crate::{ingest::Letters, store::WorkflowChange};
use domain::{
    event::RunRequested,
    ids::{RunId, TenantId},
    run::{NodeError, Run},
    timestamp::Timestamp,
    workflow::WorkflowKey,
};

/// The name under which dead letters are kept.
pub(super) const CONSUMER: &str = "scheduler";

/// All that follows from a batch.
pub(super) struct Plan {
    /// To be saved.
    pub(super) changes: Vec<WorkflowChange>,
    /// Runs that workers are to execute.
    pub(super) starts: Vec<Start>,
    /// To be kept, for people to look at.
    pub(super) letters: Letters,
    started: HashSet<(TenantId, RunId)>,
}

/// An event, without its data.
pub(super) struct Received<'a> {
    pub(super) tenant: TenantId,
    pub(super) traceparent: Option<String>,
    /// The record, as it came.
    pub(super) record: &'a str,
}

/// A run that workers are to execute.
pub(super) struct Start {
    pub(super) tenant: TenantId,
    pub(super) traceparent: Option<String>,
    pub(super) run: RunRequested,
    /// What the run's input says.
    pub(super) input: Value,
}

impl Plan {
    pub(super) fn new(now: Timestamp) -> Self {
        let letters = Letters::new(CONSUMER, now);
        Self { changes: Vec::new(), starts: Vec::new(), letters, started: HashSet::new() }
    }

    /// Starts a run, once: it may have been delivered twice in one batch.
    pub(super) fn start(&mut self, start: Start) {
        if self.started.insert((start.tenant.clone(), start.run.run_id)) {
            self.starts.push(start);
        }
    }

    /// Keeps an event that is not for the scheduler.
    pub(super) fn refuse(&mut self, received: &Received<'_>, reason: String) {
        self.letters.bury(reason, received.record, received.tenant.as_str());
    }
}

impl Start {
    /// The workflow that it runs.
    pub(super) fn workflow(&self) -> WorkflowKey {
        (self.tenant.clone(), self.run.workflow_id)
    }

    /// What it runs.
    pub(super) fn choice(&self) -> Choice {
        (self.workflow(), self.run.wanted_version)
    }

    /// The run as it fails when its workflow is gone.
    pub(super) fn without_workflow(self, now: Timestamp) -> (TenantId, Run) {
        let RunRequested { workflow_id, workflow_version, wanted_version, .. } = self.run;
        let error = match wanted_version {
            None => {
                let gone = "does not exist any more; it was deleted after the run was accepted";
                NodeError::new("workflow_not_found", format!("workflow {workflow_id} {gone}"))
            }
            Some(version) => {
                let message = format!("workflow {workflow_id} has no version {version}, or was deleted");
                NodeError::new("workflow_version_not_found", message)
            }
        };
        let workflow_version = wanted_version.unwrap_or(workflow_version);
        (self.tenant, self.run.at_version(workflow_version, self.input).failed(error, 1, now))
    }

    /// The run as it fails when what is stored of its workflow cannot be read: others' runs must not wait for it.
    pub(super) fn with_unreadable_workflow(self, now: Timestamp) -> (TenantId, Run) {
        let RunRequested { workflow_id, workflow_version, wanted_version, .. } = self.run;
        let workflow_version = wanted_version.unwrap_or(workflow_version);
        let message = format!("what is stored of workflow {workflow_id} cannot be read");
        let error = NodeError::new("workflow_unreadable", message);
        (self.tenant, self.run.at_version(workflow_version, self.input).failed(error, 1, now))
    }
}
