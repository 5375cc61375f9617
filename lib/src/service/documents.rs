//! Versions of workflows that this process has read. A version never changes, so none of them grows old.

use std::sync::{Mutex, PoisonError};

use lru::LruCache;

use domain::workflow::{StoredWorkflow, WorkflowKey};

/// All documents that are kept are not longer than this together, in bytes.
const MAX_BYTES: usize = 64 << 20;

/// A bounded table of versions, least recently used out first.
pub(super) struct Documents(Mutex<Kept>);

struct Kept {
    versions: LruCache<(WorkflowKey, u32), StoredWorkflow>,
    bytes: usize,
}

impl Documents {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Kept { versions: LruCache::unbounded(), bytes: 0 }))
    }

    pub(super) fn get(&self, key: &WorkflowKey, version: u32) -> Option<StoredWorkflow> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.versions.get(&(key.clone(), version)).cloned()
    }

    pub(super) fn keep(&self, key: &WorkflowKey, workflow: &StoredWorkflow) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += weight(workflow);
        if let Some((_, before)) =
            kept.versions.push((key.clone(), workflow.summary.version), workflow.clone())
        {
            kept.bytes -= weight(&before);
        }
        while kept.bytes > MAX_BYTES
            && let Some((_, oldest)) = kept.versions.pop_lru()
        {
            kept.bytes -= weight(&oldest);
        }
    }
}

/// Its document, and about as much as the rest takes.
fn weight(workflow: &StoredWorkflow) -> usize {
    workflow.document.as_str().len() + 500
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
