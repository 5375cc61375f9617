//! Steps on their way: who may run now, and who waits.
//!
//! At most so many steps run at a time, and of one tenant at most its share. Who waits is served round robin over
//! the tenants, so that one with a thousand steps does not hold up one with a single step.

use std::collections::{HashMap, VecDeque};

use domain::ids::{RunId, TenantId};
use metrics::gauge;
use minireipaz::telemetry::names;
use tokio::{runtime::Handle, task::AbortHandle};
use tokio_util::task::TaskTracker;

use super::{Input, Inputs};
use crate::{
    engine::{Outcome, StepKey},
    runner::{Attempt, Runner},
};

/// A step of a run.
type Key = (RunId, StepKey);

pub(super) struct Dispatcher {
    limit: usize,
    share: usize,
    runner: Runner,
    inputs: Inputs,
    runtime: Handle,
    tasks: TaskTracker,
    running: HashMap<Key, Running>,
    tenants: HashMap<TenantId, Tenant>,
    /// Tenants with steps that may run as soon as there is a place, the next first.
    ring: VecDeque<TenantId>,
    waiting: usize,
    paused: bool,
}

struct Running {
    tenant: TenantId,
    /// Tells this attempt from an earlier one that is being cut off.
    id: (u32, u32),
    task: AbortHandle,
}

#[derive(Default)]
struct Tenant {
    running: usize,
    waiting: VecDeque<Attempt>,
    in_ring: bool,
}

impl Dispatcher {
    /// Runs steps on the current runtime.
    pub(super) fn new((limit, share): (usize, usize), runner: Runner, inputs: Inputs) -> Self {
        Self {
            limit: limit.max(1),
            share: share.max(1),
            runner,
            inputs,
            runtime: Handle::current(),
            tasks: TaskTracker::new(),
            running: HashMap::new(),
            tenants: HashMap::new(),
            ring: VecDeque::new(),
            waiting: 0,
            paused: false,
        }
    }

    /// How many steps run.
    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    /// Runs a step as soon as there is a place for it.
    pub(super) fn submit(&mut self, attempt: Attempt) {
        let name = attempt.task.run.tenant.clone();
        self.waiting += 1;
        let tenant = self.tenants.entry(name.clone()).or_default();
        tenant.waiting.push_back(attempt);
        self.enlist(&name);
        self.fill();
    }

    /// A step is over; `id` is the run's attempt and its own. Whether it ran until then: one that was cut off did
    /// not.
    pub(super) fn ended(&mut self, key: &Key, id: (u32, u32)) -> bool {
        let ran = self.running.get(key).is_some_and(|running| running.id == id);
        if ran {
            self.release(key);
            self.fill();
        }
        ran
    }

    /// Cuts a step off, or forgets it if it waits.
    pub(super) fn abort(&mut self, tenant: &TenantId, key: &Key) {
        if let Some(running) = self.running.get(key) {
            running.task.abort();
            self.release(key);
        } else if let Some(tenant) = self.tenants.get_mut(tenant) {
            let before = tenant.waiting.len();
            tenant.waiting.retain(|waiting| waiting.task.run.run_id != key.0 || waiting.task.step != key.1);
            self.waiting -= before - tenant.waiting.len();
        }
        self.fill();
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
        self.tenants.clear();
        self.ring.clear();
        self.waiting = 0;
    }

    /// Reports what runs and what waits.
    pub(super) fn report(&self) {
        #[expect(clippy::cast_precision_loss, reason = "gauges")]
        {
            gauge!(names::WORKER_RUNNING_STEPS).set(self.running.len() as f64);
            gauge!(names::WORKER_QUEUED_STEPS).set(self.waiting as f64);
        }
    }

    fn release(&mut self, key: &Key) {
        let Some(Running { tenant: name, .. }) = self.running.remove(key) else { return };
        if let Some(tenant) = self.tenants.get_mut(&name) {
            tenant.running -= 1;
            if tenant.running == 0 && tenant.waiting.is_empty() && !tenant.in_ring {
                self.tenants.remove(&name);
            } else {
                self.enlist(&name);
            }
        }
    }

    /// Puts a tenant into the ring if it has something to run and room for it.
    fn enlist(&mut self, name: &TenantId) {
        if let Some(tenant) = self.tenants.get_mut(name)
            && !tenant.in_ring
            && !tenant.waiting.is_empty()
            && tenant.running < self.share
        {
            tenant.in_ring = true;
            self.ring.push_back(name.clone());
        }
    }

    fn fill(&mut self) {
        while !self.paused && self.running.len() < self.limit {
            let Some(name) = self.ring.pop_front() else { break };
            let Some(tenant) = self.tenants.get_mut(&name) else { continue };
            tenant.in_ring = false;
            let Some(attempt) = tenant.waiting.pop_front() else {
                // What waited was forgotten meanwhile.
                if tenant.running == 0 {
                    self.tenants.remove(&name);
                }
                continue;
            };
            tenant.running += 1;
            self.waiting -= 1;
            self.start(name.clone(), attempt);
            self.enlist(&name);
        }
    }

    fn start(&mut self, tenant: TenantId, attempt: Attempt) {
        let task = &attempt.task;
        let key = (task.run.run_id, task.step.clone());
        let id = (task.run.attempt, task.attempt);
        // Dropped without an outcome when the step is cut off or panics.
        let report = Report { inputs: self.inputs.clone(), key: Some(key.clone()), id, outcome: None };
        let work = self.runner.run(attempt);
        let work = async move {
            let mut report = report;
            report.outcome = Some(work.await);
        };
        let task = self.tasks.spawn_on(work, &self.runtime).abort_handle();
        self.running.insert(key, Running { tenant, id, task });
    }
}

/// Tells the processor of a step's end, whatever it was.
struct Report {
    inputs: Inputs,
    /// Taken when it is dropped.
    key: Option<Key>,
    id: (u32, u32),
    outcome: Option<Outcome>,
}

impl Drop for Report {
    fn drop(&mut self) {
        let Some((run, step)) = self.key.take() else { return };
        let (run_attempt, attempt) = self.id;
        let outcome = self.outcome.take().map(Box::new);
        self.inputs.send(Input::Finished { run, run_attempt, step, attempt, outcome });
    }
}

#[cfg(test)]
mod tests;
