//! Runs on their way back into memory that take long to read.
//!
//! Other threads read them, a few at a time and one of a tenant; who wants to be next is asked round robin over the
//! tenants. Whatever came for such a run waits for it in its order: a timer stays in the journal until then, and holds
//! up what is due after it of the same tenant and lane; a step keeps the place that was taken for it, and is the only
//! one of its tenant that does. So however many of a tenant's runs would come back, a few are remembered here.

use std::collections::{HashMap, HashSet};

use domain::ids::{RunId, TenantId};
use minireipaz::fair::{FairQueue, PlaceLimits};

use crate::journal::TimerRow;

/// Runs that are read at a time, of one tenant one. How many wait is bounded by what may wait for them.
const READS: PlaceLimits = PlaceLimits { places: 3, share: 1, waiting: usize::MAX };

/// What came for a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Errand {
    /// A timer is due.
    Timer(TimerRow),
    /// One of its steps may begin: the place is taken.
    Step,
    /// Another run may have its seat.
    Seat,
}

/// Tells one read of a run from another that was begun for it earlier.
pub(super) type Ticket = u64;

pub(super) struct Returning {
    queue: FairQueue<TenantId, RunId>,
    runs: HashMap<RunId, Return>,
    /// Tenants of which a place for a step is kept here.
    stepping: HashSet<TenantId>,
    tickets: Ticket,
}

struct Return {
    tenant: TenantId,
    ticket: Ticket,
    errands: Vec<Errand>,
}

impl Returning {
    pub(super) fn new() -> Self {
        Self { queue: FairQueue::new(READS), runs: HashMap::new(), stepping: HashSet::new(), tickets: 0 }
    }

    /// Whether that run is on its way.
    pub(super) fn has(&self, run: RunId) -> bool {
        self.runs.contains_key(&run)
    }

    /// Whether a step of the tenant's waits for its run here.
    pub(super) fn has_step(&self, tenant: &TenantId) -> bool {
        self.stepping.contains(tenant)
    }

    /// How many are being read.
    pub(super) const fn reading(&self) -> usize {
        self.queue.taken().taken()
    }

    /// Something has come for a run; it is sent for, unless it is on its way already.
    pub(super) fn send_for(&mut self, tenant: &TenantId, run: RunId, errand: Errand) {
        if errand == Errand::Step {
            self.stepping.insert(tenant.clone());
        }
        let Self { queue, runs, tickets, .. } = self;
        let coming = runs.entry(run).or_insert_with(|| {
            *tickets += 1;
            // Any number may wait.
            let _ = queue.push(tenant, run);
            Return { tenant: tenant.clone(), ticket: *tickets, errands: Vec::new() }
        });
        if !coming.errands.contains(&errand) {
            coming.errands.push(errand);
        }
    }

    /// The run that is to be read next; a place is taken for it.
    pub(super) fn next(&mut self) -> Option<(TenantId, RunId, Ticket)> {
        let (tenant, run) = self.queue.next(|_, _| true)?;
        let ticket = self.runs.get(&run).map_or(0, |coming| coming.ticket);
        Some((tenant, run, ticket))
    }

    /// A run was read: gives the place back. What waited for it, in its order; `None`: nobody waits for that any more.
    pub(super) fn read(&mut self, tenant: &TenantId, run: RunId, ticket: Ticket) -> Option<Vec<Errand>> {
        self.queue.give_back(tenant);
        self.runs.get(&run).filter(|coming| coming.ticket == ticket)?;
        self.remove(run).map(|(_, errands)| errands)
    }

    /// A run need not come any more; whose it is, and what waited for it.
    pub(super) fn cancel(&mut self, run: RunId) -> Option<(TenantId, Vec<Errand>)> {
        let (tenant, errands) = self.remove(run)?;
        self.queue.retain(&tenant, |waiting| *waiting != run);
        Some((tenant, errands))
    }

