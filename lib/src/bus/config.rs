//! Settings of the event bus.

use std::{str::FromStr, time::Duration};

use secrecy::SecretString;
use url::Url;

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
