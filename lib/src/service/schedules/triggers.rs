//! **Pure**: what becomes of a workflow's triggers from version to version.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::occurrence::{Occurrence, tell_missed};
use crate::store::{FoundWorkflow, Next, TriggerRow, TriggerState, VersionKey, WorkflowChange};
use domain::{
    ids::NodeId,
    kinds::Kind,
    schedule::{Schedule, ScheduleKey},
    timestamp::Timestamp,
    workflow::{StoredWorkflow, WorkflowKey},
};

/// A version of a workflow, as far as its triggers are concerned.
#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) workflow: WorkflowKey,
    pub(super) number: u32,
    /// When it was accepted.
    at: Timestamp,
    says: Says,
}

#[derive(Debug, Clone)]
enum Says {
    /// The workflow is no more.
    Deleted,
    /// It has these schedules, and whether they start runs.
    Saved { active: bool, schedules: Vec<(NodeId, Map<String, Value>)> },
}

impl Version {
    pub(super) fn of(change: &WorkflowChange) -> Self {
        let workflow = change.key();
        match change {
            WorkflowChange::Saved { workflow: stored, .. } => Self::saved(workflow, stored),
            WorkflowChange::Deleted { deleted, .. } => {
                Self { workflow, number: deleted.version, at: deleted.deleted_at, says: Says::Deleted }
            }
        }
    }

    /// A version that was read. One that cannot be read runs nothing.
    pub(super) fn found((workflow, number): VersionKey, found: FoundWorkflow) -> Self {
        match found {
            Ok(stored) => Self::saved(workflow, &stored),
            Err(unreadable) => {
                let says = Says::Saved { active: false, schedules: Vec::new() };
                Self { workflow, number, at: unreadable.updated_at, says }
            }
        }
    }

    fn saved(workflow: WorkflowKey, stored: &StoredWorkflow) -> Self {
        let summary = &stored.summary;
        let says = Says::Saved { active: summary.active, schedules: schedules(stored) };
        Self { workflow, number: summary.version, at: summary.updated_at, says }
    }
}

/// The schedules of a document that are not disabled.
fn schedules(stored: &StoredWorkflow) -> Vec<(NodeId, Map<String, Value>)> {
    // Most workflows have none, and need not be read.
    if !stored.document.as_str().contains(Kind::Schedule.name()) {
        return Vec::new();
    }
    let nodes = stored.document.read().map(|document| document.nodes).unwrap_or_default();
    let own = nodes.into_iter().filter(|node| node.kind == Kind::Schedule.name() && !node.data.disabled);
    own.map(|node| (node.id, node.data.params)).collect()
}

/// The triggers of a workflow.
#[derive(Debug, Default)]
pub(super) struct Triggers {
    rows: BTreeMap<NodeId, TriggerRow>,
    changed: BTreeSet<NodeId>,
}

impl Triggers {
    pub(super) fn insert(&mut self, row: TriggerRow) {
        self.rows.insert(row.key.node.clone(), row);
    }

    /// The version that all of them have been taken to.
    pub(super) fn version(&self) -> Option<u32> {
        self.rows.values().map(|row| row.workflow_version).min()
    }

    /// Those that are others than they were.
    pub(super) fn into_changed(self) -> impl Iterator<Item = TriggerRow> {
        let Self { rows, changed } = self;
        rows.into_iter().filter(move |(node, _)| changed.contains(node)).map(|(_, row)| row)
    }

    /// Takes them to that version; those that are further stay as they are. What was planned until then and is not decided
    /// is started, unless the workflow was deleted: then nothing can be.
    pub(super) fn take(&mut self, version: Version, starts: &mut Vec<Occurrence>) {
        let Version { workflow, number, at, says } = version;
        let (active, schedules) = match says {
            Says::Deleted => (false, Vec::new()),
            Says::Saved { active, schedules } => {
                let behind = self.rows.values_mut().filter(|row| row.workflow_version < number);
                behind.for_each(|row| settle(row, at, starts));
                (active, schedules)
            }
        };
        let mut rows: Vec<_> = schedules
            .into_iter()
            .map(|(node, params)| {
                let (tenant, workflow) = workflow.clone();
                let key = ScheduleKey { tenant, workflow, node };
                planned(key, number, active, params, at, &self.rows)
            })
            .collect();
        for row in self.rows.values().filter(|row| row.workflow_version < number) {
            if !rows.iter().any(|new| new.key.node == row.key.node) {
                rows.push(gone(row, number));
            }
        }
        for row in rows {
            let node = row.key.node.clone();
            if self.rows.get(&node).is_none_or(|known| known.workflow_version < number) {
                self.changed.insert(node.clone());
                self.rows.insert(node, row);
            }
        }
    }
}

