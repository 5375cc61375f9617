//! Settings of the way to the workers.

use std::{fmt, time::Duration};

use secrecy::SecretString;
use url::Url;

use crate::resilience::BreakerSettings;

/// Where the workers are, and how long they may take.
#[derive(Clone)]
pub struct LiveConfig {
    /// The address that all workers share; any of them asks the one that has the run. `WORKER_URL`; without it only the
    /// store is asked.
    pub url: Url,
    /// What is shown at their door: `CONNECTOR_SECRET`.
    pub secret: SecretString,
    /// How long an answer may take beyond the wait that was asked for.
    pub patience: Duration,
    /// When they are left alone, and for how long.
    pub breaker: BreakerSettings,
}

impl LiveConfig {
    /// Settings with the defaults.
    #[must_use]
    pub const fn new(url: Url, secret: SecretString) -> Self {
        let breaker = BreakerSettings { failures: 3, cool_down: Duration::from_secs(1) };
        Self { url, secret, patience: Duration::from_secs(2), breaker }
    }
}

impl fmt::Debug for LiveConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveConfig").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}
