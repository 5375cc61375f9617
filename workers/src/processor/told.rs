//! What the log and the metrics are told of a run's events.

use domain::run::{NodeError, RunStatus};
use metrics::{counter, histogram};
use minireipaz::telemetry::names;

use crate::{
    engine::{RunEvent, RunState, StepChange, StepEvent},
    spans,
};

/// Tells of failures, of every retry, and of the run's end.
pub(super) fn tell(state: &RunState, events: &[RunEvent]) {
    for event in events {
        match event {
            RunEvent::Started { .. } => {}
            RunEvent::Step(event) => changed(state, event),
            RunEvent::Finished { status, error, at } => {
                let took = at.since(state.header().created_at);
                counter!(names::WORKER_RUNS_FINISHED, names::OUTCOME => status.as_str()).increment(1);
                histogram!(names::WORKER_RUN_SECONDS, names::OUTCOME => status.as_str()).record(took);
                finished(state, *status, error.as_deref());
            }
        }
    }
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
