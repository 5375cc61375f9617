//! What this process knows of exchanged addresses: so that a request to a hook costs no read.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use quick_cache::unsync::Cache;

use crate::{
    clock::Clock,
    service::bounded,
    store::{Rotation, Store, StoreError},
};
use domain::{ids::NodeId, timestamp::Timestamp, workflow::WorkflowKey};

/// How often the store is asked: for so long another process may take an address that was given up.
const FRESH: Duration = Duration::from_secs(1);
/// How long what it said may stand in for a store that does not answer.
const STALE: Duration = Duration::from_mins(5);
/// Most workflows that are kept.
const CAPACITY: usize = 1_000;
/// How long a request waits for the store where something is known.
const PATIENCE: Duration = Duration::from_secs(1);

type Known = Arc<HashMap<NodeId, Rotation>>;

struct Entry {
    known: Known,
    /// When the store said so.
    at: Timestamp,
    /// When somebody last set out to ask the store.
    asked: Timestamp,
}

pub(super) struct Rotations {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entries: Mutex<Cache<WorkflowKey, Entry>>,
}

impl Rotations {
    pub(super) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, entries: Mutex::new(bounded(CAPACITY, 0.5)) }
    }

    /// As the store says now.
    pub(super) async fn now(&self, key: &WorkflowKey) -> Result<Known, StoreError> {
        let asked = self.clock.now();
        let known: Known = Arc::new(self.store.rotations(key).await?);
        let mut entries = self.entries();
        // What was asked before somebody has exchanged an address here says nothing of it.
        if entries.get(key).is_none_or(|entry| entry.at <= asked) {
            entries.insert(key.clone(), Entry { known: Arc::clone(&known), at: asked, asked });
        }
        Ok(known)
    }

    /// As the store said within the last second, or when it last answered.
    pub(super) async fn lately(&self, key: &WorkflowKey) -> Result<Known, StoreError> {
        let Some(known) = self.known(key) else { return self.now(key).await };
        match known {
            (known, true) => Ok(known),
            (known, false) => match tokio::time::timeout(PATIENCE, self.now(key)).await {
                Ok(Ok(found)) => Ok(found),
                _ => {
                    tracing::warn!(workflow.id = %key.1, "the store does not answer: what it said of webhooks is used");
                    Ok(known)
                }
            },
        }
    }

    /// What is known, and whether it is fresh. Of those who come when it is no longer so, one a second is told.
    fn known(&self, key: &WorkflowKey) -> Option<(Known, bool)> {
        let now = self.clock.now();
        let mut entries = self.entries();
        let mut entry = entries.get_mut(key)?;
        if now.since(entry.at) >= STALE {
            return None;
        }
        let is_fresh = now.since(entry.asked) < FRESH;
        if !is_fresh {
            entry.asked = now;
        }
        Some((Arc::clone(&entry.known), is_fresh))
    }

    /// Something was written: what is known is over.
    pub(super) fn forget(&self, key: &WorkflowKey) {
        self.entries().remove(key);
    }

    fn entries(&self) -> MutexGuard<'_, Cache<WorkflowKey, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
