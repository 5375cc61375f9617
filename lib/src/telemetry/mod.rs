//! Logs, metrics and trace context, with one vocabulary.

mod collector;
mod config;
mod json_lines;
mod log;
pub mod names;
#[cfg(feature = "otlp")]
mod otlp;
mod panics;
pub mod redact;
pub mod seldom;
mod trace_span;

pub use collector::collect;
#[cfg(feature = "otlp")]
pub use config::SpanConfig;
pub use config::{LogConfig, LogFormat};
pub use log::{LogError, init, init_file};
pub use panics::log_panics;
pub use trace_span::TraceSpan;

/// Sends the spans that have not been sent yet, with the feature `otlp`; to be called at the end of a program, outside
/// of its runtime. Blocks for some seconds at most.
pub fn flush() {
    #[cfg(feature = "otlp")]
    otlp::stop();
}
