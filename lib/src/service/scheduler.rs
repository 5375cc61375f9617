//! The receiving end of topic `workflows`: records runs as queued and hands their tasks to the workers.
//!
//! A batch is done when all that follows from it is durable; else the connector sends the whole batch again, so
//! everything here may happen twice. What can never be done (an unreadable record, a workflow that is gone) is
//! recorded as such and counts as done: it must not stop the partition.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use futures_util::future::join_all;
use tracing::Span;

use super::documents::Documents;
use crate::clock::Clock;
use crate::{
    bus::{BusError, EventBus},
    ingest,
    store::{Facts, Store, StoreError, WorkflowChange},
    telemetry::TraceSpan,
};
use domain::{
    event::{self, DeadLetter, Event, Payload, RunRequested, TaskExecute, Topic, WorkflowDeleted},
    ids::{RunId, TenantId},
    run::{NodeError, Run, RunStatus},
    workflow::{StoredWorkflow, WorkflowKey},
};

/// The name under which dead letters are kept.
const CONSUMER: &str = "scheduler";

/// The use case of the scheduler function.
pub struct Scheduler {
    store: Arc<dyn Store>,
    bus: Arc<dyn EventBus>,
    clock: Arc<dyn Clock>,
    documents: Documents,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Scheduled {
    /// Runs that were handed to the workers.
    pub runs: usize,
    /// Runs that cannot be executed and were recorded as failed.
    pub failed: usize,
    /// Workflow versions and deletions that were written.
    pub workflows: usize,
    /// Records that could not be read and are kept as dead letters.
    pub dead_letters: usize,
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

/// A batch, sorted by what is to be done.
#[derive(Default)]
struct Batch {
    saved: Vec<(TenantId, StoredWorkflow)>,
    deleted: Vec<(TenantId, WorkflowDeleted)>,
    requested: Vec<Requested>,
    letters: Vec<DeadLetter>,
}

struct Requested {
    tenant: TenantId,
    traceparent: Option<String>,
    run: RunRequested,
}

/// A task, and the run that it executes.
struct Task {
    event: Event,
    run: (TenantId, Run),
    /// Lasts until the batch is done.
    span: Span,
}

impl Scheduler {
    /// The use case over these parts.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, bus: Arc<dyn EventBus>, clock: Arc<dyn Clock>) -> Self {
        Self { store, bus, clock, documents: Documents::new() }
    }

    /// Handles a connector's request, in whatever shape it comes.
    ///
    /// # Errors
    /// When not everything in it is known to be durable.
    pub async fn handle(&self, body: &[u8]) -> Result<Scheduled, SchedulerError> {
        let batch = self.read(body);
        let (newest, (), ()) = tokio::try_join!(self.newest(&batch), self.write(&batch), self.bury(&batch))?;
        let mut report = Scheduled {
            workflows: batch.saved.len() + batch.deleted.len(),
            dead_letters: batch.letters.len(),
            ..Scheduled::default()
        };
        let mut failed = Vec::new();
        let mut tasks = Vec::new();
        for requested in batch.requested {
            let key = (requested.tenant.clone(), requested.run.workflow_id);
            match newest.get(&key) {
                Some(workflow) => tasks.push(self.task(requested, workflow)),
                None => failed.push(self.gone(requested)),
            }
        }
        // Side by side: a worker that is faster than the insert is no harm, a `queued` row never hides a later one.
        let (refused, ()) = tokio::try_join!(self.publish(&tasks), self.record(&tasks, failed.clone()))?;
        report.runs = tasks.len() - refused.len();
        report.failed = failed.len() + refused.len();
        for Task { run: (_, run), span, .. } in &tasks {
            tracing::debug!(parent: span, "run {} is queued", run.id);
        }
        if !refused.is_empty() {
            self.store.record(&Facts { runs: refused, steps: Vec::new() }).await?;
        }
        Ok(report)
    }

    fn read(&self, body: &[u8]) -> Batch {
        let mut batch = Batch::default();
        let mut seen = HashSet::new();
        for record in ingest::records(body) {
            match record {
                Err(unreadable) => batch.letters.push(self.letter(unreadable.reason, unreadable.record)),
                Ok(text) => match event::read(&text) {
                    Ok(event) => self.sort(event, &text, &mut seen, &mut batch),
                    Err(reason) => batch.letters.push(self.letter(reason, ingest::excerpt(text.as_bytes()))),
                },
            }
        }
        batch
    }

    fn sort(&self, event: Event, text: &str, seen: &mut HashSet<(TenantId, RunId)>, batch: &mut Batch) {
        let Event { tenant, traceparent, payload, .. } = event;
        match payload {
            Payload::WorkflowSaved(saved) => batch.saved.push((tenant, *saved)),
            Payload::WorkflowDeleted(deleted) => batch.deleted.push((tenant, deleted)),
            Payload::RunRequested(run) => {
                // Delivered twice in one batch.
                if seen.insert((tenant.clone(), run.run_id)) {
                    batch.requested.push(Requested { tenant, traceparent, run });
                }
            }
            Payload::TaskExecute(_) => {
                let reason = format!("a task belongs to topic {}", Topic::Tasks.as_str());
                let mut letter = self.letter(reason, ingest::excerpt(text.as_bytes()));
                letter.tenant = tenant.to_string();
                batch.letters.push(letter);
            }
        }
    }

    fn letter(&self, reason: String, record: String) -> DeadLetter {
        DeadLetter { consumer: CONSUMER.into(), reason, record, tenant: String::new(), at: self.clock.now() }
    }

    /// The newest versions of the workflows that are to be run: one read, and what the batch itself brings. The read
    /// tells the versions' numbers; a document is read when this process sees its version for the first time.
    async fn newest(&self, batch: &Batch) -> Result<HashMap<WorkflowKey, StoredWorkflow>, SchedulerError> {
        let keys: HashSet<WorkflowKey> =
            batch.requested.iter().map(|wanted| (wanted.tenant.clone(), wanted.run.workflow_id)).collect();
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let keys: Vec<_> = keys.into_iter().collect();
        let versions = self.store.versions(&keys).await?;
        let mut newest = HashMap::with_capacity(versions.len());
        let mut unknown = Vec::new();
        for (key, version) in versions {
            match self.documents.get(&key, version) {
                Some(known) => {
                    newest.insert(key, known);
                }
                None => unknown.push(key),
            }
        }
        if !unknown.is_empty() {
            for (key, workflow) in self.store.newest(&unknown).await? {
                self.documents.keep(&key, &workflow);
                newest.insert(key, workflow);
            }
        }
        for (tenant, saved) in &batch.saved {
            let key = (tenant.clone(), saved.summary.id);
            if newest.get(&key).is_none_or(|known| known.summary.version < saved.summary.version) {
                newest.insert(key, saved.clone());
            }
        }
        for (tenant, deleted) in &batch.deleted {
            let key = (tenant.clone(), deleted.workflow_id);
            if newest.get(&key).is_some_and(|known| known.summary.version < deleted.version) {
                newest.remove(&key);
            }
        }
        Ok(newest)
    }

    async fn write(&self, batch: &Batch) -> Result<(), SchedulerError> {
        let saved = batch.saved.iter().cloned();
        let deleted = batch.deleted.iter().cloned();
        let changes: Vec<_> = saved
            .map(|(tenant, workflow)| WorkflowChange::Saved { tenant, workflow })
            .chain(deleted.map(|(tenant, deleted)| WorkflowChange::Deleted { tenant, deleted }))
            .collect();
        if changes.is_empty() {
            return Ok(());
        }
        Ok(self.store.save(&changes).await?)
    }

    async fn bury(&self, batch: &Batch) -> Result<(), SchedulerError> {
        if batch.letters.is_empty() {
            return Ok(());
        }
        let reason = batch.letters.first().map(|letter| letter.reason.as_str()).unwrap_or_default();
        tracing::warn!(records = batch.letters.len(), reason, "records cannot be read; kept as dead letters");
        Ok(self.store.bury(&batch.letters).await?)
    }

    fn task(&self, requested: Requested, workflow: &StoredWorkflow) -> Task {
        let Requested { tenant, traceparent, run } = requested;
        let queued = run_of(&run, workflow.summary.version);
        let here = TraceSpan::after(traceparent.and_then(|text| text.parse().ok()));
        let span = tracing::info_span!(
            "schedule",
            trace_id = here.trace_id(),
            span_id = here.span_id(),
            parent_id = here.parent_id(),
            run.id = %run.run_id,
            workflow.id = %run.workflow_id,
            workflow.version = workflow.summary.version,
            tenant = tenant.as_str(),
        );
        let payload = Payload::TaskExecute(Box::new(TaskExecute {
            run_id: run.run_id,
            attempt: queued.attempt,
            workflow_id: run.workflow_id,
            workflow_version: workflow.summary.version,
            document: workflow.document.clone(),
            trigger: run.trigger,
            input: run.input,
            created_at: run.created_at,
        }));
        // The same run is the same event, however often the request is delivered.
        let event = Event {
            id: format!("{}-{}", run.run_id, queued.attempt),
            time: self.clock.now(),
            tenant: tenant.clone(),
            traceparent: Some(here.context().to_string()),
            payload,
        };
        Task { event, run: (tenant, queued), span }
    }

    fn gone(&self, requested: Requested) -> (TenantId, Run) {
        let id = requested.run.workflow_id;
        let run = run_of(&requested.run, requested.run.workflow_version);
        let message =
            format!("workflow {id} does not exist any more; it was deleted after the run was accepted");
        (requested.tenant, self.failed(run, NodeError::new("workflow_not_found", message)))
    }

    fn failed(&self, run: Run, error: NodeError) -> Run {
        let finished_at = Some(self.clock.now().max(run.created_at));
        Run { status: RunStatus::Failed, revision: 1, error: Some(error), finished_at, ..run }
    }

    async fn record(&self, tasks: &[Task], mut failed: Vec<(TenantId, Run)>) -> Result<(), SchedulerError> {
        failed.extend(tasks.iter().map(|task| task.run.clone()));
        if failed.is_empty() {
            return Ok(());
        }
        Ok(self.store.record(&Facts { runs: failed, steps: Vec::new() }).await?)
    }

    /// Publishes all tasks in one request; the runs whose tasks the bus will never take come back as failed.
    async fn publish(&self, tasks: &[Task]) -> Result<Vec<(TenantId, Run)>, SchedulerError> {
        if tasks.is_empty() {
            return Ok(Vec::new());
        }
        let events: Vec<Event> = tasks.iter().map(|task| task.event.clone()).collect();
        match self.bus.publish(&events).await {
            Ok(()) => return Ok(Vec::new()),
            Err(BusError::Refused { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        // One of them is refused for good, and which one is not said: each for itself.
        let mut refused = Vec::new();
        let each = join_all(events.iter().map(|event| self.bus.publish(std::slice::from_ref(event)))).await;
        for (task, result) in tasks.iter().zip(each) {
            match result {
                Ok(()) => {}
                Err(BusError::Refused { code, message, .. }) => {
                    let message = format!("the event bus does not take the task (code {code}): {message}");
                    let (tenant, run) = task.run.clone();
                    refused.push((tenant, self.failed(run, NodeError::new("task_refused", message))));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(refused)
    }
}

/// The run as the scheduler queues it.
fn run_of(requested: &RunRequested, workflow_version: u32) -> Run {
    Run {
        id: requested.run_id,
        workflow_id: requested.workflow_id,
        workflow_version,
        status: RunStatus::Queued,
        revision: 0,
        attempt: 1,
        trigger: requested.trigger.clone(),
        input: requested.input.clone(),
        output: None,
        error: None,
        created_at: requested.created_at,
        started_at: None,
        finished_at: None,
    }
}
