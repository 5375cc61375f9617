//! Prometheus' side of the counting: what is registered here is what `/metrics` shows.

use metrics::{Counter, Gauge, Key, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};

static METADATA: Metadata<'_> = Metadata::new("bridge", Level::INFO, None);

/// A name of a metric, and what it says.
#[derive(Clone, Copy)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
}

/// The recorder of one bridge. It is not the process's: there the worker counts, in `minireipaz dev`, and a process
/// may have several bridges.
pub(super) struct Exporter(PrometheusRecorder);

impl Exporter {
    pub(super) fn new() -> Self {
        Self(PrometheusBuilder::new().build_recorder())
    }

    /// A counter, which is at 0 until it is used. Keep it: to register takes a look-up.
    pub(super) fn counter(&self, metric: Metric, labels: &[Label]) -> Counter {
        self.0.describe_counter(metric.name.into(), None, metric.help.into());
        self.0.register_counter(&Key::from_parts(metric.name, labels.to_vec()), &METADATA)
    }

    /// The same for a gauge.
    pub(super) fn gauge(&self, metric: Metric, labels: &[Label]) -> Gauge {
        self.0.describe_gauge(metric.name.into(), None, metric.help.into());
        self.0.register_gauge(&Key::from_parts(metric.name, labels.to_vec()), &METADATA)
    }

    /// Everything in Prometheus' text form.
    pub(super) fn render(&self) -> String {
        self.0.handle().render()
    }
}

/// A label whose value may be any text.
pub(super) fn label(name: &'static str, value: &str) -> Label {
    // The exporter takes a single backslash for one that may escape already what follows, so that `\"` would lose
    // it and two names could become one. A doubled one it always writes as one escaped backslash.
    Label::new(name, value.replace('\\', r"\\"))
}
