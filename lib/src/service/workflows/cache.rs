//! What this process knows of workflows: so that starting a run costs no read.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use quick_cache::unsync::Cache;

use super::{hooks::HookNodes, outline::Outline};
use crate::{clock::Clock, service::bounded, store::UnreadableWorkflow};
use domain::{
    ids::NodeId,
    timestamp::Timestamp,
    workflow::{Concurrency, StoredWorkflow, WorkflowKey, WorkflowSummary},
};

/// How often the store is asked for the newest version. A run gets at least the one that is known here, so for so long
/// after a save another process may start runs in the version before.
const FRESH: Duration = Duration::from_secs(1);
/// How long an entry may stand in for a store that does not answer.
const STALE: Duration = Duration::from_mins(5);
/// Most workflows that are kept.
const CAPACITY: usize = 1_000;

/// The newest that is known of a workflow.
#[derive(Debug, Clone)]
pub(super) enum Known {
    /// It exists.
    Saved(Arc<Version>),
    /// It exists, and what is stored of it cannot be read.
    Unreadable(Arc<UnreadableWorkflow>),
    /// It was deleted; the version is the deletion's.
    Deleted(u32),
}

/// A version of a workflow, and what starting a run asks of it.
#[derive(Debug)]
pub(super) struct Version {
    /// The workflow.
    pub(super) stored: StoredWorkflow,
    /// Its `manual` trigger.
    pub(super) manual: Option<NodeId>,
    /// How many of its runs may run at once.
    pub(super) concurrency: Option<Concurrency>,
    /// Whether the store is known to have it.
    pub(super) visible: bool,
    /// Its webhooks, once somebody has asked for them.
    pub(super) hooks: OnceLock<HookNodes>,
}

impl Version {
    pub(super) fn new(stored: StoredWorkflow, visible: bool) -> Self {
        let Outline { manual, concurrency, .. } = Outline::of(&stored.document);
        Self { stored, manual, concurrency, visible, hooks: OnceLock::new() }
    }
}

/// What the next version of a workflow follows, whether it can be read or not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Current {
    pub(super) version: u32,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

impl Known {
    pub(super) fn version(&self) -> u32 {
        match self {
            Self::Saved(version) => version.stored.summary.version,
            Self::Unreadable(unreadable) => unreadable.version,
            Self::Deleted(version) => *version,
        }
    }

    /// What the next version follows; `None`: it was deleted.
    pub(super) fn current(&self) -> Option<Current> {
        match self {
            Self::Saved(saved) => {
                let WorkflowSummary { version, created_at, updated_at, .. } = saved.stored.summary;
                Some(Current { version, created_at, updated_at })
            }
            Self::Unreadable(unreadable) => {
                let UnreadableWorkflow { version, created_at, updated_at, .. } = **unreadable;
                Some(Current { version, created_at, updated_at })
            }
            Self::Deleted(_) => None,
        }
    }
}

/// How good an answer of the cache is.
#[derive(Debug, Clone)]
pub(super) enum Cached {
    Fresh(Known),
    /// Good enough only if the store does not answer.
    Stale(Known),
    Nothing,
}

struct Entry {
    known: Known,
    /// When the store, or a write, said so.
    at: Timestamp,
    /// When somebody last set out to ask the store.
    asked: Timestamp,
}

/// A bounded table of what is known: half of it for those that are used again and again, half for new ones.
pub(super) struct WorkflowCache {
    entries: Mutex<Cache<WorkflowKey, Entry>>,
    clock: Arc<dyn Clock>,
}

impl WorkflowCache {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { entries: Mutex::new(bounded(CAPACITY, 0.5)), clock }
    }

    /// What is known, and how good it is. Of those who come when it is no longer fresh, one a second is told so and
    /// asks the store; the others need not wait for the answer.
    pub(super) fn get(&self, key: &WorkflowKey) -> Cached {
        let now = self.clock.now();
        let mut entries = self.entries();
        match entries.get_mut(key) {
            Some(entry) if now.since(entry.at) >= STALE => Cached::Nothing,
            Some(entry) if now.since(entry.asked) < FRESH => Cached::Fresh(entry.known.clone()),
            Some(mut entry) => {
                entry.asked = now;
                Cached::Stale(entry.known.clone())
            }
            None => Cached::Nothing,
        }
    }

    /// Takes note that the store was asked in vain. The second until it is asked again begins now: a client that
    /// starts one run after the other would else wait for the store each time.
    pub(super) fn asked_in_vain(&self, key: &WorkflowKey) {
        let now = self.clock.now();
        let mut entries = self.entries();
        if let Some(mut entry) = entries.peek_mut(key) {
            entry.asked = now;
        }
    }

    /// Takes note of what was read or written, and gives back the newest that is known: a read that was under
    /// way while a newer version was written here must not bring back the old one.
    pub(super) fn learn(&self, key: &WorkflowKey, seen: Option<Known>) -> Option<Known> {
        let now = self.clock.now();
        let mut entries = self.entries();
        let kept = entries.get(key).filter(|entry| now.since(entry.at) < STALE).map(|entry| &entry.known);
        let known = match (kept, seen) {
            // The store has no row, or an older one: what was written here may not be visible there yet.
            (Some(Known::Saved(kept)), None) if !kept.visible => Known::Saved(Arc::clone(kept)),
            (Some(Known::Deleted(version)), None) => Known::Deleted(*version),
            (Some(kept), Some(seen)) if kept.version() > seen.version() => return Some(kept.clone()),
            (_, Some(seen)) => seen,
            (_, None) => {
                entries.remove(key);
                return None;
            }
        };
        entries.insert(key.clone(), Entry { known: known.clone(), at: now, asked: now });
        Some(known)
    }

    fn entries(&self) -> MutexGuard<'_, Cache<WorkflowKey, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use domain::ids::{TenantId, WorkflowId};

    #[test]
    fn who_comes_after_a_store_that_took_long_to_fail_does_not_wait_for_it_again() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_763_971_200_000)));
        let cache = WorkflowCache::new(Arc::clone(&clock) as _);
        let tenant: TenantId = "local".parse().unwrap();
        let key = (tenant, WorkflowId::at(clock.now(), 1));
        cache.learn(&key, Some(Known::Deleted(2)));
        clock.advance(FRESH);
        assert!(matches!(cache.get(&key), Cached::Stale(_)));
        clock.advance(FRESH);
        cache.asked_in_vain(&key);
        assert!(matches!(cache.get(&key), Cached::Fresh(_)), "what is known is good for another second");
        clock.advance(FRESH);
        assert!(matches!(cache.get(&key), Cached::Stale(_)), "then the store is asked again");
    }
}
