//! A span that has not ended yet.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use opentelemetry::{
    InstrumentationScope, KeyValue,
    trace::{Event as SpanEvent, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use tracing::{
    Event,
    field::{Field, Visit},
    span::Attributes,
};

/// Log lines that a span keeps; of the rest only the number.
const MAX_EVENTS: usize = 64;

/// A span that has not ended yet.
pub(super) struct Open {
    trace: TraceId,
    span: SpanId,
    parent: SpanId,
    started: SystemTime,
    attributes: Vec<KeyValue>,
    events: SpanEvents,
    error: Option<String>,
}

impl Open {
    /// A span with the ids in its fields, or else one of the trace of the span around it. None: it belongs to no trace.
    pub(super) fn new(
        attributes: &Attributes<'_>,
        around: Option<(TraceId, SpanId)>,
        now: SystemTime,
    ) -> Option<Self> {
        let mut open = Self {
            trace: TraceId::INVALID,
            span: SpanId::INVALID,
            parent: SpanId::INVALID,
            started: now,
            attributes: Vec::new(),
            events: SpanEvents::default(),
            error: None,
        };
        attributes.record(&mut open);
        if open.trace == TraceId::INVALID {
            let (trace, parent) = around?;
            (open.trace, open.parent) = (trace, parent);
            open.span = SpanId::from_bytes(rand::random::<u64>().to_be_bytes());
        }
        Some(open)
    }

    /// The trace's id and its own.
    pub(super) const fn context(&self) -> (TraceId, SpanId) {
        (self.trace, self.span)
    }

    /// Keeps a log line.
    pub(super) fn happened(&mut self, event: &Event<'_>, now: SystemTime) {
        if self.events.events.len() >= MAX_EVENTS {
            self.events.dropped_count += 1;
            return;
        }
        let mut line = Line::default();
        event.record(&mut line);
        line.attributes.push(KeyValue::new("level", event.metadata().level().as_str()));
        self.events.events.push(SpanEvent::new(line.message, now, line.attributes, 0));
    }

    /// The span as a collector gets it.
    pub(super) fn closed(self, name: &'static str, now: SystemTime, scope: InstrumentationScope) -> SpanData {
        let flags = TraceFlags::SAMPLED;
        SpanData {
            span_context: SpanContext::new(self.trace, self.span, flags, false, TraceState::NONE),
            parent_span_id: self.parent,
            parent_span_is_remote: false,
            span_kind: match name {
                "request" => SpanKind::Server,
                "call" => SpanKind::Client,
                "schedule" | "run" => SpanKind::Consumer,
                _ => SpanKind::Internal,
            },
            name: name.into(),
            start_time: self.started,
            end_time: now,
            attributes: self.attributes,
            dropped_attributes_count: 0,
            events: self.events,
            links: SpanLinks::default(),
            status: self.error.map_or(Status::Unset, Status::error),
            instrumentation_scope: scope,
        }
    }

    fn text(&mut self, field: &Field, value: String) {
        match field.name() {
            "trace_id" => self.trace = TraceId::from_hex(&value).unwrap_or(TraceId::INVALID),
            "span_id" => self.span = SpanId::from_hex(&value).unwrap_or(SpanId::INVALID),
            "parent_id" => self.parent = SpanId::from_hex(&value).unwrap_or(SpanId::INVALID),
            name => {
                if name == "error.code" {
                    self.error = Some(value.clone());
                }
                self.attributes.push(KeyValue::new(name, value));
            }
        }
    }
}

impl Visit for Open {
    fn record_i64(&mut self, field: &Field, value: i64) {
        match (field.name(), u64::try_from(value)) {
            ("started_ms", Ok(millis)) => self.started = UNIX_EPOCH + Duration::from_millis(millis),
            (name, _) => self.attributes.push(KeyValue::new(name, value)),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.attributes.push(KeyValue::new(field.name(), value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.attributes.push(KeyValue::new(field.name(), value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, format!("{value:?}"));
    }
}

/// A log line.
#[derive(Default)]
struct Line {
    message: String,
    attributes: Vec<KeyValue>,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = format!("{value:?}");
        match field.name() {
            "message" => self.message = value,
            name => self.attributes.push(KeyValue::new(name, value)),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}
