//! Steps on their way: who may run now, and who waits.
//!
//! At most so many steps run at a time, and of one tenant at most its share; while several tenants want all they can
//! get, each has an equal part and one part stays free, so that a tenant that comes new finds a place at once however
//! long the others' steps take. (A step that only waits for a network's answer holds a place like any other: it holds
//! memory and connections too, and the places are what bounds them.) What waits are runs, not steps: which step of a
//! run is next, its state says, so a run that waits may leave memory. Who waits is served round robin over the tenants.

use std::collections::{HashMap, HashSet};

use domain::ids::{RunId, TenantId};
use metrics::gauge;
use minireipaz::{
    fair::{FairQueue, PlaceLimits, Shares},
    telemetry::names,
};
use tokio::{runtime::Handle, task::AbortHandle};
use tokio_util::task::TaskTracker;

use super::{Input, Inputs, weight};
use crate::{
    engine::{Outcome, StepKey},
    runner::{Attempt, Runner},
};

/// A step of a run.
pub(super) type Key = (RunId, StepKey);

pub(super) struct Dispatcher {
    queue: FairQueue<TenantId, RunId>,
    /// The runs in the queue: each waits once, however many of its steps do.
    queued: HashSet<RunId>,
    runner: Runner,
    inputs: Inputs,
    runtime: Handle,
    tasks: TaskTracker,
    running: HashMap<Key, Running>,
    /// How many steps of a run run.
    busy: HashMap<RunId, usize>,
    paused: bool,
}

struct Running {
    tenant: TenantId,
    /// Tells this attempt from an earlier one that is being cut off.
    id: (u32, u32),
    task: AbortHandle,
}

impl Dispatcher {
    /// Runs steps on the current runtime.
    pub(super) fn new((places, share): (usize, usize), runner: Runner, inputs: Inputs) -> Self {
        Self {
            // How many runs wait is bounded by how many there are.
            queue: FairQueue::new(PlaceLimits { places, share, waiting: usize::MAX }),
            queued: HashSet::new(),
            runner,
            inputs,
            runtime: Handle::current(),
            tasks: TaskTracker::new(),
            running: HashMap::new(),
            busy: HashMap::new(),
            paused: false,
        }
    }

    /// How many steps run.
    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    /// Whether that step runs.
    pub(super) fn is_running(&self, key: &Key) -> bool {
        self.running.contains_key(key)
    }

    /// The steps of that run that run.
    pub(super) fn running_of(&self, run: RunId) -> impl Iterator<Item = Key> {
        self.running.keys().filter(move |(of, _)| *of == run).cloned()
    }

    /// Whether a step of that run runs.
    pub(super) fn is_busy(&self, run: RunId) -> bool {
        self.busy.contains_key(&run)
    }

    /// A step of that run waits for a place.
    pub(super) fn enqueue(&mut self, tenant: &TenantId, run: RunId) {
        if self.queued.insert(run) {
            // Any number may wait.
            let _ = self.queue.push(tenant, run);
        }
    }

    /// A step of that run waits for a place, and comes before the tenant's other runs.
    pub(super) fn enqueue_first(&mut self, tenant: &TenantId, run: RunId) {
        if self.queued.insert(run) {
            self.queue.push_first(tenant, run);
        }
    }

    /// The next run of which a step may begin; a place is taken for it.
    pub(super) fn next(
        &mut self,
        may: impl Fn(&TenantId, &Shares<TenantId>) -> bool,
    ) -> Option<(TenantId, RunId)> {
        if self.paused {
            return None;
        }
        let (tenant, run) = self.queue.next(|queue, tenant| may(tenant, queue.taken()))?;
        self.queued.remove(&run);
        Some((tenant, run))
    }

    /// Gives a place back that is not needed after all.
    pub(super) fn give_back(&mut self, tenant: &TenantId) {
        self.queue.give_back(tenant);
    }

    /// Begins a step on the place that was taken for it.
    pub(super) fn start(&mut self, attempt: Attempt) {
        let task = &attempt.task;
        let tenant = task.run.tenant.clone();
        let key = (task.run.run_id, task.step.clone());
        let id = (task.run.attempt, task.attempt);
        // Dropped without an outcome when the step is cut off or panics.
        let report = Report {
            inputs: self.inputs.clone(),
            key: Some((tenant.clone(), key.clone())),
            id,
            outcome: None,
        };
        let work = self.runner.run(attempt);
        let work = async move {
            let mut report = report;
            report.outcome = Some(work.await);
        };
        let task = self.tasks.spawn_on(work, &self.runtime).abort_handle();
        *self.busy.entry(key.0).or_default() += 1;
        self.running.insert(key, Running { tenant, id, task });
    }

    /// A step is over; `id` is the run's attempt and its own. Whether it ran until then: one that was cut off did
    /// not.
    pub(super) fn ended(&mut self, key: &Key, id: (u32, u32)) -> bool {
        let ran = self.running.get(key).is_some_and(|running| running.id == id);
        if ran {
            self.release(key);
        }
        ran
    }

    /// Cuts a step off, if it runs. (One that waits does not begin once its run's state says so.)
    pub(super) fn abort(&mut self, key: &Key) {
        if let Some(running) = self.running.get(key) {
            running.task.abort();
            self.release(key);
        }
    }

    /// Starts no more steps.
    pub(super) fn pause(&mut self) {
        self.paused = true;
    }

    /// Cuts all steps off.
    pub(super) fn abort_all(&mut self) {
        self.paused = true;
        for running in self.running.values() {
            running.task.abort();
        }
        self.running.clear();
        self.busy.clear();
        self.queue.clear();
        self.queued.clear();
    }

    /// Reports what runs and what waits.
    pub(super) fn report(&self) {
        #[expect(clippy::cast_precision_loss, reason = "gauges")]
        {
            gauge!(names::WORKER_RUNNING_STEPS).set(self.running.len() as f64);
            gauge!(names::WORKER_QUEUED_RUNS).set(self.queued.len() as f64);
        }
    }

    fn release(&mut self, key: &Key) {
        let Some(Running { tenant, .. }) = self.running.remove(key) else { return };
        self.queue.give_back(&tenant);
        if let Some(steps) = self.busy.get_mut(&key.0) {
            *steps -= 1;
            if *steps == 0 {
                self.busy.remove(&key.0);
            }
        }
    }
}

/// Tells the processor of a step's end, whatever it was.
struct Report {
    inputs: Inputs,
    /// Taken when it is dropped.
    key: Option<(TenantId, Key)>,
    id: (u32, u32),
    outcome: Option<Outcome>,
}

impl Drop for Report {
    fn drop(&mut self) {
        let Some((tenant, (run, step))) = self.key.take() else { return };
        let (run_attempt, attempt) = self.id;
        // Measured here, not on the processor's thread.
        let bytes = self.outcome.as_ref().map_or(0, weight::of_outcome);
        let outcome = self.outcome.take().map(Box::new);
        self.inputs.send(Input::Finished { tenant, run, run_attempt, step, attempt, outcome, bytes });
    }
}

#[cfg(test)]
mod tests;
