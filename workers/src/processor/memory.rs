//! How many runs are under way and how much memory they take, by tenant, and which of them may leave it.
//!
//! A run begins, and one that waited goes on, while its tenant's runs are fewer and take less than they may ([`Shares`]).
//! Runs are measured when they change. While a tenant's runs take more than it may have, those of them
//! that have no step under way leave memory, and are folded from the journal again when their turn comes; and its
//! steps wait, but for one at a time, which always may go on: so everything comes to its end, and nobody else waits
//! for it. A single run may take as much as a tenant may have alone.

use std::collections::{HashMap, HashSet};

use domain::{
    ids::{RunId, TenantId},
    limits::MAX_STEP_OUTPUT_BYTES,
    run::NodeError,
};
use metrics::gauge;
use minireipaz::{
    fair::{Shares, half},
    telemetry::names,
};
use serde_json::json;

pub(super) struct RunMemory {
    /// Runs in memory, and those that were set aside.
    runs: Shares<TenantId>,
    bytes: Shares<TenantId>,
    /// Kept for what a step under way may bring.
    step_bytes: usize,
    /// Runs in memory without a step under way.
    idle: HashMap<TenantId, HashSet<RunId>>,
    /// Those of them that will go on soon by one of their timers.
    dozing: HashMap<TenantId, HashSet<RunId>>,
    /// Runs that are in the journal only, and count all the same.
    outside: HashMap<RunId, Outside>,
    /// How many of them have a step that waits for a place.
    aside: usize,
}

/// A run that is in the journal only.
struct Outside {
    tenant: TenantId,
    /// Whether a step of it waits for a place.
    aside: bool,
    /// It is on its way into memory: what is kept for it there, in bytes.
    expected: Option<usize>,
}

impl RunMemory {
    /// Memory of so many bytes for so many runs, of which one tenant has so many steps under way at a time.
    pub(super) fn new(runs: usize, bytes: usize, steps: usize) -> Self {
        // What a tenant's places take together is what it may have: so they alone never stop it.
        let step_bytes = (half(bytes) / steps.max(1)).min(MAX_STEP_OUTPUT_BYTES);
        Self {
            runs: Shares::halves(runs),
            bytes: Shares::halves(bytes),
            step_bytes,
            idle: HashMap::new(),
            dozing: HashMap::new(),
            outside: HashMap::new(),
            aside: 0,
        }
    }

    /// How much all runs in memory take.
    pub(super) const fn taken(&self) -> usize {
        self.bytes.taken()
    }

    /// Whether the tenant's runs take no more than they may.
    pub(super) fn has_room(&self, tenant: &TenantId) -> bool {
        self.bytes.has_room(tenant)
    }

    /// Whether another run of the tenant's may begin, or go on that is not in memory.
    pub(super) fn may_come(&self, tenant: &TenantId) -> bool {
        self.runs.has_room(tenant) && self.has_room(tenant)
    }

    /// Whether a step of the tenant's may begin, beside those that hold `places`.
    pub(super) fn may_begin(&self, tenant: &TenantId, places: &Shares<TenantId>) -> bool {
        let (own, all) = (places.of(tenant), places.taken());
        let with = |bytes: usize, steps: usize| bytes.saturating_add(steps.saturating_mul(self.step_bytes));
        own == 0
            || self.bytes.would_have_room(with(self.bytes.of(tenant), own), with(self.bytes.taken(), all))
    }

    /// Why a run that takes so much cannot go on; `None`: it can.
    pub(super) fn refusal(&self, bytes: usize) -> Option<NodeError> {
        let limit = half(self.bytes.limit());
        (bytes > limit).then(|| {
            let message = format!(
                "what the run's steps gave takes {bytes} bytes of the worker's memory, above the limit of {limit} for \
                 a run (half of WORKER_MAX_RUN_BYTES); hand on less data from step to step"
            );
            let details = json!({ "limit": "WORKER_MAX_RUN_BYTES", "most": limit });
            NodeError::new("limit", message).with_details(details)
        })
    }

    /// A run is in memory now, which was nowhere or in the journal only.
    pub(super) fn hold(&mut self, tenant: &TenantId, run: RunId, bytes: usize) {
        self.is_gone(run);
        self.runs.take(tenant, 1);
        self.bytes.take(tenant, bytes);
    }

    /// A run in memory takes another amount now.
    pub(super) fn change(&mut self, tenant: &TenantId, before: usize, now: usize) {
        self.bytes.take(tenant, now.saturating_sub(before));
        self.bytes.give_back(tenant, before.saturating_sub(now));
    }

    /// A run is not in memory any more.
    pub(super) fn let_go(&mut self, tenant: &TenantId, run: RunId, bytes: usize) {
        self.runs.give_back(tenant, 1);
        self.bytes.give_back(tenant, bytes);
        for sets in [&mut self.idle, &mut self.dozing] {
            if let Some(runs) = sets.get_mut(tenant) {
                runs.remove(&run);
                if runs.is_empty() {
                    sets.remove(tenant);
                }
            }
        }
    }

