//! A trace's way through this process.

use domain::trace::TraceContext;

/// One span of this process, and what caused it.
///
/// `tracing` spans carry it in the fields `trace_id`, `span_id` and `parent_id`, so that log lines, events, outgoing
/// calls and exported spans name the same ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceSpan {
    context: TraceContext,
    cause: Option<TraceContext>,
}

impl TraceSpan {
    /// A new span of the cause's trace; without a cause, of a new trace.
    #[must_use]
    pub fn after(cause: Option<TraceContext>) -> Self {
        let span = rand::random();
        let context =
            cause.map_or_else(|| TraceContext::start(rand::random(), span), |cause| cause.child(span));
        Self { context, cause }
    }

    /// A span whose ids are known.
    #[must_use]
    pub const fn of(context: TraceContext, cause: Option<TraceContext>) -> Self {
        Self { context, cause }
    }

    /// The span, as what it causes is told of it.
    #[must_use]
    pub const fn context(self) -> TraceContext {
        self.context
    }

    /// The trace's id, as logs show it.
    #[must_use]
    pub fn trace_id(self) -> String {
        self.context.trace_id()
    }

    /// The span's id, as logs show it.
    #[must_use]
    pub fn span_id(self) -> String {
        self.context.span_id()
    }

    /// The id of the span that caused this one, if there is one.
    #[must_use]
    pub fn parent_id(self) -> Option<String> {
        self.cause.map(TraceContext::span_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_stays_in_its_causes_trace_and_is_a_span_of_its_own() {
        let first = TraceSpan::after(None);
        assert_eq!(first.parent_id(), None);
        let second = TraceSpan::after(Some(first.context()));
        assert_eq!(second.trace_id(), first.trace_id());
        assert_eq!(second.parent_id(), Some(first.span_id()));
        assert_ne!(second.span_id(), first.span_id());
        assert_ne!(TraceSpan::after(None).trace_id(), first.trace_id());
    }
}
