//! Which versions of their workflows runs are started in.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use quick_cache::unsync::Cache;

use super::{documents::Documents, plan::Start};
use crate::{
    service::bounded,
    store::{FoundWorkflow, Store, StoreError, WorkflowChange},
};
use domain::workflow::{StoredWorkflow, WorkflowKey};

/// Of so many workflows it is kept which version is the newest.
const CAPACITY: usize = 20_000;

/// What a run is to be started in: a workflow, in the version that was asked for by its number, else in the newest.
pub(super) type Choice = (WorkflowKey, Option<u32>);

/// What this process knows of versions, and the store for what it does not know.
///
/// A version is never taken back, so what is known stays true. The highest that is known is at least what the
/// function knew when it accepted the run; whatever was saved since then shows as soon as anything that tells of it
/// has come by: the save itself, another run, a read. So a run waits for the store only when its version's document is
/// new to this process.
pub(super) struct Versions {
    store: Arc<dyn Store>,
    documents: Documents,
    newest: Mutex<Cache<WorkflowKey, Newest>>,
}

/// The highest version that is known of a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Newest {
    version: u32,
    /// Whether it stands for the deletion.
    deleted: bool,
}

enum Known {
    Here(StoredWorkflow),
    Deleted,
    Unknown,
}

impl Versions {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, documents: Documents::new(), newest: Mutex::new(bounded(CAPACITY, 0.5)) }
    }

    /// The versions that these runs are started in, with what the batch itself brings; what does not exist, or no
    /// longer, is missing. What this process does not know it reads, with one call.
    pub(super) async fn chosen(
        &self,
        starts: &[Start],
        changes: &[WorkflowChange],
    ) -> Result<HashMap<Choice, FoundWorkflow>, StoreError> {
        for change in changes {
            self.learn_change(change);
        }
        for start in starts {
            self.learn(start.workflow(), start.run.workflow_version, false);
        }
        let choices: HashSet<Choice> = starts.iter().map(Start::choice).collect();
        let mut chosen = HashMap::with_capacity(choices.len());
        let (mut newest, mut named) = (Vec::new(), Vec::new());
        for (key, version) in choices {
            match (self.known(&key, version, changes), version) {
                (Known::Here(workflow), _) => {
                    chosen.insert((key, version), Ok(workflow));
                }
                (Known::Deleted, _) => {}
                (Known::Unknown, None) => newest.push(key),
                (Known::Unknown, Some(version)) => named.push((key, version)),
            }
        }
        if !newest.is_empty() {
            for (key, workflow) in self.store.newest(&newest).await? {
                self.keep(&key, &workflow);
                chosen.insert((key, None), workflow);
            }
        }
        if !named.is_empty() {
            for ((key, version), workflow) in self.store.at_versions(&named).await? {
                self.keep(&key, &workflow);
                chosen.insert((key, Some(version)), workflow);
            }
        }
        Ok(chosen)
    }

    /// What this process and the batch know.
    fn known(&self, key: &WorkflowKey, wanted: Option<u32>, changes: &[WorkflowChange]) -> Known {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied();
        if newest.is_some_and(|newest| newest.deleted) {
            return Known::Deleted;
        }
        let Some(version) = wanted.or(newest.map(|newest| newest.version)) else { return Known::Unknown };
        let brought = || {
            changes.iter().find_map(|change| match change {
                WorkflowChange::Saved { workflow, .. }
                    if change.version() == version && change.key() == *key =>
                {
                    Some(workflow.clone())
                }
                _ => None,
            })
        };
        self.documents.get(key, version).or_else(brought).map_or(Known::Unknown, Known::Here)
    }

    fn learn_change(&self, change: &WorkflowChange) {
        let key = change.key();
        match change {
            WorkflowChange::Saved { workflow, .. } => self.keep(&key, &Ok(workflow.clone())),
            WorkflowChange::Deleted { deleted, .. } => self.learn(key, deleted.version, true),
        }
    }

    fn keep(&self, key: &WorkflowKey, workflow: &FoundWorkflow) {
        if let Ok(workflow) = workflow {
            self.documents.keep(key, workflow);
            self.learn(key.clone(), workflow.summary.version, false);
        }
    }

    /// A lower version than the known one is one that comes again.
    fn learn(&self, key: WorkflowKey, version: u32, deleted: bool) {
        let seen = Newest { version, deleted };
        let mut kept = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.get(&key).is_none_or(|known| *known < seen) {
            kept.insert(key, seen);
        }
    }
}
