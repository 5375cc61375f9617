//! Logs, metrics and trace context, with one vocabulary.

mod log;
pub mod names;
pub mod redact;
mod trace_span;

pub use log::{LogError, LogFormat, init, init_file};
pub use trace_span::TraceSpan;
