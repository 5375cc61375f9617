//! Where the log goes and how it looks.

use std::{
    io::{IsTerminal, stderr},
    str::FromStr,
};

use tracing_subscriber::{EnvFilter, filter::ParseError};

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

/// The log cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error(
    "the log filter {filter:?} cannot be read: {source}; write, for example, `info` or `warn,minireipaz=debug`"
)]
pub struct LogError {
    filter: String,
    source: ParseError,
}

/// Starts the log of this process, on the standard error stream.
///
/// Programs keep the standard output for their results. `filter` says what is logged, such as `info` or `warn,minireipaz=debug`. When a log was started before,
/// it goes on as it is.
///
/// # Errors
/// When the filter cannot be read.
pub fn init(format: LogFormat, filter: &str) -> Result<(), LogError> {
    let filter =
        EnvFilter::try_new(filter).map_err(|source| LogError { filter: filter.to_owned(), source })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    let started = match format {
        LogFormat::Text => log.with_ansi(stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).with_current_span(false).try_init(),
    };
    if let Err(error) = started {
        tracing::debug!("{error}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_is_named() {
        let error = init(LogFormat::Text, "minireipaz=loud").unwrap_err().to_string();
        assert!(error.contains("minireipaz=loud"), "{error}");
    }

    #[test]
    fn starting_the_log_twice_is_harmless() {
        init(LogFormat::Json, "off").unwrap();
        init(LogFormat::Text, "off").unwrap();
    }
}
