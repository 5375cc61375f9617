//! Triggers as people look at them.

use serde_json::{Map, Value};

use super::{Schedules, triggers::read};
use crate::{
    service::Caller,
    store::{Page, PageRequest, StoreError, TriggerRow, TriggerState},
};
use domain::{
    ids::{NodeId, WorkflowId},
    timestamp::Timestamp,
};

/// So many of the next occurrences are told.
const TOLD: usize = 5;

/// A trigger that starts runs by itself.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[schema(as = WorkflowTrigger)]
pub struct Trigger {
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// The version of the workflow that it is of.
    pub workflow_version: u32,
    /// The node.
    pub node_id: NodeId,
    /// The node's kind.
    pub kind: TriggerKind,
    /// Whether it starts runs: `paused` while the workflow is not active.
    pub state: TriggerState,
    /// Its parameters.
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    pub params: Map<String, Value>,
    /// For when the next occurrences are planned, at most five; none when it is paused or has come to its end.
    pub next: Vec<Timestamp>,
    /// When the run of the first of them is started: later by its jitter.
    pub due_at: Option<Timestamp>,
    /// For when the last run was planned that it has started.
    pub last_planned_at: Option<Timestamp>,
    /// The occurrences that were missed last, and that nobody made up for.
    pub last_missed: Option<MissedOccurrences>,
}

/// The kind of a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriggerKind {
    /// It starts runs at planned moments.
    Schedule,
}

/// Occurrences that were missed, one or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MissedOccurrences {
    /// For when the first was planned.
    pub first: Timestamp,
    /// For when the last was planned.
    pub last: Timestamp,
}

impl Schedules {
    /// The caller's triggers, or those of one workflow: those first that are due next.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        page: &PageRequest,
    ) -> Result<Page<Trigger>, StoreError> {
        let Page { items, unreadable, next } =
            self.store.list_triggers(&caller.tenant, workflow, page).await?;
        Ok(Page { items: items.into_iter().map(Trigger::of).collect(), unreadable, next })
    }
}

impl Trigger {
    fn of(row: TriggerRow) -> Self {
        let schedule = row.next.and_then(|next| Some((next, read(&row)?)));
        let next = schedule.iter().flat_map(|(next, schedule)| {
            std::iter::once(next.planned).chain(schedule.all_after(next.planned)).take(TOLD)
        });
        Self {
            next: next.collect(),
            workflow_id: row.key.workflow,
            workflow_version: row.workflow_version,
            node_id: row.key.node,
            kind: TriggerKind::Schedule,
            state: row.state,
            params: row.params,
            due_at: row.next.map(|next| next.due),
            last_planned_at: row.started,
            last_missed: row
                .missed
                .map(|missed| MissedOccurrences { first: missed.first, last: missed.last }),
        }
    }
}
