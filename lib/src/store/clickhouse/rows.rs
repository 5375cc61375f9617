//! Domain values as rows, and back. The columns of a statement are named next to the code that fills or reads them.

use std::sync::Arc;

use klickhouse::Value;
use uuid::Uuid;

use super::{
    cells::{Reader, json, moment, optional_json, optional_moment, text},
    connection::InsertRow,
};
use crate::store::{Claim, Head, StepFact, StoreError};
use domain::{
    event::{DeadLetter, WorkflowDeleted},
    ids::{NodeId, RunId, TenantId, WorkflowId},
    run::{Run, RunKey, RunSummary, Step},
    timestamp::Timestamp,
    workflow::{DocumentText, StoredWorkflow, WorkflowKey, WorkflowSummary},
};

/// The version of a run's or step's row: a newer attempt beats any revision of an older one.
pub(super) fn version(attempt: u32, revision: u64) -> u64 {
    u64::from(attempt) << 32 | revision.min(u64::from(u32::MAX))
}

/// The attempt and the revision of a version.
pub(super) const fn attempt_and_revision(version: u64) -> (u32, u64) {
    ((version >> 32) as u32, version & u32::MAX as u64)
}

fn row(columns: &'static [&'static str], values: Vec<Value>) -> InsertRow {
    debug_assert_eq!(columns.len(), values.len());
    InsertRow { columns, values: Arc::new(values) }
}

/// The table of [`FACTS`].
pub(super) const RUN_FACTS: &str = "run_facts";

/// A run, its steps and its entry in its workflow's list are rows of one table; `scope` and `place` tell which.
pub(super) const FACTS: &[&str] = &[
    "tenant",
    "scope",
    "place",
    "version",
    "status",
    "output",
    "error",
    "started_at",
    "finished_at",
    "workflow_id",
    "workflow_version",
    "trigger",
    "input",
    "created_at",
    "ordinal",
    "kind",
    "attempts",
];

pub(super) fn run_row(tenant: &TenantId, run: &Run) -> Result<InsertRow, StoreError> {
    Ok(row(
        FACTS,
        vec![
            text(tenant.as_str()),
            Value::Uuid(run.id.0),
            text(""),
            Value::UInt64(version(run.attempt, run.revision)),
            text(run.status.as_str()),
            optional_json(run.output.as_ref())?,
            optional_json(run.error.as_ref())?,
            optional_moment(run.started_at),
            optional_moment(run.finished_at),
            Value::Uuid(run.workflow_id.0),
            Value::UInt32(run.workflow_version),
            json(&run.trigger)?,
            json(&run.input)?,
            moment(run.created_at),
            Value::UInt32(0),
            text(""),
            Value::UInt32(0),
        ],
    ))
}

pub(super) fn step_row(fact: &StepFact) -> Result<InsertRow, StoreError> {
    let step = &fact.step;
    Ok(row(
        FACTS,
        vec![
            text(fact.tenant.as_str()),
            Value::Uuid(fact.run_id.0),
            text(step.node_id.as_str()),
            Value::UInt64(version(fact.run_attempt, fact.revision)),
            text(step.status.as_str()),
            optional_json(step.output.as_ref())?,
            optional_json(step.error.as_ref())?,
            optional_moment(step.started_at),
            optional_moment(step.finished_at),
            Value::Uuid(Uuid::nil()),
            Value::UInt32(0),
            text(""),
            text(""),
            moment(Timestamp::default()),
            Value::UInt32(fact.ordinal),
            text(&step.kind),
            Value::UInt32(step.attempts),
        ],
    ))
}

/// A row of [`FACTS`] about a run or a step.
pub(super) enum RunOrStep {
    Run(Run),
    Step {
        /// Its place among the run's steps.
        ordinal: u32,
        step: Step,
    },
}

