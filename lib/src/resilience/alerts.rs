//! Recurring error patterns of one destination: the same kind of error again and again is worth a look, even
//! when every single call was saved by a retry.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::telemetry::names;
use domain::retry::Failure;

/// So many of one pattern within [`WINDOW`] raise an alert.
pub const THRESHOLD: u32 = 10;
/// The time in which they are counted; a pattern raises at most one alert in it.
pub const WINDOW: Duration = Duration::from_secs(300);
/// So many patterns are told apart at once; the one that was quiet for longest makes room.
pub const MAX_PATTERNS: usize = 128;
/// So many characters of a message make the pattern.
const MAX_FINGERPRINT: usize = 160;

/// Counts error patterns, in bounded memory.
#[derive(Debug, Default)]
pub struct Alerts {
    patterns: Mutex<HashMap<Pattern, Seen>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Pattern {
    operation: &'static str,
    failure: &'static str,
    message: String,
}

#[derive(Debug)]
struct Seen {
    since: Instant,
    last: Instant,
    count: u32,
}

impl Alerts {
    /// Notes an error. A pattern that has come back [`THRESHOLD`] times is logged and counted.
    pub fn observe(
        &self,
        destination: &'static str,
        operation: &'static str,
        failure: Failure,
        message: &str,
    ) {
        let failure = failure.as_str();
        let Some(pattern) = self.note(operation, failure, message, Instant::now()) else { return };
        tracing::warn!(
            destination,
            operation,
            failure,
            pattern,
            "recurring error of {destination}: {THRESHOLD} times within {} s: {pattern}",
            WINDOW.as_secs()
        );
        metrics::counter!(
            names::ALERTS, names::DESTINATION => destination, names::OPERATION => operation, names::FAILURE => failure
        )
        .increment(1);
    }

    /// The pattern, when this occurrence is the one that raises the alert.
    fn note(
        &self,
        operation: &'static str,
        failure: &'static str,
        message: &str,
        now: Instant,
    ) -> Option<String> {
        let pattern = Pattern { operation, failure, message: fingerprint(message) };
        let mut patterns = self.patterns.lock().unwrap_or_else(PoisonError::into_inner);
        if !patterns.contains_key(&pattern) && patterns.len() >= MAX_PATTERNS {
            let quietest =
                patterns.iter().min_by_key(|(_, seen)| seen.last).map(|(pattern, _)| pattern.clone());
            quietest.and_then(|pattern| patterns.remove(&pattern));
        }
        let message = pattern.message.clone();
        let seen = patterns.entry(pattern).or_insert(Seen { since: now, last: now, count: 0 });
        if now.saturating_duration_since(seen.since) >= WINDOW {
            *seen = Seen { since: now, last: now, count: 0 };
        }
        seen.last = now;
        seen.count = seen.count.saturating_add(1);
        (seen.count == THRESHOLD).then_some(message)
    }
}

/// The message without what differs from one occurrence to the next: words with a digit in them (numbers, ids).
fn fingerprint(message: &str) -> String {
    let mut pattern = String::with_capacity(message.len().min(MAX_FINGERPRINT));
    for word in message.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let end = word.chars().next_back().filter(|c| !c.is_alphanumeric());
        if word.chars().any(|c| c.is_ascii_digit()) {
            pattern.push('#');
            pattern.extend(end);
        } else {
            pattern.push_str(word);
        }
        if pattern.len() >= MAX_FINGERPRINT {
            break;
        }
    }
    pattern.chars().take(MAX_FINGERPRINT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_comes_back_raises_one_alert_in_a_window() {
        let alerts = Alerts::default();
        let start = Instant::now();
        let raised: Vec<u32> = (1..=50)
            .filter(|n| {
                let now = start + Duration::from_secs(u64::from(*n));
                alerts.note("produce", "server", &format!("broker {n} is away"), now).is_some()
            })
            .collect();
        assert_eq!(raised, [THRESHOLD]);

        let next = start + WINDOW + Duration::from_secs(1);
        let again = (0..THRESHOLD).filter_map(|_| alerts.note("produce", "server", "broker 7 is away", next));
        assert_eq!(again.collect::<Vec<_>>(), ["broker # is away"]);
    }

    #[test]
    fn different_errors_are_different_patterns() {
        let alerts = Alerts::default();
        let now = Instant::now();
        for _ in 0..THRESHOLD - 1 {
            assert!(alerts.note("produce", "server", "disk full", now).is_none());
            assert!(alerts.note("produce", "timeout", "disk full", now).is_none());
            assert!(alerts.note("ping", "server", "disk full", now).is_none());
        }
    }

    #[test]
    fn any_number_of_patterns_takes_bounded_memory_and_a_busy_one_stays() {
        let alerts = Alerts::default();
        let start = Instant::now();
        let mut raised = 0;
        for n in 0..1_000u64 {
            let now = start + Duration::from_millis(n);
            let word: String = n.to_string().bytes().map(|b| char::from(b - b'0' + b'a')).collect();
            alerts.note("produce", "server", &word.repeat(50), now);
            if n % 50 == 0 {
                raised += u32::from(alerts.note("produce", "server", "busy", now).is_some());
            }
        }
        assert_eq!(raised, 1);
        assert!(alerts.patterns.lock().unwrap().len() <= MAX_PATTERNS);
    }

    #[test]
    fn ids_and_numbers_do_not_make_a_new_pattern() {
        assert_eq!(
            fingerprint("run 019a-77f3 failed on port 8082, again"),
            "run #-# failed on port #, again"
        );
    }
}
