//! All settings of a function.

use super::{ConfigError, Env};
use crate::{
    auth::{AuthConfig, CallbackSecrets},
    bus::BusConfig,
    http::{ApiConfig, HttpConfig},
    live::LiveConfig,
    store::StoreConfig,
};

impl ApiConfig {
    /// Reads the settings.
    ///
    /// # Errors
    /// All that is missing or wrong, by name.
    pub fn from_env(mut env: Env) -> Result<Self, ConfigError> {
        let http = HttpConfig::from_env(&mut env);
        let auth = AuthConfig::from_env(&mut env);
        let callbacks = CallbackSecrets::from_env(&mut env);
        let bus = BusConfig::from_env(&mut env);
        let store = StoreConfig::from_env(&mut env);
        let live = LiveConfig::from_env(&mut env);
        let parts = auth.zip(callbacks).zip(bus.zip(store));
        let config =
            parts.map(|((auth, callbacks), (bus, store))| Self { http, auth, callbacks, bus, store, live });
        env.finish(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        let error = ApiConfig::from_env(Env::of([("CORS_ORIGINS", "nonsense")])).unwrap_err().to_string();
        for name in [
            "CORS_ORIGINS",
            "AUTH_ISSUER",
            "AUTH_AUDIENCE",
            "AUTH_JWKS_URL",
            "CONNECTOR_SECRET",
            "KAFKA_REST_URL",
            "CLICKHOUSE_URL",
        ] {
            assert!(error.contains(name), "{error}");
        }
    }
}