pub(super) fn read_run_or_step(mut row: Reader) -> Result<(RunKey, RunOrStep), StoreError> {
    let tenant = row.tenant()?;
    let id = RunId(row.uuid()?);
    let node = row.text()?;
    let (attempt, revision) = attempt_and_revision(row.u64()?);
    let found = if node.is_empty() {
        RunOrStep::Run(Run {
            id,
            revision,
            attempt,
            status: row.name()?,
            output: row.optional_json()?,
            error: row.optional_json()?,
            started_at: row.optional_moment()?,
            finished_at: row.optional_moment()?,
            workflow_id: WorkflowId(row.uuid()?),
            workflow_version: row.u32()?,
            trigger: row.json()?,
            input: row.json()?,
            created_at: row.moment()?,
        })
    } else {
        let node_id = NodeId::parse(&node).map_err(|error| StoreError::Decode(error.to_string()))?;
        let (status, output, error) = (row.name()?, row.optional_json()?, row.optional_json()?);
        let (started_at, finished_at) = (row.optional_moment()?, row.optional_moment()?);
        row.skip(5);
        let ordinal = row.u32()?;
        let (kind, attempts) = (row.text()?, row.u32()?);
        let step = Step {
            node_id,
            iteration: Default::default(),
            kind,
            status,
            attempts,
            started_at,
            finished_at,
            output,
            lineage: Default::default(),
            waits_for: None,
            error,
        };
        RunOrStep::Step { ordinal, step }
    };
    Ok(((tenant, id), found))
}

pub(super) const HEADS: &str = "tenant, scope, version, status";

/// A row of [`HEADS`], with its version.
pub(super) fn read_head(mut row: Reader) -> Result<(RunKey, u64, Head), StoreError> {
    let key = (row.tenant()?, RunId(row.uuid()?));
    let version = row.u64()?;
    let (attempt, revision) = attempt_and_revision(version);
    Ok((key, version, Head { attempt, revision, status: row.name()? }))
}

pub(super) const ACCEPTANCES: &str = "scope, version, created_at";

/// A row of [`ACCEPTANCES`]: when a run was accepted, as this version of it says.
pub(super) fn read_acceptance(mut row: Reader) -> Result<(RunId, u64, Timestamp), StoreError> {
    Ok((RunId(row.uuid()?), row.u64()?, row.moment()?))
}

/// Where a run stands in the list of its workflow's runs: as text in the order of the list.
pub(super) fn list_place(created_at: Timestamp, run: Uuid) -> String {
    format!("{:012x}{}", created_at.as_millis().max(0), run.simple())
}

/// The run's entry in the list, without payloads.
pub(super) fn entry_row(tenant: &TenantId, run: &Run) -> Result<InsertRow, StoreError> {
    Ok(row(
        FACTS,
        vec![
            text(tenant.as_str()),
            Value::Uuid(run.workflow_id.0),
            text(&list_place(run.created_at, run.id.0)),
            Value::UInt64(version(run.attempt, run.revision)),
            text(run.status.as_str()),
            text(""),
            text(""),
            optional_moment(run.started_at),
            optional_moment(run.finished_at),
            Value::Uuid(run.workflow_id.0),
            Value::UInt32(run.workflow_version),
            json(&run.trigger)?,
            text(""),
            moment(run.created_at),
            Value::UInt32(0),
            text(""),
            Value::UInt32(0),
        ],
    ))
}

pub(super) const ENTRIES: &str =
    "place, version, scope, workflow_version, status, trigger, created_at, started_at, finished_at";

/// A row of [`ENTRIES`], with its version.
pub(super) fn read_entry(mut row: Reader) -> Result<(u64, RunSummary), StoreError> {
    let place = row.text()?;
    let id = place.get(12..).and_then(|id| Uuid::try_parse(id).ok());
    let id = id.ok_or_else(|| StoreError::Decode("an entry of a list is at no place".to_owned()))?;
    let version = row.u64()?;
    let summary = RunSummary {
        id: RunId(id),
        workflow_id: WorkflowId(row.uuid()?),
        workflow_version: row.u32()?,
        status: row.name()?,
        attempt: attempt_and_revision(version).0,
        trigger: row.json()?,
        created_at: row.moment()?,
        started_at: row.optional_moment()?,
        finished_at: row.optional_moment()?,
    };
    Ok((version, summary))
}

pub(super) const WORKFLOWS: &[&str] =
    &["tenant", "id", "version", "deleted", "name", "active", "document", "created_at", "updated_at"];

