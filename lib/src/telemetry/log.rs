//! Where the log goes and how it looks.

use std::{
    fs::File,
    io::{IsTerminal, stderr},
    sync::Mutex,
};

use tracing_subscriber::{
    EnvFilter, Layer,
    filter::ParseError,
    fmt::{self, MakeWriter, format::JsonFields},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use super::{LogConfig, LogFormat, json_lines::JsonLines};

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
/// Programs keep the standard output for their results. When a log was started before, it goes on as it is.
///
/// # Errors
/// When the filter cannot be read.
pub fn init(config: &LogConfig) -> Result<(), LogError> {
    start(config, stderr, stderr().is_terminal())
}

/// The same, to a file: for a program whose terminal shows something else.
///
/// # Errors
/// When the filter cannot be read.
pub fn init_file(config: &LogConfig, file: File) -> Result<(), LogError> {
    start(config, Mutex::new(file), false)
}

fn start<W>(config: &LogConfig, writer: W, colours: bool) -> Result<(), LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&config.filter)
        .map_err(|source| LogError { filter: config.filter.clone(), source })?;
    // A line that cannot be written is lost. Complaining about it on the standard error stream would panic where that
    // is on the same full disk, and end what works.
    let layer = fmt::layer().with_writer(writer).log_internal_errors(false);
    let layer = match config.format {
        LogFormat::Text => layer.with_ansi(colours).boxed(),
        LogFormat::Json => layer.event_format(JsonLines).fmt_fields(JsonFields::new()).boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(filter));
    #[cfg(feature = "otlp")]
    let (subscriber, wrong) = match super::otlp::layer(config.spans.as_ref()) {
        Ok(spans) => (subscriber.with(spans), None),
        Err(error) => (subscriber.with(None), Some(error)),
    };
    if let Err(error) = subscriber.try_init() {
        tracing::debug!("{error}");
    }
    #[cfg(feature = "otlp")]
    if let Some(error) = wrong {
        tracing::warn!(%error, "spans are not sent to a collector");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_is_named() {
        let error = init(&LogConfig::new(LogFormat::Text, "minireipaz=loud")).unwrap_err().to_string();
        assert!(error.contains("minireipaz=loud"), "{error}");
    }

    #[test]
    fn starting_the_log_twice_is_harmless() {
        init(&LogConfig::new(LogFormat::Json, "off")).unwrap();
        init(&LogConfig::new(LogFormat::Text, "off")).unwrap();
    }
}
