//! Runs that ended lately: the journal has forgotten them, and the store may not have them yet.
//!
//! They are kept until the store has confirmed them, and a little longer for those who are about to ask. Room for them
//! is bounded in count and bytes; a tenant that ends more than it has room for loses its own oldest ones, which are then
//! the store's alone.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{ids::TenantId, run::RunKey};
use minireipaz::fair::Shares;

use super::View;

/// How long a run is kept once the store has it.
const LINGER: Duration = Duration::from_secs(5);

/// Bounds of what is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndedLimits {
    pub(crate) runs: usize,
    pub(crate) bytes: usize,
}

/// Runs that ended lately, by the sequence of the row that tells the store of their end.
#[derive(Debug)]
pub(super) struct Ended {
    runs: HashMap<u64, (RunKey, Arc<View>)>,
    places: HashMap<RunKey, u64>,
    of_tenant: HashMap<TenantId, BTreeSet<u64>>,
    count: Shares<TenantId>,
    bytes: Shares<TenantId>,
    /// Those that the store has, with the moment up to which they are kept.
    confirmed: VecDeque<(Instant, u64)>,
}

impl Ended {
    pub(super) fn new(limits: EndedLimits) -> Self {
        Self {
            runs: HashMap::new(),
            places: HashMap::new(),
            of_tenant: HashMap::new(),
            count: Shares::halves(limits.runs),
            bytes: Shares::halves(limits.bytes),
            confirmed: VecDeque::new(),
        }
    }

    pub(super) fn get(&self, key: &RunKey) -> Option<&Arc<View>> {
        Some(&self.runs.get(self.places.get(key)?)?.1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Keeps a run. What has to go for it, or is replaced by it, is given back: to be dropped where nobody waits.
    pub(super) fn keep(&mut self, key: RunKey, view: Arc<View>, sequence: u64) -> Vec<Arc<View>> {
        let mut gone: Vec<_> = self.forget(&key).into_iter().collect();
        let tenant = key.0.clone();
        // A single one that is larger than a tenant's part is not worth all others.
        if view.bytes() > self.bytes.limit() / 4 {
            gone.push(view);
            return gone;
        }
        while !(self.count.has_room(&tenant) && self.bytes.has_room(&tenant)) {
            let oldest = self.of_tenant.get(&tenant).and_then(|own| own.first().copied());
            let Some(oldest) = oldest else {
                gone.push(view);
                return gone;
            };
            gone.extend(self.remove(oldest));
        }
        self.count.take(&tenant, 1);
        self.bytes.take(&tenant, view.bytes());
        self.of_tenant.entry(tenant).or_default().insert(sequence);
        self.places.insert(key.clone(), sequence);
        self.runs.insert(sequence, (key, view));
        gone
    }

    /// The store has these rows. Gives back what is not kept any longer.
    pub(super) fn confirm(&mut self, sequences: &[u64], now: Instant) -> Vec<Arc<View>> {
        for sequence in sequences {
            if self.runs.contains_key(sequence) {
                self.confirmed.push_back((now + LINGER, *sequence));
            }
        }
        let mut gone = Vec::new();
        while let Some((until, sequence)) = self.confirmed.front()
            && *until <= now
        {
            gone.extend(self.remove(*sequence));
            self.confirmed.pop_front();
        }
        gone
    }

    /// Forgets a run: it goes on with another attempt.
    pub(super) fn forget(&mut self, key: &RunKey) -> Option<Arc<View>> {
        self.remove(*self.places.get(key)?)
    }

    fn remove(&mut self, sequence: u64) -> Option<Arc<View>> {
        let (key, view) = self.runs.remove(&sequence)?;
        self.places.remove(&key);
        self.count.give_back(&key.0, 1);
        self.bytes.give_back(&key.0, view.bytes());
        if let Some(own) = self.of_tenant.get_mut(&key.0) {
            own.remove(&sequence);
            if own.is_empty() {
                self.of_tenant.remove(&key.0);
            }
        }
        Some(view)
    }
}

#[cfg(test)]
mod tests {
    use domain::{
        ids::{RunId, WorkflowId},
        run::{NewRun, RunWithSteps, Trigger},
        timestamp::Timestamp,
    };
    use uuid::Uuid;

    use super::*;

    fn key(tenant: &str, n: u64) -> RunKey {
        (TenantId::parse(tenant).unwrap(), RunId(Uuid::from_u128(u128::from(n))))
    }

    fn view(bytes: usize) -> Arc<View> {
        let run = NewRun {
            id: RunId(Uuid::nil()),
            workflow_id: WorkflowId(Uuid::nil()),
            workflow_version: 1,
            attempt: 1,
            trigger: Trigger::manual(),
            input: serde_json::Value::Null,
            created_at: Timestamp::from_millis(0),
        };
        Arc::new(View::of_document(RunWithSteps::whole(run.queued(), Vec::new()), bytes / 2))
    }

    const LIMITS: EndedLimits = EndedLimits { runs: 10, bytes: 1_000 };

    #[test]
    fn a_run_is_kept_until_the_store_has_it_and_a_little_longer() {
        let (mut ended, now) = (Ended::new(LIMITS), Instant::now());
        ended.keep(key("a", 1), view(10), 1);
        assert!(ended.confirm(&[7], now + 100 * LINGER).is_empty() && ended.get(&key("a", 1)).is_some());
        assert!(ended.confirm(&[1], now).is_empty() && ended.get(&key("a", 1)).is_some());
        assert_eq!(ended.confirm(&[], now + LINGER).len(), 1);
        assert!(ended.is_empty() && ended.of_tenant.is_empty() && ended.bytes.taken() == 0);
    }

    #[test]
    fn a_tenant_with_more_than_it_has_room_for_loses_its_own_oldest_and_nobody_elses() {
        let mut ended = Ended::new(LIMITS);
        ended.keep(key("other", 100), view(10), 1);
        for n in 0..20 {
            ended.keep(key("busy", n), view(10), 2 + n);
        }
        assert!(ended.get(&key("other", 100)).is_some() && ended.get(&key("busy", 19)).is_some());
        assert!(ended.get(&key("busy", 0)).is_none() && ended.runs.len() < 10);
        for n in 20..40 {
            ended.keep(key("busy", n), view(240), 2 + n);
        }
        assert!(ended.bytes.taken() <= 1_000 && ended.get(&key("other", 100)).is_some());
        assert_eq!(ended.keep(key("busy", 99), view(600), 99).len(), 1, "too large to be kept");
        assert!(ended.get(&key("busy", 39)).is_some());
    }

    #[test]
    fn another_attempt_takes_the_place_of_an_earlier_end() {
        let (mut ended, now) = (Ended::new(LIMITS), Instant::now());
        ended.keep(key("a", 1), view(10), 1);
        assert_eq!(ended.keep(key("a", 1), view(20), 2).len(), 1);
        ended.confirm(&[1], now);
        assert!(ended.confirm(&[], now + 2 * LINGER).is_empty() && ended.get(&key("a", 1)).is_some());
        assert!(ended.forget(&key("a", 1)).is_some() && ended.forget(&key("a", 1)).is_none());
    }
}
