//! What waits to be taken to other workers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use metrics::gauge;
use minireipaz::telemetry::names;
use tokio::sync::Notify;

use crate::journal::{Handoff, Journal, JournalError};

/// Bytes of tasks that may wait: a hundred thousand small ones.
const MAX_BYTES: usize = 256 << 20;

/// What waits, by its owner. The tasks themselves are in the journal.
#[derive(Debug)]
pub(crate) struct HandoffQueue {
    state: Mutex<BTreeMap<Arc<str>, Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    rows: u64,
    bytes: usize,
    wake: Arc<Notify>,
}

impl HandoffQueue {
    /// What the journal holds.
    pub(crate) fn open(journal: &Journal) -> Result<Self, JournalError> {
        let mut state: BTreeMap<Arc<str>, Waiting> = BTreeMap::new();
        for (owner, bytes) in journal.read()?.handoff_sizes()? {
            state.entry(owner).or_default().add(bytes);
        }
        let handoff_queue = Self { state: Mutex::new(state) };
        handoff_queue.report();
        Ok(handoff_queue)
    }

    /// Whose tasks wait.
    pub(crate) fn owners(&self) -> Vec<Arc<str>> {
        self.lock().keys().cloned().collect()
    }

    /// Told whenever tasks of this owner are added.
    pub(crate) fn bell(&self, owner: &Arc<str>) -> Arc<Notify> {
        Arc::clone(&self.lock().entry(Arc::clone(owner)).or_default().wake)
    }

    /// Tasks that were committed.
    pub(crate) fn add(&self, handoffs: &[Handoff]) {
        if handoffs.is_empty() {
            return;
        }
        let mut state = self.lock();
        for handoff in handoffs {
            let waiting = state.entry(Arc::clone(&handoff.owner)).or_default();
            waiting.add(handoff.record.len());
            waiting.wake.notify_one();
        }
        drop(state);
        self.report();
    }

    /// Tasks that their owner has.
    pub(crate) fn taken(&self, owner: &str, rows: u64, bytes: usize) {
        if let Some(waiting) = self.lock().get_mut(owner) {
            waiting.rows = waiting.rows.saturating_sub(rows);
            waiting.bytes = waiting.bytes.saturating_sub(bytes);
        }
        self.report();
    }

    /// Whether so much waits that nobody else's tasks should be taken; the limit in bytes when it is so.
    pub(crate) fn is_full(&self) -> Option<usize> {
        let bytes: usize = self.lock().values().map(|waiting| waiting.bytes).sum();
        (bytes >= MAX_BYTES).then_some(MAX_BYTES)
    }

    fn report(&self) {
        let rows: u64 = self.lock().values().map(|waiting| waiting.rows).sum();
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        gauge!(names::WORKER_HANDOFF_ROWS).set(rows as f64);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Waiting>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn add(&mut self, bytes: usize) {
        self.rows += 1;
        self.bytes += bytes;
    }
}
