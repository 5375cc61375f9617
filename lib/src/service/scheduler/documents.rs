//! Versions of workflows that this process has read. A version never changes, so none of them grows old.

use std::sync::{Mutex, PoisonError};

use quick_cache::{Weighter, unsync::Cache};

use domain::workflow::{StoredWorkflow, WorkflowKey};

/// All documents that are kept are not longer than this together, in bytes.
const MAX_BYTES: usize = 64 << 20;
/// Only a hint of how many that are.
const ABOUT: usize = 5_000;

type Version = (WorkflowKey, u32);

/// A bounded table of versions; those that are hardly used go first.
pub(super) struct Documents(Mutex<Cache<Version, StoredWorkflow, Bytes>>);

/// A version weighs what its document does, and about as much as the rest takes.
struct Bytes;

impl Weighter<Version, StoredWorkflow> for Bytes {
    fn weight(&self, _: &Version, workflow: &StoredWorkflow) -> u64 {
        workflow.document.as_str().len() as u64 + 500
    }
}

impl Documents {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Cache::with_weighter(ABOUT, MAX_BYTES as u64, Bytes)))
    }

    pub(super) fn get(&self, key: &WorkflowKey, version: u32) -> Option<StoredWorkflow> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&(key.clone(), version)).cloned()
    }

    pub(super) fn keep(&self, key: &WorkflowKey, workflow: &StoredWorkflow) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert((key.clone(), workflow.summary.version), workflow.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        ids::{TenantId, WorkflowId},
        timestamp::Timestamp,
        workflow::{DocumentText, WorkflowSummary},
    };

    #[test]
    fn the_least_used_are_forgotten_when_there_is_too_much() {
        let at = Timestamp::from_millis(0);
        let key = |n| (TenantId::parse("t").unwrap(), WorkflowId::at(at, n));
        let workflow = |n| {
            let (id, name) = (WorkflowId::at(at, n), "x".to_owned());
            let summary =
                WorkflowSummary { id, name, active: true, version: 1, created_at: at, updated_at: at };
            let document = DocumentText::parse(format!("\"{}\"", "x".repeat(MAX_BYTES / 4))).unwrap();
            StoredWorkflow { summary, document }
        };
        let documents = Documents::new();
        for n in [1, 2, 3, 1] {
            documents.keep(&key(n), &workflow(n));
        }
        assert!(documents.get(&key(2), 1).is_some());
        documents.keep(&key(4), &workflow(4));
        let known: Vec<_> = (1..5).filter(|n| documents.get(&key(*n), 1).is_some()).collect();
        assert_eq!(known, [1, 2, 4]);
        assert!(documents.get(&key(1), 2).is_none());
    }
}
