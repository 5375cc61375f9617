//! How much memory the runs take, by tenant, and which of them may leave it.
//!
//! Runs are measured when they change. While a tenant's runs take more than it may have ([`Shares`]), those of them
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
use minireipaz::{fair::Shares, telemetry::names};
use serde_json::json;

pub(super) struct RunMemory {
    bytes: Shares<TenantId>,
    /// Kept for what a step under way may bring.
    step_bytes: usize,
    /// Runs in memory without a step under way.
    idle: HashMap<TenantId, HashSet<RunId>>,
    /// Runs with a step that waits for a place, which are in the journal only.
    set_aside: HashSet<RunId>,
}

impl RunMemory {
    /// Memory of so many bytes, for runs of which so many steps are under way at a time.
    pub(super) fn new(limit: usize, max_steps: usize) -> Self {
        // All places' together take half of what there is, so that they alone never stop a tenant.
        let step_bytes = (limit / 2 / max_steps.max(1)).min(MAX_STEP_OUTPUT_BYTES);
        Self { bytes: Shares::halves(limit), step_bytes, idle: HashMap::new(), set_aside: HashSet::new() }
    }

    /// How much all runs in memory take.
    pub(super) const fn taken(&self) -> usize {
        self.bytes.taken()
    }

    /// Whether the tenant's runs take no more than they may.
    pub(super) fn has_room(&self, tenant: &TenantId) -> bool {
        self.bytes.has_room(tenant)
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
        let limit = self.bytes.limit() / 2;
        (bytes > limit).then(|| {
            let message = format!(
                "what the run's steps gave takes {bytes} bytes of the worker's memory, above the limit of {limit} for \
                 a run (half of WORKER_MAX_RUN_BYTES); hand on less data from step to step"
            );
            let details = json!({ "limit": "WORKER_MAX_RUN_BYTES", "most": limit });
            NodeError::new("limit", message).with_details(details)
        })
    }

    /// A run is in memory now.
    pub(super) fn hold(&mut self, tenant: &TenantId, run: RunId, bytes: usize) {
        self.bytes.take(tenant, bytes);
        self.set_aside.remove(&run);
    }

    /// A run in memory takes another amount now.
    pub(super) fn change(&mut self, tenant: &TenantId, before: usize, now: usize) {
        self.bytes.take(tenant, now.saturating_sub(before));
        self.bytes.give_back(tenant, before.saturating_sub(now));
    }

    /// A run is not in memory any more.
    pub(super) fn let_go(&mut self, tenant: &TenantId, run: RunId, bytes: usize) {
        self.bytes.give_back(tenant, bytes);
        if let Some(idle) = self.idle.get_mut(tenant) {
            idle.remove(&run);
            if idle.is_empty() {
                self.idle.remove(tenant);
            }
        }
    }

    /// A run has no step under way now.
    pub(super) fn rests(&mut self, tenant: &TenantId, run: RunId) {
        match self.idle.get_mut(tenant) {
            Some(idle) => {
                idle.insert(run);
            }
            None => {
                self.idle.insert(tenant.clone(), HashSet::from([run]));
            }
        }
    }

    /// The tenant's runs that had no step under way when they rested.
    pub(super) fn take_idle(&mut self, tenant: &TenantId) -> HashSet<RunId> {
        self.idle.remove(tenant).unwrap_or_default()
    }

    /// A run with a step that waits for a place has left memory.
    pub(super) fn set_aside(&mut self, run: RunId) {
        self.set_aside.insert(run);
    }

    /// A run that was set aside is nowhere any more.
    pub(super) fn is_gone(&mut self, run: RunId) {
        self.set_aside.remove(&run);
    }

    /// Whether a run with a step that waits for a place is in the journal only.
    pub(super) fn is_aside(&self, run: RunId) -> bool {
        self.set_aside.contains(&run)
    }

    /// How many runs with a step that waits for a place are in the journal only.
    pub(super) fn aside(&self) -> usize {
        self.set_aside.len()
    }

    /// Those runs; they are not set aside any more.
    pub(super) fn take_aside(&mut self) -> HashSet<RunId> {
        std::mem::take(&mut self.set_aside)
    }

    pub(super) fn report(&self) {
        #[expect(clippy::cast_precision_loss, reason = "gauges")]
        {
            gauge!(names::WORKER_RUN_BYTES).set(self.taken() as f64);
            gauge!(names::WORKER_RUNS_ASIDE).set(self.aside() as f64);
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
        let mut memory = RunMemory::new(1_000, 10);
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
        let mut memory = RunMemory::new(1_000, 10);
        let mut places = Shares::new(10, 10);
        places.take(&busy, 9);
        assert!(memory.may_begin(&busy, &places), "alone they never stop a tenant");
        memory.hold(&busy, run(1), 400);
        assert!(memory.has_room(&busy) && !memory.may_begin(&busy, &places));
    }

    #[test]
    fn runs_at_rest_are_told_once_and_those_that_leave_are_forgotten() {
        let (one, two) = (tenant("one"), tenant("two"));
        let mut memory = RunMemory::new(1_000, 10);
        for (tenant, n) in [(&one, 1), (&one, 2), (&two, 3)] {
            memory.hold(tenant, run(n), 10);
            memory.rests(tenant, run(n));
        }
        memory.let_go(&one, run(1), 10);
        assert_eq!(memory.take_idle(&one), HashSet::from([run(2)]));
        assert_eq!(memory.take_idle(&one), HashSet::new());
        memory.let_go(&two, run(3), 10);
        assert!(memory.idle.is_empty());
        memory.set_aside(run(2));
        assert!(memory.is_aside(run(2)));
        memory.hold(&one, run(2), 10);
        assert_eq!(memory.aside(), 0);
    }

    #[test]
    fn the_error_of_a_run_that_takes_too_much_names_the_limit() {
        let memory = RunMemory::new(1_000, 10);
        assert_eq!(memory.refusal(500), None);
        let error = memory.refusal(501).unwrap();
        assert!(error.message.contains("501 bytes") && error.message.contains("limit of 500"), "{error:?}");
        assert!(error.message.contains("WORKER_MAX_RUN_BYTES"));
    }
}
