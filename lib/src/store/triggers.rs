//! Triggers that start runs by themselves: what of each is due next.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::{
    ids::{TenantId, WorkflowId},
    schedule::{Missed, ScheduleKey},
    timestamp::Timestamp,
    workflow::WorkflowKey,
};
use serde_json::{Map, Value};

use super::{Page, PageRequest, StoreError};

/// Triggers that start runs by themselves.
#[async_trait]
pub trait TriggerStore: Send + Sync + 'static {
    /// Writes these rows. Of two rows of a trigger the one with the higher version stays, whatever the order.
    async fn put_triggers(&self, rows: &[TriggerRow]) -> Result<(), StoreError>;

    /// Triggers of all tenants that are due by then, those that are due for longest first: at most `limit`, and of a
    /// tenant a quarter of that.
    async fn due_triggers(&self, until: Timestamp, limit: usize) -> Result<Vec<TriggerRow>, StoreError>;

    /// All triggers of these workflows, those that are gone too. One read, however many.
    async fn triggers_of(&self, workflows: &[WorkflowKey]) -> Result<Vec<TriggerRow>, StoreError>;

    /// The triggers of a tenant that are not gone, or of one workflow of it: those first that are due next, those that are
    /// never due last. The cursor is the place of a trigger: when it is due, and [`TriggerRow::id`].
    async fn list_triggers(
        &self,
        tenant: &TenantId,
        workflow: Option<WorkflowId>,
        page: &PageRequest,
    ) -> Result<Page<TriggerRow>, StoreError>;

    /// Which version of each workflow is the newest, without reading it; what does not exist is missing. One read, however
    /// many.
    async fn standings(&self, keys: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, Standing>, StoreError>;
}

/// A trigger as it is stored: a schedule of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct TriggerRow {
    /// Which.
    pub key: ScheduleKey,
    /// The version of the workflow that it is of.
    pub workflow_version: u32,
    /// Grows with each change within that version.
    pub revision: u32,
    /// Whether it starts runs.
    pub state: TriggerState,
    /// Its parameters, as the document has them.
    pub params: Map<String, Value>,
    /// From when on its interval is counted, if it has one: when it was first saved like this.
    pub since: Timestamp,
    /// What is next; `None`: nothing any more.
    pub next: Option<Next>,
    /// The planned moment of the last run that it started.
    pub started: Option<Timestamp>,
    /// The occurrences that were missed last.
    pub missed: Option<Missed>,
}

/// Whether a trigger starts runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriggerState {
    /// It does.
    Active,
    /// Its workflow is not active.
    Paused,
    /// Its workflow has no such trigger any more.
    Gone,
}

/// The next occurrence of a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// For when it is planned.
    pub planned: Timestamp,
    /// When it is started.
    pub due: Timestamp,
}

/// Where a workflow stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its newest version.
    pub version: u32,
    /// Whether that is its deletion.
    pub deleted: bool,
}

impl TriggerState {
    /// Its name in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Gone => "gone",
        }
    }
}

impl TriggerRow {
    /// When nothing is due ever again: the last moment that can be stored.
    pub const NEVER: Timestamp = Timestamp::from_millis(10_413_791_999_999);

    /// Which of two rows of a trigger is the newer one.
    #[must_use]
    pub const fn version(&self) -> u64 {
        (self.workflow_version as u64) << 32 | self.revision as u64
    }

    /// When it is to be looked at next.
    #[must_use]
    pub fn due(&self) -> Timestamp {
        self.next.map_or(Self::NEVER, |next| next.due)
    }

    /// What tells it from all others, within lists.
    #[must_use]
    pub fn id(&self) -> uuid::Uuid {
        let ScheduleKey { tenant, workflow, node } = &self.key;
        uuid::Uuid::new_v5(&workflow.0, format!("{tenant}\n{node}").as_bytes())
    }

    /// The workflow that it starts runs of.
    #[must_use]
    pub fn workflow(&self) -> WorkflowKey {
        (self.key.tenant.clone(), self.key.workflow)
    }
}

#[cfg(any(test, feature = "testing"))]
mod in_memory {
    use super::*;
    use crate::store::{
        Cursor,
        memory::{Call, MemoryStore, keep_newest},
    };

    #[expect(missing_docs, reason = "the trait says what they are")]
    impl Call {
        pub const PUT_TRIGGERS: Self = Self::write("put triggers");
        pub const DUE_TRIGGERS: Self = Self::read("due triggers");
        pub const TRIGGERS_OF: Self = Self::read("triggers of");
        pub const LIST_TRIGGERS: Self = Self::read("list triggers");
        pub const STANDINGS: Self = Self::read("standings");
    }

    #[async_trait]
    impl TriggerStore for MemoryStore {
        async fn put_triggers(&self, rows: &[TriggerRow]) -> Result<(), StoreError> {
            self.write(Call::PUT_TRIGGERS, |state| {
                for row in rows {
                    keep_newest(&mut state.triggers, row.key.clone(), row.clone(), TriggerRow::version);
                }
                Ok(())
            })
            .await
        }

        async fn due_triggers(&self, until: Timestamp, limit: usize) -> Result<Vec<TriggerRow>, StoreError> {
            self.read(Call::DUE_TRIGGERS, |state| {
                let mut due: Vec<_> = state.triggers.values().filter(|row| row.due() <= until).collect();
                due.sort_by_key(|row| row.due());
                let mut taken: HashMap<&TenantId, usize> = HashMap::new();
                due.retain(|row| {
                    let taken = taken.entry(&row.key.tenant).or_default();
                    *taken += 1;
                    *taken <= (limit / 4).max(1)
                });
                due.into_iter().take(limit).cloned().collect()
            })
            .await
        }

        async fn triggers_of(&self, workflows: &[WorkflowKey]) -> Result<Vec<TriggerRow>, StoreError> {
            self.read(Call::TRIGGERS_OF, |state| {
                let asked = |row: &&TriggerRow| workflows.contains(&row.workflow());
                state.triggers.values().filter(asked).cloned().collect()
            })
            .await
        }

        async fn list_triggers(
            &self,
            tenant: &TenantId,
            workflow: Option<WorkflowId>,
            request: &PageRequest,
        ) -> Result<Page<TriggerRow>, StoreError> {
            self.read(Call::LIST_TRIGGERS, |state| {
                let asked = |row: &&TriggerRow| {
                    row.key.tenant == *tenant
                        && row.state != TriggerState::Gone
                        && workflow.is_none_or(|workflow| row.key.workflow == workflow)
                };
                let place = |row: &TriggerRow| Cursor { at: row.due(), id: row.id() };
                let mut rows: Vec<_> = state.triggers.values().filter(asked).collect();
                rows.sort_by_key(|row| (row.due(), row.id()));
                let after = request.after.map(|after| (after.at, after.id));
                rows.retain(|row| after.is_none_or(|after| (row.due(), row.id()) > after));
                let rows = rows.into_iter().map(|row| (place(row), Ok(row.clone()))).collect();
                Page::of(rows, request.limit.clamp(1, 200) as usize)
            })
            .await
        }

        async fn standings(
            &self,
            keys: &[WorkflowKey],
        ) -> Result<HashMap<WorkflowKey, Standing>, StoreError> {
            self.read(Call::STANDINGS, |state| {
                let standing = |key: &WorkflowKey| {
                    let (version, workflow) = state.workflows.get(key)?;
                    Some((key.clone(), Standing { version: *version, deleted: workflow.is_none() }))
                };
                keys.iter().filter_map(standing).collect()
            })
            .await
        }
    }
}
