//! Logs, metrics and trace context, with one vocabulary.

pub mod names;
