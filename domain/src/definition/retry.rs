//! How often a node is tried.

use super::DEFAULT_RUN_TIMEOUT;
use crate::{
    duration::HumanDuration,
    limits,
    retry::RetryPolicy,
    violation::{ViolationCode as Code, Violations},
    workflow::RetryDocument,
};

/// A node's own policy; what it leaves out comes from its kind.
pub(super) fn read_retry(
    declared: RetryPolicy,
    own: &RetryDocument,
    path: &str,
    violations: &mut Violations,
) -> RetryPolicy {
    let max_attempts = own.max_attempts.unwrap_or(declared.max_attempts());
    if !(1..=limits::MAX_ATTEMPTS).contains(&max_attempts) {
        let message = format!("attempts are 1 to {} (MAX_ATTEMPTS)", limits::MAX_ATTEMPTS);
        violations.add(format!("{path}.max_attempts"), Code::InvalidValue, message);
    }
    let max_delay = own.max_delay.map_or(declared.max_delay(), |longest| longest.0);
    // Only what the author has written can contradict itself.
    let base = own.base.map_or(declared.base().min(max_delay), |base| base.0);
    // Who sets a policy of their own wants all of its attempts: only the run's time limit ends them.
    RetryPolicy::new(max_attempts.max(1), base, max_delay, DEFAULT_RUN_TIMEOUT).unwrap_or_else(|_| {
        let message = format!(
            "the first delay, {}, is above the longest, {}; set `max_delay` too, or a shorter `base`",
            HumanDuration(base),
            HumanDuration(max_delay)
        );
        violations.add(format!("{path}.base"), Code::InvalidValue, message);
        declared
    })
}
