//! How long to wait between two attempts.

use std::time::Duration;

use crate::connector::{BackoffPolicy, ConnectorConfig};

/// No delay is longer, whatever the receiver's `Retry-After` says.
const LONGEST: Duration = Duration::from_secs(60);
/// A delay of our own choice does not grow above this: a receiver that is back after an outage is found soon, and
/// one request in five seconds harms nobody.
const LONGEST_STEP: Duration = Duration::from_secs(5);

/// The delay after failed attempt number `attempt` (1, 2, …). `jitter` is a random number in `0.0..1.0`: an
/// exponential delay lies between half of its step and the whole. `retry_after` is a lower bound.
pub(super) fn delay(
    connector: &ConnectorConfig,
    attempt: u32,
    retry_after: Option<Duration>,
    jitter: f64,
) -> Duration {
    let own = match connector.backoff_policy {
        BackoffPolicy::Constant => connector.backoff,
        BackoffPolicy::ExponentialWithJitter => {
            let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
            connector
                .backoff
                .saturating_mul(factor)
                .min(LONGEST_STEP)
                .mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
        }
    };
    own.max(retry_after.unwrap_or_default().min(LONGEST))
}

/// `Retry-After` in seconds. (Its other form, a date, is ignored: clocks differ.)
pub(super) fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::Path};

    use proptest::prelude::*;

    use super::*;

    fn connector(policy: &str) -> ConnectorConfig {
        let dir = tempfile::TempDir::new().unwrap();
        let text = serde_json::json!({ "name": "s", "config": {
            "connector.class": crate::connector::CLASS, "topics": "t", "http.api.url": "http://h",
            "retry.backoff.ms": 250, "retry.backoff.policy": policy,
        }});
        let path: &Path = &dir.path().join("s.json");
        std::fs::write(path, text.to_string()).unwrap();
        crate::connector::read(path, &BTreeMap::new()).unwrap()
    }

    #[test]
    fn delays_double_up_to_five_seconds_and_retry_after_is_the_least() {
        let sink = connector("EXPONENTIAL_WITH_JITTER");
        let delays: Vec<u128> = (1..=10).map(|n| delay(&sink, n, None, 1.0).as_millis()).collect();
        assert_eq!(delays, [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000, 5_000, 5_000]);
        let asked = |secs| delay(&sink, 1, Some(Duration::from_secs(secs)), 0.0);
        assert_eq!(asked(0), Duration::from_millis(125));
        assert_eq!((asked(7), asked(9_999)), (Duration::from_secs(7), LONGEST));
        assert_eq!(delay(&connector("CONSTANT_VALUE"), 9, None, 0.3), Duration::from_millis(250));
    }

    #[test]
    fn retry_after_is_read_in_seconds_only() {
        let read = |text: &'static str| {
            let headers = [(http::header::RETRY_AFTER, http::HeaderValue::from_static(text))];
            retry_after(&headers.into_iter().collect())
        };
        assert_eq!(read("3"), Some(Duration::from_secs(3)));
        assert_eq!((read("-1"), read("Tue, 24 Nov 2026 06:00:00 GMT")), (None, None));
    }

    proptest! {
        #[test]
        fn no_delay_is_longer_than_the_longest(attempt in any::<u32>(), jitter in any::<f64>(), after in any::<u64>()) {
            let sink = connector("EXPONENTIAL_WITH_JITTER");
            prop_assert!(delay(&sink, attempt, Some(Duration::from_secs(after)), jitter) <= LONGEST);
        }
    }
}
