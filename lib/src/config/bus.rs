//! Settings of the event bus.

use std::{str::FromStr, time::Duration};

use secrecy::SecretString;
use url::Url;

use super::Env;
use crate::resilience::BreakerSettings;
use domain::retry::RetryPolicy;

/// How to reach the REST Proxy and how long to try.
#[derive(Debug, Clone)]
pub struct BusConfig {
    /// Base address; `/v3/…` or `/topics/…` follows it. Confluent Cloud's ends with `/kafka`, a self-hosted proxy's
    /// usually has no path. `KAFKA_REST_URL`, required.
    pub url: Url,
    /// Which produce API to use. `KAFKA_REST_API`, `v3` or `v2`; default `v3`.
    pub api: ProduceApi,
    /// The Kafka cluster's id, for v3. `KAFKA_CLUSTER_ID`; by default the proxy is asked.
    pub cluster_id: Option<String>,
    /// Key and secret for HTTP Basic. `KAFKA_API_KEY` and `KAFKA_API_SECRET`, both or neither.
    pub credentials: Option<ApiKey>,
    /// When a produce is tried again; its window bounds the whole publish. 4 attempts within 8 s.
    pub retry: RetryPolicy,
    /// The time limit of one attempt. 4 s.
    pub attempt_timeout: Duration,
    /// When to stop trying for a while.
    pub breaker: BreakerSettings,
}

/// Which of the REST Proxy's produce APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProduceApi {
    /// `POST /v3/clusters/{id}/topics/{topic}/records`, many records as concatenated JSON objects.
    V3,
    /// `POST /topics/{topic}`; self-hosted proxies only.
    V2,
}

/// A key with its secret.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// The key: the user name of HTTP Basic.
    pub key: String,
    /// The secret: the password.
    pub secret: SecretString,
}

impl BusConfig {
    /// The proxy at `url`, all else by default.
    #[must_use]
    pub fn at(url: Url) -> Self {
        Self {
            url,
            api: ProduceApi::V3,
            cluster_id: None,
            credentials: None,
            retry: RetryPolicy::standard(4, Duration::from_secs(8)),
            attempt_timeout: Duration::from_secs(4),
            breaker: BreakerSettings::default(),
        }
    }

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

impl FromStr for ProduceApi {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "v3" => Ok(Self::V3),
            "v2" => Ok(Self::V2),
            _ => Err("must be v3 or v2"),
        }
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
