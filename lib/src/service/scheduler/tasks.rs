//! Tasks for the workers.

use futures_util::future::join_all;
use tracing::Span;

use super::Start;
use crate::{
    bus::{BusError, EventBus},
    telemetry::TraceSpan,
};
use domain::{
    event::{Event, Payload, TaskExecute},
    ids::TenantId,
    run::{NewRun, NodeError, Run},
    timestamp::Timestamp,
    workflow::{DocumentText, StoredWorkflow},
};

/// A task, and the run that it executes.
pub(super) struct Task {
    pub(super) tenant: TenantId,
    pub(super) run: NewRun,
    event: Event,
    /// Lasts until the batch is done.
    pub(super) span: Span,
}

impl Task {
    /// The task to execute a run in this version of its workflow.
    pub(super) fn new(start: Start, workflow: &StoredWorkflow, now: Timestamp) -> Self {
        Self::of(start, workflow.summary.version, workflow.document.clone(), now)
    }

    /// The task to execute a run of a document.
    pub(super) fn of(start: Start, version: u32, document: DocumentText, now: Timestamp) -> Self {
        let Start { tenant, traceparent, run, input } = start;
        // The task carries the texts that came, not ones that are written anew.
        let (text, plan) = (run.input.clone(), run.plan.clone());
        let run = run.at_version(version, input);
        let here = TraceSpan::after(traceparent.and_then(|text| text.parse().ok()));
        let span = tracing::info_span!(
            "schedule",
            trace_id = here.trace_id(),
            span_id = here.span_id(),
            parent_id = here.parent_id(),
            run.id = %run.id,
            workflow.id = %run.workflow_id,
            workflow.version = run.workflow_version,
            tenant = tenant.as_str(),
        );
        let event = Event {
            // The same run is the same event, however often the request is delivered.
            id: format!("{}-{}", run.id, run.attempt),
            time: now,
            tenant: tenant.clone(),
            traceparent: Some(here.context().to_string()),
            payload: Payload::TaskExecute(Box::new(TaskExecute {
                plan,
                ..TaskExecute::of(&run, text, document)
            })),
        };
        Self { tenant, run, event, span }
    }

    fn refused(&self, code: i64, message: &str, now: Timestamp) -> (TenantId, Run) {
        let message = format!("the event bus does not take the task (code {code}): {message}");
        let error = NodeError::new("task_refused", message);
        (self.tenant.clone(), self.run.clone().failed(error, 1, now))
    }
}

/// Publishes all tasks in one request; the runs whose tasks the bus will never take come back as failed.
///
/// # Errors
/// When it is not known whether the bus has them all.
pub(super) async fn publish(
    bus: &dyn EventBus,
    tasks: &[Task],
    now: Timestamp,
) -> Result<Vec<(TenantId, Run)>, BusError> {
    if tasks.is_empty() {
        return Ok(Vec::new());
    }
    let events: Vec<Event> = tasks.iter().map(|task| task.event.clone()).collect();
    match bus.publish(&events).await {
        Ok(()) => return Ok(Vec::new()),
        Err(BusError::Refused { .. }) => {}
        Err(error) => return Err(error),
    }
    // One of them is refused for good, and which one is not said: each for itself.
    let mut refused = Vec::new();
    let each = join_all(events.iter().map(|event| bus.publish(std::slice::from_ref(event)))).await;
    for (task, result) in tasks.iter().zip(each) {
        match result {
            Ok(()) => {}
            Err(BusError::Refused { code, message, .. }) => refused.push(task.refused(code, &message, now)),
            Err(error) => return Err(error),
        }
    }
    Ok(refused)
}