pub(super) fn workflow_row(tenant: &TenantId, workflow: &StoredWorkflow) -> InsertRow {
    let WorkflowSummary { id, name, active, version, created_at, updated_at } = &workflow.summary;
    row(
        WORKFLOWS,
        vec![
            text(tenant.as_str()),
            Value::Uuid(id.0),
            Value::UInt32(*version),
            Value::UInt8(0),
            text(name),
            Value::UInt8(u8::from(*active)),
            text(workflow.document.as_str()),
            moment(*created_at),
            moment(*updated_at),
        ],
    )
}

/// The row that hides a workflow.
pub(super) fn tombstone_row(tenant: &TenantId, deleted: &WorkflowDeleted) -> InsertRow {
    row(
        WORKFLOWS,
        vec![
            text(tenant.as_str()),
            Value::Uuid(deleted.workflow_id.0),
            Value::UInt32(deleted.version),
            Value::UInt8(1),
            text(""),
            Value::UInt8(0),
            text(""),
            moment(deleted.created_at),
            moment(deleted.deleted_at),
        ],
    )
}

pub(super) const WORKFLOW_SUMMARIES: &str = "id, name, active, version, created_at, updated_at";

/// A row of [`WORKFLOW_SUMMARIES`].
pub(super) fn read_workflow_summary(row: &mut Reader) -> Result<WorkflowSummary, StoreError> {
    Ok(WorkflowSummary {
        id: WorkflowId(row.uuid()?),
        name: row.text()?,
        active: row.flag()?,
        version: row.u32()?,
        created_at: row.moment()?,
        updated_at: row.moment()?,
    })
}

/// A row of the tenant, whether it is deleted, [`WORKFLOW_SUMMARIES`], and the document; `None` when deleted.
pub(super) fn read_workflow(mut row: Reader) -> Result<Option<(WorkflowKey, StoredWorkflow)>, StoreError> {
    let tenant = row.tenant()?;
    if row.flag()? {
        return Ok(None);
    }
    let summary = read_workflow_summary(&mut row)?;
    let document = DocumentText::parse(row.text()?)
        .map_err(|error| StoreError::Decode(format!("the document: {error}")))?;
    Ok(Some(((tenant, summary.id), StoredWorkflow { summary, document })))
}

pub(super) const WORKFLOW_VERSIONS: &str = "tenant, id, version, deleted";

/// A row of [`WORKFLOW_VERSIONS`]: the version, and whether it is a deletion.
pub(super) fn read_workflow_version(mut row: Reader) -> Result<(WorkflowKey, u32, bool), StoreError> {
    Ok(((row.tenant()?, WorkflowId(row.uuid()?)), row.u32()?, row.flag()?))
}

const CLAIMS: &[&str] = &["tenant", "workflow_id", "version", "claim", "content", "withdrawn"];

pub(super) fn claim_row((tenant, workflow): &WorkflowKey, claim: &Claim, withdrawn: bool) -> InsertRow {
    row(
        CLAIMS,
        vec![
            text(tenant.as_str()),
            Value::Uuid(workflow.0),
            Value::UInt32(claim.version),
            Value::Uuid(claim.id),
            Value::Uuid(claim.content),
            Value::UInt8(u8::from(withdrawn)),
        ],
    )
}

pub(super) const DEAD_LETTERS: &[&str] = &["tenant", "at", "consumer", "reason", "record"];

pub(super) fn dead_letter_row(letter: &DeadLetter) -> InsertRow {
    row(
        DEAD_LETTERS,
        vec![
            text(&letter.tenant),
            moment(letter.at),
            text(&letter.consumer),
            text(&letter.reason),
            text(&letter.record),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_a_list_are_in_the_order_of_moment_and_id() {
        let place = |at, id| list_place(Timestamp::from_millis(at), Uuid::from_u128(id));
        let inorder = [place(0, 1), place(255, 0), place(255, 1 << 100), place(4_096, 0), place(1 << 41, 7)];
        assert!(inorder.is_sorted(), "{inorder:?}");
        assert!(inorder.iter().all(|place| place.len() == 44));
    }

    #[test]
    fn a_newer_attempt_beats_every_revision_of_an_older_one() {
        assert!(version(2, 0) > version(1, u64::MAX));
        assert!(version(1, 7) > version(1, 6));
        assert_eq!(attempt_and_revision(version(3, 9)), (3, 9));
    }
}