/// Starts what a trigger had planned until its version was replaced.
fn settle(row: &mut TriggerRow, replaced: Timestamp, starts: &mut Vec<Occurrence>) {
    let Some(schedule) = read(row) else { return };
    while let Some(next) = row.next.filter(|next| next.planned <= replaced) {
        // By when the save is handled is chance: what was planned is looked at as it was then.
        let due = schedule.due(&row.key, next.planned, replaced, Some(replaced));
        take_note(row, &schedule, &due, starts);
    }
}

/// What a tick makes of a trigger that is due.
pub(super) fn decide(mut row: TriggerRow, now: Timestamp, starts: &mut Vec<Occurrence>) -> TriggerRow {
    match (read(&row), row.next) {
        (Some(schedule), Some(next)) => {
            let due = schedule.due(&row.key, next.planned, now, None);
            take_note(&mut row, &schedule, &due, starts);
        }
        _ => row.next = None,
    }
    row.revision = row.revision.saturating_add(1);
    row
}

fn take_note(
    row: &mut TriggerRow,
    schedule: &Schedule,
    due: &domain::schedule::Due,
    starts: &mut Vec<Occurrence>,
) {
    starts.extend(due.starts.iter().map(|planned| Occurrence::of(row, schedule, *planned)));
    row.started = due.starts.last().copied().or(row.started);
    if let Some(missed) = due.missed {
        tell_missed(row, missed);
        row.missed = Some(missed);
    }
    row.next = due.next.map(|planned| Next { planned, due: schedule.due_at(&row.key, planned) });
}

/// The schedule of a row; `None`: what is stored is none.
pub(super) fn read(row: &TriggerRow) -> Option<Schedule> {
    let read = Schedule::read(&row.params, "params", row.since);
    read.inspect_err(|violations| {
        let ScheduleKey { tenant, workflow, node } = &row.key;
        let count = violations.len();
        tracing::error!(
            workflow.id = %workflow, node.id = %node, tenant = tenant.as_str(), violations = count,
            "the schedule {node} of workflow {workflow} cannot be read; it starts nothing until it is saved again"
        );
    })
    .ok()
}

/// A trigger as a version has it.
fn planned(
    key: ScheduleKey,
    workflow_version: u32,
    active: bool,
    params: Map<String, Value>,
    at: Timestamp,
    known: &BTreeMap<NodeId, TriggerRow>,
) -> TriggerRow {
    let before = known.get(&key.node);
    // A save that leaves a schedule as it is does not begin its interval anew.
    let as_it_was = before.filter(|row| active && row.state == TriggerState::Active && row.params == params);
    let mut row = TriggerRow {
        key,
        workflow_version,
        revision: 0,
        state: if active { TriggerState::Active } else { TriggerState::Paused },
        params,
        since: as_it_was.map_or(at, |row| row.since),
        next: None,
        started: before.and_then(|row| row.started),
        missed: before.and_then(|row| row.missed),
    };
    if active && let Some(schedule) = read(&row) {
        let next = schedule.next_after(at);
        row.next = next.map(|planned| Next { planned, due: schedule.due_at(&row.key, planned) });
    }
    row
}

/// A trigger that a version has no more.
pub(super) fn gone(row: &TriggerRow, workflow_version: u32) -> TriggerRow {
    let revision = if row.workflow_version == workflow_version { row.revision.saturating_add(1) } else { 0 };
    TriggerRow { workflow_version, revision, state: TriggerState::Gone, next: None, ..row.clone() }
}
