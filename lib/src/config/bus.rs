//! Settings of the event bus.

use url::Url;

use super::Env;
use crate::bus::{ApiKey, BusConfig, ProduceApi};

impl BusConfig {
    /// Reads the settings; `None` when a required one is missing or wrong, which `env` has noted.
    pub fn from_env(env: &mut Env) -> Option<Self> {
        let url: Option<Url> = env.required("KAFKA_REST_URL");
        let api = env.or("KAFKA_REST_API", ProduceApi::V3);
        let cluster_id = env.optional("KAFKA_CLUSTER_ID");
        let credentials = match (env.optional("KAFKA_API_KEY"), env.optional::<String>("KAFKA_API_SECRET")) {
            (Some(key), Some(secret)) => Some(ApiKey { key, secret: secret.into() }),
            (None, None) => None,
            _ => {
                env.problem("KAFKA_API_KEY and KAFKA_API_SECRET go together: set both or neither");
                None
            }
        };
        let url = url?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            env.problem("KAFKA_REST_URL must start with http:// or https://");
            return None;
        }
        if !url.username().is_empty() || url.password().is_some() {
            env.problem("KAFKA_REST_URL must not hold a password: use KAFKA_API_KEY and KAFKA_API_SECRET");
            return None;
        }
        Some(Self { api, cluster_id, credentials, ..Self::at(url) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<BusConfig, String> {
        let mut env = Env::of(vars.iter().copied());
        let config = BusConfig::from_env(&mut env);
        env.finish(config).map_err(|error| error.to_string())
    }

    #[test]
    fn an_address_is_enough() {
        let config = read(&[("KAFKA_REST_URL", "http://127.0.0.1:8082")]).unwrap();
        assert_eq!(config.api, ProduceApi::V3);
        assert!(config.cluster_id.is_none() && config.credentials.is_none());
    }

    #[test]
    fn a_secret_is_not_in_the_debug_output() {
        let config = read(&[
            ("KAFKA_REST_URL", "https://pkc-1.example/kafka"),
            ("KAFKA_API_KEY", "key"),
            ("KAFKA_API_SECRET", "hush"),
        ]);
        assert!(!format!("{:?}", config.unwrap()).contains("hush"));
    }

    #[test]
    fn what_is_wrong_is_said_all_at_once() {
        let error = read(&[("KAFKA_REST_API", "v9"), ("KAFKA_API_KEY", "key")]).unwrap_err();
        for part in ["KAFKA_REST_URL is not set", "KAFKA_REST_API: must be v3 or v2", "both or neither"] {
            assert!(error.contains(part), "{error}");
        }
        assert!(read(&[("KAFKA_REST_URL", "ftp://x")]).unwrap_err().contains("http://"));
        assert!(read(&[("KAFKA_REST_URL", "http://u:p@x")]).unwrap_err().contains("password"));
    }
}