    /// A run has no step under way now.
    pub(super) fn rests(&mut self, tenant: &TenantId, run: RunId) {
        insert(&mut self.idle, tenant, run);
    }

    /// A run that rests will go on by one of its timers.
    pub(super) fn dozes(&mut self, tenant: &TenantId, run: RunId) {
        insert(&mut self.dozing, tenant, run);
    }

    /// The tenant's runs that had no step under way when they rested.
    pub(super) fn take_idle(&mut self, tenant: &TenantId) -> HashSet<RunId> {
        self.idle.remove(tenant).unwrap_or_default()
    }

    /// Those of them that one of their timers was to go on with.
    pub(super) fn take_dozing(&mut self, tenant: &TenantId) -> HashSet<RunId> {
        self.dozing.remove(tenant).unwrap_or_default()
    }

    /// A run with a step that waits for a place has left memory.
    pub(super) fn set_aside(&mut self, tenant: &TenantId, run: RunId) {
        let outside = Self::outside(&mut self.outside, &mut self.runs, tenant, run);
        self.aside += usize::from(!outside.aside);
        outside.aside = true;
    }

    /// A run is on its way into memory, where it will take about so much.
    pub(super) fn expects(&mut self, tenant: &TenantId, run: RunId, bytes: usize) {
        let outside = Self::outside(&mut self.outside, &mut self.runs, tenant, run);
        if outside.expected.is_none() {
            outside.expected = Some(bytes);
            self.bytes.take(tenant, bytes);
        }
    }

    /// A run does not come into memory after all.
    pub(super) fn gives_up(&mut self, run: RunId) {
        let Some(outside) = self.outside.get_mut(&run) else { return };
        if let Some(bytes) = outside.expected.take() {
            self.bytes.give_back(&outside.tenant, bytes);
        }
        if !outside.aside {
            self.is_gone(run);
        }
    }

    fn outside<'o>(
        all: &'o mut HashMap<RunId, Outside>,
        runs: &mut Shares<TenantId>,
        tenant: &TenantId,
        run: RunId,
    ) -> &'o mut Outside {
        all.entry(run).or_insert_with(|| {
            runs.take(tenant, 1);
            Outside { tenant: tenant.clone(), aside: false, expected: None }
        })
    }

    /// A run that is in the journal only is so no more: it is in memory, or nowhere.
    pub(super) fn is_gone(&mut self, run: RunId) {
        if let Some(Outside { tenant, aside, expected }) = self.outside.remove(&run) {
            self.aside -= usize::from(aside);
            self.runs.give_back(&tenant, 1);
            self.bytes.give_back(&tenant, expected.unwrap_or_default());
        }
    }

    /// Whether a run with a step that waits for a place is in the journal only.
    pub(super) fn is_aside(&self, run: RunId) -> bool {
        self.outside.get(&run).is_some_and(|outside| outside.aside)
    }

    /// How many runs with a step that waits for a place are in the journal only.
    pub(super) const fn aside(&self) -> usize {
        self.aside
    }

    /// Those runs; they are not set aside any more.
    pub(super) fn take_aside(&mut self) -> Vec<RunId> {
        let aside = self.outside.iter().filter(|(_, outside)| outside.aside);
        let runs: Vec<_> = aside.map(|(run, _)| *run).collect();
        runs.iter().for_each(|run| self.is_gone(*run));
        runs
    }

    pub(super) fn report(&self) {
        #[expect(clippy::cast_precision_loss, reason = "gauges")]
        {
            gauge!(names::WORKER_RUN_BYTES).set(self.taken() as f64);
            gauge!(names::WORKER_RUNS_ASIDE).set(self.aside() as f64);
        }
    }
}

