//! Logs, metrics and trace context, with one vocabulary.
