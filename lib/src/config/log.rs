//! Settings of the log.

use super::Env;
#[cfg(feature = "otlp")]
use crate::telemetry::SpanConfig;
use crate::telemetry::{LogConfig, LogFormat};

impl LogConfig {
    /// Reads the settings.
    pub fn from_env(env: &mut Env) -> Self {
        Self {
            filter: env.or("LOG", "info".to_owned()),
            format: env.or("LOG_FORMAT", LogFormat::Text),
            #[cfg(feature = "otlp")]
            spans: SpanConfig::from_env(env),
        }
    }
}

#[cfg(feature = "otlp")]
impl SpanConfig {
    /// Reads the settings. None: spans are not sent, since `OTEL_EXPORTER_OTLP_ENDPOINT` (or its `_TRACES_` form) is
    /// not set, or `OTEL_SDK_DISABLED` is `true`, or `OTEL_TRACES_EXPORTER` is `none`.
    #[must_use]
    pub fn from_env(env: &mut Env) -> Option<Self> {
        let mut text = |name: &str| env.optional::<String>(name);
        let endpoint =
            text("OTEL_EXPORTER_OTLP_ENDPOINT").or_else(|| text("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"));
        let off = text("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || text("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
        if endpoint.is_none() || off {
            return None;
        }
        let named = text("OTEL_SERVICE_NAME").is_some()
            || text("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|all| all.contains("service.name="));
        let program = || std::env::current_exe().ok()?.file_stem()?.to_str().map(str::to_owned);
        Some(Self { default_name: if named { None } else { program() } })
    }
}

#[cfg(all(test, feature = "otlp"))]
mod tests {
    use super::*;

    #[test]
    fn spans_are_sent_only_when_there_is_an_endpoint_and_nobody_says_no() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        assert!(SpanConfig::from_env(&mut Env::of([endpoint])).is_some());
        assert_eq!(SpanConfig::from_env(&mut Env::of::<&str, &str>([])), None);
        for no in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")] {
            assert_eq!(SpanConfig::from_env(&mut Env::of([endpoint, no])), None);
        }
        let named = Env::of([endpoint, ("OTEL_SERVICE_NAME", "mine")]);
        assert_eq!(SpanConfig::from_env(&mut { named }), Some(SpanConfig { default_name: None }));
    }
}
