//! The spans of a run and of its steps: what lines about them say, and how their traces go on.

use minireipaz::telemetry::TraceSpan;
use tracing::{Level, Span, debug_span, field, info_span};

use crate::{engine::RunHeader, step::StepTask};

/// What lines about a run say of it. Such a span is made for the lines alone; [`run`] is the one that stands for the
/// run.
pub(crate) fn about_run(header: &RunHeader) -> Span {
    let here = TraceSpan::of(header.trace(), header.traceparent);
    info_span!(
        "about_run",
        trace_id = here.trace_id(),
        span_id = here.span_id(),
        run.id = %header.run_id,
        run.attempt = header.attempt,
        workflow.id = %header.workflow_id,
        workflow.version = header.workflow_version,
        tenant = header.tenant.as_str(),
    )
}

/// A run's span. A run may take days and several processes, so its span is made when it ends and says when it began.
pub(crate) fn run(header: &RunHeader, status: &'static str, error: Option<&str>) -> Span {
    let here = TraceSpan::of(header.trace(), header.traceparent);
    info_span!(
        "run",
        trace_id = here.trace_id(),
        span_id = here.span_id(),
        parent_id = here.parent_id(),
        started_ms = header.created_at.as_millis(),
        run.id = %header.run_id,
        run.attempt = header.attempt,
        run.status = status,
        error.code = error,
        workflow.id = %header.workflow_id,
        workflow.version = header.workflow_version,
        tenant = header.tenant.as_str(),
    )
}

/// A span with what lines about an attempt say of it.
macro_rules! step_span {
    ($span:ident, $task:ident, $here:ident) => {{
        let (node, kind) = $task.name();
        $span!(
            "step",
            trace_id = $here.trace_id(),
            span_id = $here.span_id(),
            parent_id = $here.parent_id(),
            run.id = %$task.run.run_id,
            run.attempt = $task.run.attempt,
            workflow.id = %$task.run.workflow_id,
            tenant = $task.run.tenant.as_str(),
            node.id = node,
            node.kind = kind,
            attempt = $task.attempt,
            error.code = field::Empty,
        )
    }};
}

/// The span of an attempt that may wait for others.
pub(crate) fn step(task: &StepTask, here: TraceSpan) -> Span {
    step_span!(info_span, task, here)
}

/// The span of an attempt that takes microseconds: most of the time nobody wants to know.
pub(crate) fn inline_step(task: &StepTask) -> Span {
    if !tracing::span_enabled!(Level::DEBUG) {
        return Span::none();
    }
    let here = TraceSpan::after(Some(task.run.trace()));
    step_span!(debug_span, task, here)
}
