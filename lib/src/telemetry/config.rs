//! Settings of the log and of the spans.

use std::str::FromStr;

/// What is logged and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// What is logged, as `tracing` filters are written. `LOG`; default `info`.
    pub filter: String,
    /// For whom it is written. `LOG_FORMAT`, `text` or `json`; default `text`.
    pub format: LogFormat,
    /// Where spans are sent; none: nowhere.
    #[cfg(feature = "otlp")]
    pub spans: Option<SpanConfig>,
}

impl LogConfig {
    /// Such a log; spans are not sent.
    #[must_use]
    pub fn new(format: LogFormat, filter: impl Into<String>) -> Self {
        Self {
            filter: filter.into(),
            format,
            #[cfg(feature = "otlp")]
            spans: None,
        }
    }
}

/// Where spans are sent, with the feature `otlp`. All else (headers, time limits, batches, compression, resource
/// attributes) the exporter reads from the standard variables itself.
#[cfg(feature = "otlp")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanConfig {
    /// The service's name. `OTEL_SERVICE_NAME`, or `service.name` in `OTEL_RESOURCE_ATTRIBUTES`; default: the
    /// program's.
    pub default_name: Option<String>,
}

/// For whom the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("must be text or json"),
        }
    }
}