fn insert(sets: &mut HashMap<TenantId, HashSet<RunId>>, tenant: &TenantId, run: RunId) {
    match sets.get_mut(tenant) {
        Some(runs) => {
            runs.insert(run);
        }
        None => {
            sets.insert(tenant.clone(), HashSet::from([run]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::parse(name).unwrap()
    }

    fn run(n: u128) -> RunId {
        RunId(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn a_tenant_whose_runs_take_too_much_has_one_step_at_a_time_and_another_all_it_wants() {
        let (busy, other) = (tenant("busy"), tenant("other"));
        let mut memory = RunMemory::new(9, 1_000, 10);
        let mut places = Shares::halves(10);
        memory.hold(&busy, run(1), 499);
        assert!(memory.has_room(&busy));
        memory.change(&busy, 499, 600);
        assert!(!memory.has_room(&busy) && memory.has_room(&other));
        assert!(memory.may_begin(&busy, &places), "one may always go on");
        places.take(&busy, 1);
        assert!(!memory.may_begin(&busy, &places));
        places.take(&other, 1);
        assert!(memory.may_begin(&other, &places));
        memory.let_go(&busy, run(1), 600);
        assert!(memory.may_begin(&busy, &places));
        assert_eq!(memory.taken(), 0);
    }

    #[test]
    fn steps_under_way_count_with_what_they_may_bring() {
        let busy = tenant("busy");
        let mut memory = RunMemory::new(9, 1_000, 10);
        let mut places = Shares::new(20, 10);
        places.take(&busy, 9);
        assert!(memory.may_begin(&busy, &places), "alone they never stop a tenant");
        memory.hold(&busy, run(1), 100);
        assert!(!memory.may_begin(&busy, &places), "each of the places takes 50 of the tenant's 500");
        places.give_back(&busy, 2);
        assert!(memory.may_begin(&busy, &places));
    }

    #[test]
    fn steps_that_all_bring_as_much_as_is_kept_for_them_never_take_more_than_there_is() {
        let memory = RunMemory::new(9, 512 << 20, 128);
        let mut places = Shares::<TenantId>::halves(256);
        let tenants = ["one", "two", "three"].map(tenant);
        while let Some(tenant) = tenants
            .iter()
            .filter(|tenant| places.has_room(tenant) && memory.may_begin(tenant, &places))
            .min_by_key(|tenant| places.of(tenant))
        {
            places.take(tenant, 1);
        }
        assert!(tenants.iter().all(|tenant| places.of(tenant) >= 63), "memory keeps no place empty");
        assert!(places.taken() * (2 << 20) <= 512 << 20);
    }

    #[test]
    fn a_tenant_has_half_of_the_runs_also_of_those_that_were_set_aside_and_another_finds_room() {
        let (busy, other) = (tenant("busy"), tenant("other"));
        let mut memory = RunMemory::new(4, 1_000, 10);
        memory.hold(&busy, run(1), 1);
        assert!(memory.may_come(&busy));
        memory.hold(&busy, run(2), 1);
        memory.let_go(&busy, run(2), 1);
        memory.set_aside(&busy, run(2));
        assert!(!memory.may_come(&busy) && memory.may_come(&other));
        memory.hold(&busy, run(2), 1);
        assert!(!memory.may_come(&busy), "it is the same run");
        memory.let_go(&busy, run(2), 1);
        assert!(memory.may_come(&busy));
        memory.set_aside(&busy, run(2));
        assert_eq!(memory.take_aside(), [run(2)]);
        memory.let_go(&busy, run(1), 1);
        assert_eq!((memory.runs.taken(), memory.bytes.taken()), (0, 0));
    }

    #[test]
    fn runs_at_rest_are_told_once_and_those_that_leave_are_forgotten() {
        let (one, two) = (tenant("one"), tenant("two"));
        let mut memory = RunMemory::new(9, 1_000, 10);
        for (tenant, n) in [(&one, 1), (&one, 2), (&two, 3)] {
            memory.hold(tenant, run(n), 10);
            memory.rests(tenant, run(n));
        }
        memory.dozes(&one, run(1));
        memory.let_go(&one, run(1), 10);
        assert_eq!(memory.take_idle(&one), HashSet::from([run(2)]));
        assert_eq!(memory.take_idle(&one), HashSet::new());
        assert_eq!(memory.take_dozing(&one), HashSet::new());
        memory.let_go(&two, run(3), 10);
        assert!(memory.idle.is_empty() && memory.dozing.is_empty());
        memory.set_aside(&one, run(2));
        assert!(memory.is_aside(run(2)));
        memory.hold(&one, run(2), 10);
        assert_eq!(memory.aside(), 0);
    }

    #[test]
    fn a_run_on_its_way_counts_as_if_it_were_there_and_once() {
        let busy = tenant("busy");
        let mut memory = RunMemory::new(9, 1_000, 10);
        memory.set_aside(&busy, run(1));
        for _ in 0..2 {
            memory.expects(&busy, run(1), 600);
            memory.expects(&busy, run(2), 30);
        }
        assert_eq!((memory.runs.taken(), memory.taken(), memory.aside()), (2, 630, 1));
        assert!(!memory.has_room(&busy));
        memory.gives_up(run(1));
        memory.gives_up(run(2));
        assert_eq!((memory.runs.taken(), memory.taken()), (1, 0), "one of them waits for a place as before");
        memory.expects(&busy, run(1), 600);
        memory.hold(&busy, run(1), 500);
        assert_eq!((memory.runs.taken(), memory.taken(), memory.aside()), (1, 500, 0));
        memory.let_go(&busy, run(1), 500);
        assert_eq!((memory.runs.taken(), memory.taken()), (0, 0));
    }

    #[test]
    fn the_error_of_a_run_that_takes_too_much_names_the_limit() {
        let memory = RunMemory::new(9, 1_000, 10);
        assert_eq!(memory.refusal(500), None);
        let error = memory.refusal(501).unwrap();
        assert!(error.message.contains("501 bytes") && error.message.contains("limit of 500"), "{error:?}");
        assert!(error.message.contains("WORKER_MAX_RUN_BYTES"));
    }
}
