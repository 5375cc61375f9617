//! Settings of the log.

use super::Env;
use crate::telemetry::LogFormat;

/// What is logged and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// What is logged, as `tracing` filters are written. `LOG`; default `info`.
    pub filter: String,
    /// For whom it is written. `LOG_FORMAT`, `text` or `json`; default `text`.
    pub format: LogFormat,
}

impl LogConfig {
    /// Reads the settings.
    pub fn from_env(env: &mut Env) -> Self {
        Self { filter: env.or("LOG", "info".to_owned()), format: env.or("LOG_FORMAT", LogFormat::Text) }
    }
}
