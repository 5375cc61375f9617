//! Latency figures, and how they are printed.

use std::time::Duration;

/// Latencies of one measurement.
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn of(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        Self(all)
    }

    /// The latency that `share` of all are at or below, in milliseconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let place = (last as f64 * share).round() as usize;
        self.0.get(place).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
    }

    pub(crate) fn p50(&self) -> f64 {
        self.quantile(0.5)
    }
}

impl std::fmt::Display for Latencies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "p50 {:7.2} ms   p99 {:7.2} ms   n {}", self.p50(), self.quantile(0.99), self.0.len())
    }
}

/// A line of the report: what was measured, and what came out.
pub(crate) fn line(what: &str, figures: impl std::fmt::Display) {
    println!("  {what:<58} {figures}");
}

/// A heading of the report.
pub(crate) fn heading(text: &str) {
    println!("\n{text}");
}
