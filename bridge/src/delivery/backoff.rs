//! How long to wait between two attempts.

use std::time::Duration;

use backon::{Backoff, BackoffBuilder as _, ConstantBuilder, ExponentialBuilder};

use crate::connector::{BackoffPolicy, ConnectorConfig};

/// A receiver's `Retry-After` is heeded up to this.
const LONGEST_ASKED: Duration = Duration::from_secs(60);
/// A delay of our own choice does not grow above this: a receiver that is back after an outage is found soon, and
/// one request in five seconds harms nobody.
const LONGEST_STEP: Duration = Duration::from_secs(5);

/// The delays between the attempts of one request, as many as the connector allows. Exponential ones are between
/// half of their step and the whole.
pub(super) fn delays(connector: &ConnectorConfig) -> Box<dyn Backoff> {
    let times = usize::try_from(connector.max_retries).unwrap_or(usize::MAX);
    match connector.backoff_policy {
        BackoffPolicy::Constant => {
            Box::new(ConstantBuilder::new().with_delay(connector.backoff).with_max_times(times).build())
        }
        BackoffPolicy::ExponentialWithJitter => {
            // The jitter adds up to as much again, so halves go in.
            let builder = ExponentialBuilder::new()
                .with_min_delay(connector.backoff.min(LONGEST_STEP) / 2)
                .with_max_delay(LONGEST_STEP / 2)
                .with_jitter()
                .with_max_times(times);
            Box::new(builder.build())
        }
    }
}

/// The delay when the receiver has named one: that is the least.
pub(super) fn at_least(own: Duration, retry_after: Option<Duration>) -> Duration {
    own.max(retry_after.unwrap_or_default().min(LONGEST_ASKED))
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

    fn connector(policy: &str, backoff_ms: u64) -> ConnectorConfig {
        let dir = tempfile::TempDir::new().unwrap();
        let text = serde_json::json!({ "name": "s", "config": {
            "connector.class": crate::connector::CLASS, "topics": "t", "http.api.url": "http://h",
            "retry.backoff.ms": backoff_ms, "retry.backoff.policy": policy, "max.retries": 10,
        }});
        let path: &Path = &dir.path().join("s.json");
        std::fs::write(path, text.to_string()).unwrap();
        crate::connector::read(path, &BTreeMap::new()).unwrap()
    }

    fn millis(sink: &ConnectorConfig) -> Vec<u128> {
        delays(sink).map(|delay| delay.as_millis()).collect()
    }

    #[test]
    fn delays_double_up_to_five_seconds_and_lie_between_half_of_that_and_the_whole() {
        let sink = connector("EXPONENTIAL_WITH_JITTER", 250);
        let steps = [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000, 5_000, 5_000];
        let mut spread = [(u128::MAX, 0); 10];
        for _ in 0..500 {
            let delays = millis(&sink);
            assert_eq!(delays.len(), 10, "as many as max.retries");
            for (delay, (least, most)) in delays.into_iter().zip(&mut spread) {
                (*least, *most) = (delay.min(*least), delay.max(*most));
            }
        }
        for (step, (least, most)) in steps.into_iter().zip(spread) {
            assert!((step / 2..=step * 6 / 10).contains(&least), "{step}: {least}");
            assert!((step * 9 / 10..=step).contains(&most), "{step}: {most}");
        }
    }

    #[test]
    fn a_first_delay_above_five_seconds_is_cut_and_a_constant_one_is_what_it_is() {
        let long = millis(&connector("EXPONENTIAL_WITH_JITTER", 60_000));
        assert!(long.iter().all(|delay| (2_500..=5_000).contains(delay)), "{long:?}");
        assert_eq!(millis(&connector("CONSTANT_VALUE", 250)), [250; 10]);
        assert_eq!(millis(&connector("CONSTANT_VALUE", 61_001)), [61_001; 10]);
    }

    #[test]
    fn retry_after_is_the_least_up_to_a_minute() {
        let asked = |secs| at_least(Duration::from_millis(125), Some(Duration::from_secs(secs)));
        assert_eq!(asked(0), Duration::from_millis(125));
        assert_eq!((asked(7), asked(9_999)), (Duration::from_secs(7), LONGEST_ASKED));
        assert_eq!(at_least(Duration::from_millis(125), None), Duration::from_millis(125));
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
        fn no_delay_is_longer_than_the_longest(ms in 1_u64..=3_600_000, after in any::<u64>()) {
            let sink = connector("EXPONENTIAL_WITH_JITTER", ms);
            let asked = Some(Duration::from_secs(after));
            prop_assert!(delays(&sink).all(|own| own <= LONGEST_STEP && at_least(own, asked) <= LONGEST_ASKED));
        }
    }
}