    fn remove(&mut self, run: RunId) -> Option<(TenantId, Vec<Errand>)> {
        let Return { tenant, errands, .. } = self.runs.remove(&run)?;
        if errands.contains(&Errand::Step) {
            self.stepping.remove(&tenant);
        }
        Some((tenant, errands))
    }
}

#[cfg(test)]
mod tests {
    use domain::timestamp::Timestamp;

    use super::*;
    use crate::journal::Lane;

    fn tenant(name: &str) -> TenantId {
        TenantId::parse(name).unwrap()
    }

    fn run(n: u128) -> RunId {
        RunId(uuid::Uuid::from_u128(n))
    }

    fn timer(name: &str, n: u128, lane: Lane) -> Errand {
        let (tenant, timer) = (tenant(name), Vec::new());
        Errand::Timer(TimerRow { lane, tenant, at: Timestamp::from_millis(1), run: run(n), timer, bytes: 0 })
    }

    fn next(returning: &mut Returning) -> Option<(RunId, Ticket)> {
        returning.next().map(|(_, run, ticket)| (run, ticket))
    }

    #[test]
    fn one_of_a_tenant_is_read_at_a_time_and_others_runs_are_read_beside_it() {
        let mut returning = Returning::new();
        for n in 1..=5 {
            returning.send_for(&tenant("busy"), run(n), timer("busy", n, Lane::Wake));
        }
        let (first, ticket) = next(&mut returning).unwrap();
        assert_eq!((first, next(&mut returning)), (run(1), None));
        for (n, name) in [(6, "one"), (7, "two"), (8, "three")] {
            returning.send_for(&tenant(name), run(n), Errand::Step);
        }
        assert_eq!(
            [next(&mut returning), next(&mut returning)].map(|next| next.unwrap().0),
            [run(6), run(7)]
        );
        assert_eq!((next(&mut returning), returning.reading()), (None, 3), "all are taken");
        // Whose turn it is goes round.
        returning.read(&tenant("busy"), first, ticket).unwrap();
        assert_eq!(next(&mut returning).unwrap().0, run(2));
        returning.read(&tenant("busy"), run(2), 2).unwrap();
        assert_eq!(next(&mut returning).unwrap().0, run(8), "before the busy tenant's next one");
    }

    #[test]
    fn what_comes_for_a_run_waits_in_its_order_and_once() {
        let mut returning = Returning::new();
        let (acme, id) = (tenant("acme"), run(1));
        let errands = [timer("acme", 1, Lane::Wake), Errand::Step, timer("acme", 1, Lane::End)];
        for errand in errands.iter().chain(&errands) {
            returning.send_for(&acme, id, errand.clone());
        }
        assert!(returning.has(id) && returning.has_step(&acme) && !returning.has_step(&tenant("other")));
        let (_, ticket) = next(&mut returning).unwrap();
        assert_eq!(next(&mut returning), None, "it is read once");
        assert_eq!(returning.read(&acme, id, ticket).unwrap(), errands);
        assert!(!returning.has(id) && !returning.has_step(&acme));
        assert_eq!(returning.reading(), 0);
    }

    #[test]
    fn a_read_that_nobody_waits_for_any_more_is_told_from_the_next_one_of_the_same_run() {
        let mut returning = Returning::new();
        let (acme, id) = (tenant("acme"), run(1));
        returning.send_for(&acme, id, Errand::Step);
        let (_, first) = next(&mut returning).unwrap();
        assert_eq!(returning.cancel(id), Some((acme.clone(), vec![Errand::Step])));
        returning.send_for(&acme, id, timer("acme", 1, Lane::Wake));
        assert_eq!(returning.read(&acme, id, first), None);
        let (_, second) = next(&mut returning).unwrap();
        assert_eq!(returning.read(&acme, id, second).unwrap().len(), 1);
        // Nor is one read that was given up before its turn came.
        returning.send_for(&acme, id, Errand::Step);
        returning.cancel(id);
        assert_eq!((next(&mut returning), returning.has_step(&acme)), (None, false));
    }
}
