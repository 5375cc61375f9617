//! The newest versions of the workflows that are to be run.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::documents::Documents;
use crate::store::{FoundWorkflow, Store, StoreError, WorkflowChange};
use domain::workflow::WorkflowKey;

/// The store's versions, with those that this process knows.
pub(super) struct Versions {
    store: Arc<dyn Store>,
    documents: Documents,
}

impl Versions {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, documents: Documents::new() }
    }

    /// The newest versions: one read, and what the batch itself brings. The read tells the versions' numbers; a
    /// document is read when this process sees its version for the first time.
    pub(super) async fn newest(
        &self,
        wanted: impl Iterator<Item = WorkflowKey>,
        changes: &[WorkflowChange],
    ) -> Result<HashMap<WorkflowKey, FoundWorkflow>, StoreError> {
        let keys: Vec<_> = wanted.collect::<HashSet<_>>().into_iter().collect();
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let mut newest = self.stored(&keys).await?;
        // Deletions last, since a save that comes again may come after them.
        let older = |known: &FoundWorkflow, change: &WorkflowChange| {
            let version = known.as_ref().map_or_else(|known| known.version, |known| known.summary.version);
            version < change.version()
        };
        for change in changes {
            if let WorkflowChange::Saved { workflow, .. } = change
                && newest.get(&change.key()).is_none_or(|known| older(known, change))
            {
                newest.insert(change.key(), Ok(workflow.clone()));
            }
        }
        for change in changes.iter().filter(|change| matches!(change, WorkflowChange::Deleted { .. })) {
            if newest.get(&change.key()).is_some_and(|known| older(known, change)) {
                newest.remove(&change.key());
            }
        }
        Ok(newest)
    }

    async fn stored(&self, keys: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, FoundWorkflow>, StoreError> {
        let versions = self.store.versions(keys).await?;
        let mut newest = HashMap::with_capacity(versions.len());
        let mut unknown = Vec::new();
        for (key, version) in versions {
            match self.documents.get(&key, version) {
                Some(known) => {
                    newest.insert(key, Ok(known));
                }
                None => unknown.push(key),
            }
        }
        if !unknown.is_empty() {
            for (key, workflow) in self.store.newest(&unknown).await? {
                if let Ok(workflow) = &workflow {
                    self.documents.keep(&key, workflow);
                }
                newest.insert(key, workflow);
            }
        }
        Ok(newest)
    }
}
