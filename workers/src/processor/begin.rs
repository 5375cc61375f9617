//! Which runs are in memory, and which of their steps begin.

use std::time::Duration;

use domain::{
    ids::{RunId, TenantId},
    timestamp::Timestamp,
};

use super::{active::Active, core::Core};
use crate::{
    caught::{Panicked, caught},
    crash_points::{CrashPoint, may_panic, pass},
    runner::Attempt,
};

/// A parked run whose timer is due that soon stays in memory.
const SOON: Duration = Duration::from_secs(1);

impl Core {
    /// Keeps a run in memory.
    pub(super) fn hold(&mut self, run: RunId, active: Active) {
        self.memory.hold(&active.state.header().tenant, run, active.weight());
        self.runs.insert(run, active);
    }

    /// Forgets a run.
    pub(super) fn let_go(&mut self, run: RunId) -> Option<Active> {
        let active = self.runs.remove(&run)?;
        self.memory.let_go(&active.state.header().tenant, run, active.weight());
        Some(active)
    }

    /// Forgets a run for good; memory that is much is freed elsewhere.
    pub(super) fn forget(&mut self, run: RunId) {
        if let Some(active) = self.let_go(run) {
            pass(CrashPoint::RunLeavesMemory);
            self.aside.dispose(active.weight(), active);
        }
    }

    /// Lets a run leave memory that has ended, or that will only wait for a while: its timer brings it back. And while
    /// its tenant's runs take more memory than they may, so does one without a step under way.
    pub(super) fn let_rest(&mut self, run: RunId, now: Timestamp) {
        let Some(active) = self.runs.get(&run) else { return };
        let parked = active.state.is_parked();
        let sleeps = || parked && active.next_due().is_some_and(|due| due > now.plus(SOON));
        if active.state.is_terminal() || active.state.is_queued() || sleeps() {
            self.forget(run);
            return;
        }
        let tenant = active.state.header().tenant.clone();
        if !self.dispatcher.is_busy(run) {
            self.memory.rests(&tenant, run);
        }
        if parked {
            self.memory.dozes(&tenant, run);
        }
        if self.memory.has_room(&tenant) {
            return;
        }
        for run in self.memory.take_idle(&tenant) {
            if self.dispatcher.is_busy(run) {
                continue;
            }
            let active = self.runs.get(&run);
            let waits_for_a_place = active.is_some_and(|active| active.state.running().next().is_some());
            self.forget(run);
            if waits_for_a_place {
                self.memory.set_aside(&tenant, run);
            }
        }
    }

    /// Whether another of the tenant's runs may begin, or go on that is not in memory.
    pub(super) fn may_come(&self, tenant: &TenantId) -> bool {
        self.memory.may_come(tenant) && self.backlog.has_room(tenant)
    }

    /// Lets those of the tenant's runs leave memory that only wait for one of their timers, though it is due soon: they
    /// may not take the room that the timer needs. (What this turn has changed of a run must be written first.)
    pub(super) fn make_room(&mut self, tenant: &TenantId) {
        for run in self.memory.take_dozing(tenant) {
            let only_waits = |active: &Active| active.state.is_parked() && active.pending.is_none();
            if self.runs.get(&run).is_some_and(only_waits) {
                self.forget(run);
            }
        }
    }

    /// Lets a run wait until a step of it may begin. While its tenant's runs take more memory than they may, one that is
    /// in the middle of its work comes before those that would have to be read for it.
    pub(super) fn let_wait(&mut self, run: RunId) {
        let Some(active) = self.runs.get(&run) else { return };
        let tenant = &active.state.header().tenant;
        let goes_on =
            active.stored.as_ref().is_some_and(|stored| stored.rows > 1 || stored.progress_bytes > 0);
        if goes_on && !self.memory.has_room(tenant) {
            self.dispatcher.enqueue_first(tenant, run);
        } else {
            self.dispatcher.enqueue(tenant, run);
        }
    }

    /// Begins the steps that may begin now. A run that is in the journal only comes back first, in a later turn.
    pub(super) fn begin_steps(&mut self) {
        for (tenant, run) in std::mem::take(&mut self.coming) {
            if self.draining() {
                self.dispatcher.give_back(&tenant);
            } else {
                self.begin_step(&tenant, run);
            }
        }
        loop {
            let Self { dispatcher, memory, backlog, returning, .. } = self;
            let next = dispatcher.next(|tenant, places| {
                memory.may_begin(tenant, places) && backlog.has_room(tenant) && !returning.has_step(tenant)
            });
            let Some((tenant, run)) = next else { return };
            if self.memory.is_aside(run) {
                self.coming.push((tenant, run));
                return;
            }
            self.begin_step(&tenant, run);
        }
    }

    /// Begins a step of that run, if one waits, on the place that was taken for it.
    fn begin_step(&mut self, tenant: &TenantId, run: RunId) {
        let waiting = caught(|| self.waiting_step(run));
        match waiting {
            Err(Panicked) => {
                self.dispatcher.give_back(tenant);
                self.broken.push(run);
            }
            Ok(Some((attempt, more))) => {
                pass(CrashPoint::BeforeStepBegins);
                self.dispatcher.start(attempt);
                if more {
                    self.dispatcher.enqueue(tenant, run);
                }
            }
            // It came back in vain, or what waited was cut off.
            Ok(None) => {
                self.dispatcher.give_back(tenant);
                if self.memory.is_aside(run) {
                    self.dispatcher.enqueue(tenant, run);
                }
            }
        }
    }

    /// An attempt of that run that waits for its place, and whether another one does.
    fn waiting_step(&self, run: RunId) -> Option<(Attempt, bool)> {
        let active = self.runs.get(&run)?;
        let under_way = active.state.running().map(|(step, _)| step);
        let mut waiting = under_way.filter(|step| !self.dispatcher.is_running(&(run, step.clone())));
        let step = waiting.next()?;
        if let Some(node) = active.state.definition().nodes.get(step.node) {
            may_panic(&node.id, "beginning");
        }
        Some((active.under_way(step)?, waiting.next().is_some()))
    }
}
