//! What waits to be taken to other workers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::{ids::TenantId, run::NodeError};
use metrics::gauge;
use minireipaz::{
    fair::{FairTurns, Shares},
    telemetry::names,
};
use serde_json::json;
use tokio::sync::Notify;

use crate::journal::{Handoff, HandoffPlace, Journal, JournalError};

/// Bytes of tasks that may wait: a hundred thousand small ones. Of one tenant half of it.
const MAX_BYTES: usize = 256 << 20;
/// What a task costs beside its bytes.
const TASK_COST: usize = 256;

/// What waits, by its owner and in fair turns of the tenants. The tasks themselves are in the journal.
#[derive(Debug)]
pub(crate) struct HandoffQueue {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    owners: BTreeMap<Arc<str>, Waiting>,
    rows: usize,
    bytes: Shares<Owner>,
}

/// Whose a task is; `None`: what says so cannot be read.
type Owner = Option<TenantId>;

#[derive(Debug, Default)]
struct Waiting {
    turns: FairTurns<Owner, Place>,
    wake: Arc<Notify>,
}

/// Which task it is, whose, and how large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) sequence: u64,
    tenant: Owner,
    bytes: usize,
}

impl HandoffQueue {
    /// What the journal holds.
    pub(crate) fn open(journal: &Journal) -> Result<Self, JournalError> {
        let mut state = State::of(MAX_BYTES);
        for HandoffPlace { owner, sequence, tenant, bytes } in journal.read()?.handoffs()? {
            state.add(&owner, Place { sequence, tenant, bytes });
        }
        let handoff_queue = Self { state: Mutex::new(state) };
        handoff_queue.report();
        Ok(handoff_queue)
    }

    /// Whose tasks wait.
    pub(crate) fn owners(&self) -> Vec<Arc<str>> {
        self.lock().owners.keys().cloned().collect()
    }

    /// Told whenever tasks of this owner are added.
    pub(crate) fn bell(&self, owner: &Arc<str>) -> Arc<Notify> {
        Arc::clone(&self.lock().owners.entry(Arc::clone(owner)).or_default().wake)
    }

    /// Tasks that were committed.
    pub(crate) fn add(&self, handoffs: &[Handoff]) {
        if handoffs.is_empty() {
            return;
        }
        {
            let mut state = self.lock();
            for Handoff { owner, sequence, tenant, record } in handoffs {
                let (tenant, bytes) = (Some(tenant.clone()), record.len());
                state.add(owner, Place { sequence: *sequence, tenant, bytes });
            }
        }
        self.report();
    }

    /// The tasks of an owner whose turn it is: at least one if there is any, and then as many as fit.
    pub(crate) fn take(&self, owner: &str, rows: usize, bytes: usize) -> Vec<Place> {
        let (mut taken, mut size) = (Vec::new(), 0u64);
        let mut state = self.lock();
        let Some(waiting) = state.owners.get_mut(owner) else { return taken };
        while let Some((_, cost)) = waiting.turns.peek() {
            size = size.saturating_add(cost);
            if !taken.is_empty() && (taken.len() == rows || size > bytes as u64) {
                break;
            }
            taken.extend(waiting.turns.pop());
        }
        taken
    }

    /// Tasks that their owner has.
    pub(crate) fn taken(&self, places: &[Place]) {
        {
            let mut state = self.lock();
            for Place { tenant, bytes, .. } in places {
                state.bytes.give_back(tenant, *bytes);
            }
            state.rows -= places.len();
        }
        self.report();
    }

    /// Why no more of a tenant's tasks may wait for other workers; `None`: more may.
    pub(crate) fn refusal(&self, tenant: &TenantId) -> Option<NodeError> {
        let state = self.lock();
        let tenant = Some(tenant.clone());
        (!state.bytes.has_room(&tenant)).then(|| {
            let (own, limit) = (state.bytes.of(&tenant), state.bytes.limit());
            let message = format!(
                "the worker that the run belongs to is away, and the tenant's runs that wait for it take {own} bytes, \
                 its part of the {limit} that all may take; start it again later"
            );
            let details = json!({ "limit": "the bytes of tasks that wait for other workers", "most": limit });
            NodeError::new("limit", message).with_details(details)
        })
    }

    /// Whether so much waits that nobody else's tasks should be taken; the limit in bytes when it is so.
    pub(crate) fn is_full(&self) -> Option<usize> {
        let state = self.lock();
        (state.bytes.taken() >= state.bytes.limit()).then(|| state.bytes.limit())
    }

    fn report(&self) {
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        gauge!(names::WORKER_HANDOFF_ROWS).set(self.lock().rows as f64);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn of(limit: usize) -> Self {
        Self { owners: BTreeMap::new(), rows: 0, bytes: Shares::halves(limit) }
    }

    fn add(&mut self, owner: &Arc<str>, place: Place) {
        self.rows += 1;
        self.bytes.take(&place.tenant, place.bytes);
        let waiting = match self.owners.get_mut(owner) {
            Some(waiting) => waiting,
            None => self.owners.entry(Arc::clone(owner)).or_default(),
        };
        let (tenant, cost) = (place.tenant.clone(), (place.bytes + TASK_COST) as u64);
        waiting.turns.push(tenant, place, cost);
        waiting.wake.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handoff(sequence: u64, tenant: &str, bytes: usize) -> Handoff {
        let tenant = TenantId::parse(tenant).unwrap();
        Handoff { owner: "peer".into(), sequence, tenant, record: vec![b'x'; bytes] }
    }

    #[test]
    fn a_tenants_large_tasks_neither_fill_the_queue_nor_come_before_anothers_small_one() {
        let queue = HandoffQueue { state: Mutex::new(State::of(10_000)) };
        let (busy, other) = (TenantId::parse("busy").unwrap(), TenantId::parse("other").unwrap());
        let mut sequence = 0;
        while queue.refusal(&busy).is_none() {
            sequence += 1;
            queue.add(&[handoff(sequence, "busy", 1_000)]);
        }
        assert_eq!(sequence, 5, "half of it");
        assert!(queue.refusal(&busy).unwrap().message.contains("5000 bytes"));
        assert_eq!((queue.refusal(&other), queue.is_full()), (None, None));
        queue.add(&[handoff(6, "other", 10)]);
        let mut came = Vec::new();
        loop {
            let places = queue.take("peer", 100, 2_600);
            if places.is_empty() {
                break;
            }
            queue.taken(&places);
            came.push(places.iter().map(|place| place.sequence).collect::<Vec<_>>());
        }
        assert!(came[0].contains(&6), "{came:?}");
        let mut all = came.concat();
        assert_eq!(
            all.iter().filter(|sequence| **sequence != 6).copied().collect::<Vec<_>>(),
            [1, 2, 3, 4, 5]
        );
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3, 4, 5, 6]);
        let state = queue.lock();
        assert_eq!((state.rows, state.bytes.taken()), (0, 0));
    }
}
