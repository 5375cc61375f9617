//! What the log and the metrics are told of a run's events.

use domain::{
    alert::ErrorPattern,
    ids::NodeId,
    run::{NodeError, RunStatus},
    timestamp::Timestamp,
};
use metrics::{counter, histogram};
use minireipaz::telemetry::names;

use crate::{
    alerts::{Alerts, Occurrence, Source},
    engine::{RunEvent, RunState, StepChange, StepEvent},
    spans,
};

/// Tells of failures, of every retry, and of the run's end. `workflow` is what its workflow is called.
pub(super) fn tell(state: &RunState, workflow: &str, events: &[RunEvent], alerts: &Alerts) {
    for event in events {
        match event {
            RunEvent::Started { .. } => {}
            RunEvent::Step(event) => {
                if let Some(error) = failure_of(&event.change) {
                    let node = state.definition().nodes.get(event.step.node).map(|node| node.id.clone());
                    count(state, workflow, alerts, (node, error, event.at));
                }
                changed(state, event);
            }
            RunEvent::Finished { status, error, at } => {
                let took = at.since(state.header().created_at);
                counter!(names::WORKER_RUNS_FINISHED, names::OUTCOME => status.as_str()).increment(1);
                histogram!(names::WORKER_RUN_SECONDS, names::OUTCOME => status.as_str()).record(took);
                // That of a node was counted when its step failed; that somebody stopped the run is no error.
                let own = error.as_deref().filter(|error| error.node_id.is_none());
                if let Some(error) = own.filter(|_| *status != RunStatus::Cancelled) {
                    count(state, workflow, alerts, (None, error, *at));
                }
                finished(state, *status, error.as_deref());
            }
        }
    }
}

/// The error of an attempt that failed, whether there is another one or not. What was not even called is the same trouble
/// still.
fn failure_of(change: &StepChange) -> Option<&NodeError> {
    match change {
        StepChange::Suspended(suspension) => {
            suspension.failure.as_ref().filter(|failure| !failure.spared).map(|failure| &*failure.error)
        }
        StepChange::Failed { error, .. } => Some(error),
        _ => None,
    }
}

/// Counts an error towards an alert. What somebody only tries is not counted.
fn count(
    state: &RunState,
    workflow: &str,
    alerts: &Alerts,
    (node, error, at): (Option<NodeId>, &NodeError, Timestamp),
) {
    let header = state.header();
    if header.trigger.is_test() {
        return;
    }
    let alert_workflow = state.definition().alert_workflow.filter(|_| !header.trigger.is_after_error());
    let source = Source {
        run: header.run_id,
        depth: header.trigger.depth(),
        workflow: workflow.to_owned(),
        alert_workflow,
    };
    let occurrence = Occurrence {
        tenant: header.tenant.clone(),
        pattern: ErrorPattern::of(header.workflow_id, node, error),
        message: error.message.clone(),
        source,
    };
    alerts.note(occurrence, at);
}

fn changed(state: &RunState, event: &StepEvent) {
    let StepEvent { step, attempt, at, change } = event;
    match change {
        StepChange::Suspended(suspension) => {
            let (Some(failure), Some(due)) = (&suspension.failure, suspension.waits_for.until) else {
                return;
            };
            let (id, kind) = name(state, step.node);
            counter!(names::WORKER_STEP_RETRIES, names::NODE_KIND => kind).increment(1);
            let delay_ms = u64::try_from(due.since(*at).as_millis()).unwrap_or(u64::MAX);
            let code = &failure.error.code;
            tracing::info!(
                parent: &spans::about_run(state.header()),
                node.id = id, node.kind = kind, attempt, error.code = %code, delay_ms,
                "attempt {attempt} of step {id} failed ({code}); the next one is due in {delay_ms} ms"
            );
        }
        StepChange::Failed { error, .. } => {
            let (id, kind) = name(state, step.node);
            tracing::info!(
                parent: &spans::about_run(state.header()),
                node.id = id, node.kind = kind, attempt, error.code = %error.code,
                "step {id} failed with attempt {attempt} ({})", error.code
            );
        }
        StepChange::Interrupted => {
            let (id, kind) = name(state, step.node);
            tracing::info!(
                parent: &spans::about_run(state.header()),
                node.id = id, node.kind = kind, attempt,
                "attempt {attempt} of step {id} was cut off by the end of its worker and begins again"
            );
        }
        StepChange::Triggered
        | StepChange::Started
        | StepChange::Succeeded { .. }
        | StepChange::RunEnded { .. }
        | StepChange::Resumed { .. }
        | StepChange::PutAside
        | StepChange::Pinned
        | StepChange::Skipped
        | StepChange::Cancelled => {}
    }
}

fn finished(state: &RunState, status: RunStatus, error: Option<&NodeError>) {
    let header = state.header();
    let (run, status) = (header.run_id, status.as_str());
    let span = spans::run(header, status, error.map(|error| error.code.as_str()));
    match error {
        // Most runs: at full load a line each would cost more than the run.
        None => tracing::debug!(parent: &span, "run {run} ended: {status}"),
        Some(NodeError { code, .. }) => {
            tracing::info!(parent: &span, "run {run} ended: {status} ({code})");
        }
    }
}

fn name(state: &RunState, node: usize) -> (&str, &'static str) {
    let node = state.definition().nodes.get(node);
    node.map_or(("", ""), |node| (node.id.as_str(), node.kind.name()))
}
