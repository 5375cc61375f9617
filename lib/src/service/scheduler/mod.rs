//! The receiving end of topic `workflows`: hands the tasks of runs to the workers, and shows the runs as queued.
//!
//! A run waits for no answer of the store, unless the version of its workflow is new to this process. What makes a
//! batch durable is the task on the bus; the row `queued` only shows the run while workers are away.
//!
//! A batch is done when all that follows from it is durable; else the connector sends the whole batch again, so
//! everything here may happen twice. What can never be done (an unreadable record, a workflow that is gone) is
//! recorded as such and counts as done: it must not stop the partition.
//!
//! Each type of event has a file, which says what follows from one: it adds to the [`Plan`]. The plan of a batch is
//! then carried out at once, with one call for everything of a kind.

mod clock_ticked;
mod controls;
mod documents;
mod plan;
mod run_cancel_requested;
mod run_requested;
mod run_resume_requested;
mod task_execute;
mod tasks;
mod versions;
mod workflow_deleted;
mod workflow_saved;

use std::sync::Arc;

use crate::{
    bus::{BusError, EventBus},
    clock::Clock,
    ingest::{BatchReader, Refused},
    service::Schedules,
    store::{Facts, Store, StoreError, WorkflowChange},
};
use domain::{
    dead_letter::DeadLetter,
    event::{Event, Payload, UnreadableEvent},
    ids::TenantId,
    run::{Run, UNSAVED},
};
use plan::{Plan, Received, Start};
use tasks::Task;
use versions::Versions;

/// The name under which dead letters are kept.
const CONSUMER: &str = "scheduler";

