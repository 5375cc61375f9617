//! Logs, metrics and trace context, with one vocabulary.

mod collector;
mod json_lines;
mod log;
pub mod names;
#[cfg(feature = "otlp")]
mod otlp;
pub mod redact;
mod trace_span;

pub use collector::collect;
pub use log::{LogError, LogFormat, init, init_file};
pub use trace_span::TraceSpan;

/// Sends the spans that have not been sent yet, with the feature `otlp`; to be called at the end of a program, outside
/// of its runtime. Blocks for some seconds at most.
pub fn flush() {
    #[cfg(feature = "otlp")]
    otlp::stop();
}
