//! Workflows and their versions.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::{
    event::WorkflowDeleted,
    ids::TenantId,
    timestamp::Timestamp,
    workflow::{StoredWorkflow, WorkflowKey, WorkflowSummary},
};

use super::{Page, PageRequest, StoreError};

/// Workflows and their versions.
#[async_trait]
pub trait WorkflowStore: Send + Sync + 'static {
    /// Saves versions and deletions, however many in one write; what was saved before changes nothing.
    async fn save(&self, changes: &[WorkflowChange]) -> Result<(), StoreError>;

    /// The newest version of each workflow that exists and is not deleted. One read, however many.
    async fn newest(&self, keys: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, FoundWorkflow>, StoreError>;

    /// These versions, those of deleted workflows too; what does not exist is missing. One read, however many.
    async fn at_versions(
        &self,
        versions: &[VersionKey],
    ) -> Result<HashMap<VersionKey, FoundWorkflow>, StoreError>;

    /// Workflows by `updated_at`, newest first.
    async fn list(&self, tenant: &TenantId, page: &PageRequest) -> Result<Page<WorkflowSummary>, StoreError>;
}

/// A version of a workflow.
pub type VersionKey = (WorkflowKey, u32);

/// What a read found under a workflow's key.
pub type FoundWorkflow = Result<StoredWorkflow, UnreadableWorkflow>;

/// A version of a workflow of which the name or the document cannot be read. What a further version needs to know of it
/// can be, so that it can be replaced or deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what is stored of version {version} of the workflow cannot be read: {why}")]
pub struct UnreadableWorkflow {
    /// The version.
    pub version: u32,
    /// When version 1 was saved.
    pub created_at: Timestamp,
    /// When this version was saved.
    pub updated_at: Timestamp,
    /// Why, without its data.
    pub why: String,
}

/// A change of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub enum WorkflowChange {
    /// A version was saved.
    Saved {
        /// Whose it is.
        tenant: TenantId,
        /// The version.
        workflow: StoredWorkflow,
    },
    /// The workflow was deleted: reads do not find it any more. Its versions stay, for the runs that name them.
    Deleted {
        /// Whose it was.
        tenant: TenantId,
        /// The deletion, which has a version of its own.
        deleted: WorkflowDeleted,
    },
}

impl WorkflowChange {
    /// The workflow that changes.
    #[must_use]
    pub fn key(&self) -> WorkflowKey {
        match self {
            Self::Saved { tenant, workflow } => (tenant.clone(), workflow.summary.id),
            Self::Deleted { tenant, deleted } => (tenant.clone(), deleted.workflow_id),
        }
    }

    /// The version that it has from now on.
    #[must_use]
    pub const fn version(&self) -> u32 {
        match self {
            Self::Saved { workflow, .. } => workflow.summary.version,
            Self::Deleted { deleted, .. } => deleted.version,
        }
    }
}

#[cfg(any(test, feature = "testing"))]
mod in_memory {
    use super::*;
    use crate::store::{
        Cursor, UnreadableRow,
        memory::{Call, MemoryStore, State, keep_newest, page},
    };

    #[expect(missing_docs, reason = "the trait says what they are")]
    impl Call {
        pub const SAVE: Self = Self::write("save");
        pub const NEWEST: Self = Self::read("newest");
        pub const AT_VERSIONS: Self = Self::read("at versions");
        pub const LIST_WORKFLOWS: Self = Self::read("list workflows");
    }

    #[async_trait]
    impl WorkflowStore for MemoryStore {
        async fn save(&self, changes: &[WorkflowChange]) -> Result<(), StoreError> {
            self.write(Call::SAVE, |state| {
                for change in changes {
                    let workflow = match change {
                        WorkflowChange::Saved { workflow, .. } => Some(workflow.clone()),
                        WorkflowChange::Deleted { .. } => None,
                    };
                    if let Some(workflow) = &workflow {
                        state.versions.insert((change.key(), change.version()), workflow.clone());
                    }
                    let row = (change.version(), workflow);
                    let (_, id) = change.key();
                    if state.workflows.get(&change.key()).is_some_and(|known| known.0 < row.0) {
                        state.damaged.remove(&id.0);
                    }
                    keep_newest(&mut state.workflows, change.key(), row, |row| row.0);
                }
                Ok(())
            })
            .await
        }

        async fn newest(
            &self,
            keys: &[WorkflowKey],
        ) -> Result<HashMap<WorkflowKey, FoundWorkflow>, StoreError> {
            self.read(Call::NEWEST, |state| {
                let newest = |key: &WorkflowKey| {
                    let workflow = state.workflows.get(key)?.1.clone()?;
                    Some((key.clone(), found(state, key, workflow)))
                };
                keys.iter().filter_map(newest).collect()
            })
            .await
        }

        async fn at_versions(
            &self,
            versions: &[VersionKey],
        ) -> Result<HashMap<VersionKey, FoundWorkflow>, StoreError> {
            self.read(Call::AT_VERSIONS, |state| {
                let at_version = |version: &VersionKey| {
                    let workflow = state.versions.get(version)?.clone();
                    Some((version.clone(), found(state, &version.0, workflow)))
                };
                versions.iter().filter_map(at_version).collect()
            })
            .await
        }

        async fn list(
            &self,
            tenant: &TenantId,
            request: &PageRequest,
        ) -> Result<Page<WorkflowSummary>, StoreError> {
            self.read(Call::LIST_WORKFLOWS, |state| {
                let rows = state
                    .workflows
                    .iter()
                    .filter(|((owner, _), _)| owner == tenant)
                    .filter_map(|(_, (_, workflow))| {
                        let summary = workflow.as_ref()?.summary.clone();
                        let place = Cursor { at: summary.updated_at, id: summary.id.0 };
                        Some((place, state.readable(place.id).map(|()| summary)))
                    })
                    .collect();
                page(rows, request)
            })
            .await
        }
    }

    fn found(state: &State, key: &WorkflowKey, workflow: StoredWorkflow) -> FoundWorkflow {
        let WorkflowSummary { version, created_at, updated_at, .. } = workflow.summary;
        let readable = state.readable(key.1.0).map(|()| workflow);
        readable.map_err(|UnreadableRow(why)| UnreadableWorkflow { version, created_at, updated_at, why })
    }
}
