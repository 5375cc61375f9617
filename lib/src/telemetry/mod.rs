//! Logs, metrics and trace context, with one vocabulary.

mod collector;
mod json_lines;
mod log;
pub mod names;
pub mod redact;
mod trace_span;

pub use collector::collect;
pub use log::{LogError, LogFormat, init, init_file};
pub use trace_span::TraceSpan;
