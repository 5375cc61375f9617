//! What is to be done for a batch.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::versions::Choice;
use crate::{
    ingest::Refused,
    store::{UnreadableWorkflow, WorkflowChange},
};
use domain::{
    event::{Event, LostRun, Payload, RunRequested, Topic, UnreadableEvent},
    ids::{RunId, TenantId},
    run::{NewRun, NodeError, Run},
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
    /// What workers are to do with runs that go on, in its order.
    pub(super) controls: Vec<Event>,
    /// Whether schedules are to be looked at.
    pub(super) ticked: bool,
    /// Runs that were asked for in a way that cannot be read, as they fail.
    lost: HashMap<(TenantId, RunId), Run>,
    started: HashSet<(TenantId, RunId)>,
    now: Timestamp,
}

/// An event, without its data.
pub(super) struct Received {
    pub(super) tenant: TenantId,
    pub(super) traceparent: Option<String>,
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
        let (lost, started) = (HashMap::new(), HashSet::new());
        Self {
            changes: Vec::new(),
            starts: Vec::new(),
            controls: Vec::new(),
            ticked: false,
            lost,
            started,
            now,
        }
    }

    /// Hands something to the workers that is wanted of a run. The same is the same event, however often it is delivered:
    /// `id` follows from what is asked for.
    pub(super) fn hand_over(&mut self, received: Received, id: String, payload: Payload) {
        let Received { tenant, traceparent } = received;
        self.controls.push(Event { id, time: self.now, tenant, traceparent, payload });
    }

    /// Starts a run, once: it may have been delivered twice in one batch.
    pub(super) fn start(&mut self, start: Start) {
        if self.started.insert((start.tenant.clone(), start.run.run_id)) {
            self.starts.push(start);
        }
    }

    /// Fails a run that cannot be started. The record that asks for it is kept.
    pub(super) fn fail(&mut self, tenant: TenantId, run: NewRun, error: NodeError) -> Refused {
        let reason = error.message.clone();
        self.lost.insert((tenant.clone(), run.id), run.failed(error, 1, self.now));
        Refused { tenant: Some(tenant), reason }
    }

    /// Fails the run that a record asks for which is no event, if it says so much. The record is kept.
    pub(super) fn lose(&mut self, unreadable: UnreadableEvent) -> Refused {
        match unreadable.run {
            Some(lost) if lost.topic == Topic::Workflows => {
                let LostRun { tenant, run, .. } = *lost;
                let why = unreadable.reason;
                let message = format!("the request of the run cannot be read: {why}; start the run again");
                self.fail(tenant, run, NodeError::new("unreadable_event", message))
            }
            _ => unreadable.into(),
        }
    }

    /// The runs that fail because nobody can read what asks for them; not those that are asked for once more.
    pub(super) fn take_lost(&mut self) -> Vec<(TenantId, Run)> {
        let lost = std::mem::take(&mut self.lost).into_iter();
        lost.filter(|(key, _)| !self.started.contains(key)).map(|((tenant, _), run)| (tenant, run)).collect()
    }
}

impl Received {
    /// It is not for the scheduler.
    pub(super) fn refused(self, reason: String) -> Refused {
        Refused { tenant: Some(self.tenant), reason }
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
        let RunRequested { workflow_id, wanted_version, .. } = self.run;
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
        (self.tenant, self.run.as_far_as_known(self.input).failed(error, 1, now))
    }

    /// The run as it fails when what is stored of its workflow cannot be read: others' runs must not wait for it.
    pub(super) fn with_unreadable_workflow(
        self,
        unreadable: &UnreadableWorkflow,
        now: Timestamp,
    ) -> (TenantId, Run) {
        let message = format!("{unreadable}; save another version of it and start the run again");
        let error = NodeError::new("workflow_unreadable", message);
        (self.tenant, self.run.as_far_as_known(self.input).failed(error, 1, now))
    }
}