/// The use case of the scheduler function.
pub struct Scheduler {
    store: Arc<dyn Store>,
    bus: Arc<dyn EventBus>,
    clock: Arc<dyn Clock>,
    versions: Versions,
    schedules: Arc<Schedules>,
    batches: BatchReader,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Scheduled {
    /// Runs that were handed to the workers.
    pub runs: usize,
    /// Runs that cannot be executed and were recorded as failed.
    pub failed: usize,
    /// Cancels and signals that were handed to the workers.
    #[serde(skip_serializing_if = "is_zero")]
    pub controls: usize,
    /// Occurrences of schedules whose runs were asked for.
    #[serde(skip_serializing_if = "is_zero")]
    pub occurrences: usize,
    /// Workflow versions and deletions that were written.
    pub workflows: usize,
    /// Records that could not be read and are kept as dead letters.
    pub dead_letters: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Why a batch is to be sent again.
#[derive(Debug, thiserror::Error)]
pub enum SchedulerError {
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bus does not answer.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// What follows from a record, by its event's type.
fn plan_event(event: Result<Event, UnreadableEvent>, plan: &mut Plan) -> Result<(), Refused> {
    let Event { tenant, traceparent, payload, .. } = match event {
        Ok(event) => event,
        Err(unreadable) => return Err(plan.lose(unreadable)),
    };
    let received = Received { tenant, traceparent };
    match payload {
        Payload::WorkflowSaved(saved) => workflow_saved::plan(received, *saved, plan),
        Payload::WorkflowDeleted(deleted) => workflow_deleted::plan(received, deleted, plan),
        Payload::ClockTicked(_) => clock_ticked::plan(plan),
        Payload::RunRequested(requested) => return run_requested::plan(received, requested, plan),
        Payload::RunCancelRequested(cancel) => run_cancel_requested::plan(received, cancel, plan),
        Payload::RunResumeRequested(resume) => run_resume_requested::plan(received, resume, plan),
        Payload::TaskExecute(_) | Payload::TaskCancel(_) | Payload::TaskResume(_) => {
            return Err(task_execute::refuse(received));
        }
    }
    Ok(())
}

impl Scheduler {
    /// The use case over these parts.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        bus: Arc<dyn EventBus>,
        clock: Arc<dyn Clock>,
        schedules: Arc<Schedules>,
    ) -> Self {
        let versions = Versions::new(Arc::clone(&store));
        Self { store, bus, clock, versions, schedules, batches: BatchReader::new(CONSUMER) }
    }

    /// Handles a connector's request, in whatever shape it comes.
    ///
    /// # Errors
    /// When not everything in it is known to be durable.
    pub async fn handle(&self, body: &[u8]) -> Result<Scheduled, SchedulerError> {
        let now = self.clock.now();
        let mut plan = Plan::new(now);
        let letters = self.batches.read(body, now, |event, _| plan_event(event, &mut plan));
        let mut failed = plan.take_lost();
        let (tasks, cannot_start) = self.prepare(plan.starts, &plan.changes).await?;
        failed.extend(cannot_start);
        if !tasks.is_empty() {
            // A worker that is faster than this is no harm: a `queued` row never hides a later one.
            let queued = tasks.iter().map(|task| (task.tenant.clone(), task.run.clone().queued()));
            self.store.announce(queued.collect());
        }
        let runs_failed = failed.len();
        let controls = plan.controls.len();
        let ((refused, lost), (), (), ()) = tokio::try_join!(
            self.publish(&tasks, &plan.controls),
            self.record(failed),
            self.save(&plan.changes),
            self.bury(&letters)
        )?;
        self.bury(&lost).await?;
        // Only now: who looks at a schedule finds the newest version of its workflow in the store.
        let mut occurrences = self.schedules.changed(&plan.changes).await?;
        if plan.ticked {
            occurrences += self.schedules.tick().await?;
        }
        for task in &tasks {
            tracing::debug!(parent: &task.span, "run {} is queued", task.run.id);
        }
        let report = Scheduled {
            runs: tasks.len() - refused.len(),
            failed: runs_failed + refused.len(),
            controls: controls - lost.len(),
            occurrences,
            workflows: plan.changes.len(),
            dead_letters: letters.len() + lost.len(),
        };
        self.record(refused).await?;
        Ok(report)
    }

    /// The tasks of runs that are to start, and the runs whose workflows are gone or cannot be read.
    async fn prepare(
        &self,
        starts: Vec<Start>,
        changes: &[WorkflowChange],
    ) -> Result<(Vec<Task>, Vec<(TenantId, Run)>), SchedulerError> {
        let (mut tasks, mut failed) = (Vec::with_capacity(starts.len()), Vec::new());
        let starts = self.with_their_own_documents(starts, &mut tasks);
        let chosen = self.versions.chosen(&starts, changes).await?;
        let now = self.clock.now();
        for start in starts {
            match chosen.get(&start.choice()) {
                Some(Ok(workflow)) => tasks.push(Task::new(start, workflow, now)),
                Some(Err(unreadable)) => failed.push(start.with_unreadable_workflow(unreadable, now)),
                None => failed.push(start.without_workflow(now)),
            }
        }
        Ok((tasks, failed))
    }

    /// Publishes the tasks, and when the bus has them what is wanted of runs: so a worker hears of a run first.
    async fn publish(
        &self,
        tasks: &[Task],
        controls: &[Event],
    ) -> Result<(Vec<(TenantId, Run)>, Vec<DeadLetter>), SchedulerError> {
        let refused = tasks::publish(&*self.bus, tasks, self.clock.now()).await?;
        let lost = controls::publish(&*self.bus, controls, self.clock.now()).await?;
        Ok((refused, lost))
    }

    /// Makes the tasks of test runs that bring a document which is not saved; the other runs come back.
    fn with_their_own_documents(&self, starts: Vec<Start>, tasks: &mut Vec<Task>) -> Vec<Start> {
        let now = self.clock.now();
        let mut others = Vec::with_capacity(starts.len());
        for mut start in starts {
            match start.run.document.take() {
                Some(document) => tasks.push(Task::of(start, UNSAVED, document, now)),
                None => others.push(start),
            }
        }
        others
    }

    async fn record(&self, runs: Vec<(TenantId, Run)>) -> Result<(), SchedulerError> {
        if runs.is_empty() {
            return Ok(());
        }
        Ok(self.store.record(&Facts::of_runs(runs)).await?)
    }

    async fn save(&self, changes: &[WorkflowChange]) -> Result<(), SchedulerError> {
        if changes.is_empty() {
            return Ok(());
        }
        Ok(self.store.save(changes).await?)
    }

    async fn bury(&self, letters: &[DeadLetter]) -> Result<(), SchedulerError> {
        if letters.is_empty() {
            return Ok(());
        }
        Ok(self.store.bury(letters).await?)
    }
}
