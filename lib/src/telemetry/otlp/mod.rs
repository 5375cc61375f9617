//! Sends spans to an OpenTelemetry collector (OTLP over HTTP), with the feature `otlp`.
//!
//! The ids are those of [`super::TraceSpan`], so that a collector shows what log lines, events and outgoing calls name,
//! and a run's span has one id in however many processes the run lives. That is why spans are handed to the SDK's
//! batch processor as they are, and not made by its tracer, which would give them ids of its own.

mod open;

use std::{
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use opentelemetry::InstrumentationScope;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfig, BatchSpanProcessor, SpanProcessor},
};
use tracing::{
    Event, Level, Subscriber,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    layer::Context,
    registry::LookupSpan,
};

use self::open::Open;
use super::SpanConfig;

/// What sends the spans of this process.
static PROCESSOR: OnceLock<Arc<BatchSpanProcessor>> = OnceLock::new();

/// The spans of our own code, also those of steps that take microseconds; others' would be noise, and the exporter's
/// own calls would never end.
fn ours() -> Targets {
    Targets::new()
        .with_default(LevelFilter::OFF)
        .with_targets([("minireipaz", Level::DEBUG), ("workers", Level::DEBUG)])
}

/// The layer that sends spans, where they are to be sent. Where to, the exporter reads from the environment itself.
///
/// # Errors
/// When that cannot be read.
pub(super) fn layer<S>(
    config: Option<&SpanConfig>,
) -> Result<Option<impl Layer<S>>, opentelemetry_otlp::ExporterBuildError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(config) = config else { return Ok(None) };
    let exporter = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).build()?;
    let resource = Resource::builder();
    let resource = match &config.default_name {
        Some(name) => resource.with_service_name(name.clone()),
        None => resource,
    };
    let mut processor = BatchSpanProcessor::new(exporter, BatchConfig::default());
    processor.set_resource(&resource.build());
    let processor = Arc::clone(PROCESSOR.get_or_init(|| Arc::new(processor)));
    let scope = InstrumentationScope::builder("minireipaz").with_version(env!("CARGO_PKG_VERSION")).build();
    Ok(Some(Sender { processor, scope }.with_filter(ours())))
}

/// Sends what has not been sent yet. Blocks for some seconds at most; nothing is sent afterwards.
pub(super) fn stop() {
    if let Some(processor) = PROCESSOR.get()
        && let Err(error) = processor.shutdown()
    {
        tracing::warn!(%error, "not all spans were sent");
    }
}

struct Sender {
    processor: Arc<BatchSpanProcessor>,
    scope: InstrumentationScope,
}

#[expect(clippy::disallowed_methods, reason = "nothing is decided by when a span began or ended")]
fn now() -> SystemTime {
    SystemTime::now()
}

impl<S> Layer<S> for Sender
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        // Made for log lines; see `workers::spans`.
        if span.name().starts_with("about_") {
            return;
        }
        let around = span.parent().and_then(|parent| parent.extensions().get::<Open>().map(Open::context));
        if let Some(open) = Open::new(attributes, around, now()) {
            span.extensions_mut().insert(open);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(open) = span.extensions_mut().get_mut::<Open>()
        {
            values.record(open);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if *event.metadata().level() <= Level::INFO
            && let Some(span) = context.event_span(event)
            && let Some(open) = span.extensions_mut().get_mut::<Open>()
        {
            open.happened(event, now());
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(open) = span.extensions_mut().remove::<Open>() else { return };
        self.processor.on_end(open.closed(span.name(), now(), self.scope.clone()));
    }
}
