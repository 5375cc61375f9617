//! The retry rules: one policy type for every outward call of functions and workers.
//!
//! 4xx: none. 429: exponential, `Retry-After` first. 500, 502, 503, 504: exponential. Connection errors and
//! timeouts: at once for the first two, then exponential. Base 1 s, factor 2, random jitter, at most 60 s.
//! A call that an open breaker rejected was not made: it is no attempt, and waits for the breaker within the window.
//! A policy is a pure value: plain calls sleep what it says, the engine schedules it as a durable timer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What kind of failure an outward call met; all that the retry rules ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "class")]
pub enum Failure {
    /// No connection, or it broke.
    Connection,
    /// No answer in time.
    Timeout,
    /// 429.
    RateLimited {
        /// What `Retry-After` said.
        retry_after: Option<Duration>,
    },
    /// 500, 502, 503, 504, or a server's word that it cannot now.
    Server {
        /// What `Retry-After` said.
        retry_after: Option<Duration>,
    },
    /// The call was not made: the destination's breaker is open until then.
    Rejected {
        /// When it may be tried again.
        retry_after: Option<Duration>,
    },
    /// Trying again is no use.
    Permanent,
}

impl Failure {
    /// The failure that an HTTP status stands for; `None` for a success or a redirect.
    #[must_use]
    pub fn of_status(status: u16, retry_after: Option<Duration>) -> Option<Self> {
        match status {
            0..400 => None,
            429 => Some(Self::RateLimited { retry_after }),
            500 | 502 | 503 | 504 => Some(Self::Server { retry_after }),
            _ => Some(Self::Permanent),
        }
    }

    /// Whether trying again may help.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        !matches!(self, Self::Permanent)
    }

    /// Whether the call was made. One that was not uses up no attempt.
    #[must_use]
    pub const fn is_attempt(self) -> bool {
        !matches!(self, Self::Rejected { .. })
    }

    /// The name in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Timeout => "timeout",
            Self::RateLimited { .. } => "rate_limited",
            Self::Server { .. } => "server",
            Self::Rejected { .. } => "rejected",
            Self::Permanent => "permanent",
        }
    }
}

/// How often and when to try again. There is no policy that contradicts itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    max_attempts: u32,
    base: Duration,
    max_delay: Duration,
    window: Duration,
}

/// Settings that are no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRetryPolicy {
    /// Not even the first attempt would be made.
    #[error("there is at least 1 attempt")]
    NoAttempt,
    /// The first delay would already be cut.
    #[error("the first delay, {} ms, is above the longest, {} ms", base.as_millis(), max_delay.as_millis())]
    BaseAboveCap {
        /// The first delay.
        base: Duration,
        /// The longest.
        max_delay: Duration,
    },
}

/// How many retries of a connection error or a timeout are made at once.
const IMMEDIATE: u32 = 2;

impl RetryPolicy {
    /// A policy of one's own.
    ///
    /// `max_attempts` are all, the first included; `base` is the delay before the second, when it is not at once; no
    /// delay is longer than `max_delay`, whatever `Retry-After` says; no attempt starts later than `window` after the
    /// first.
    ///
    /// # Errors
    /// When there is no attempt, or when the first delay is above the longest.
    pub const fn new(
        max_attempts: u32,
        base: Duration,
        max_delay: Duration,
        window: Duration,
    ) -> Result<Self, InvalidRetryPolicy> {
        if max_attempts == 0 {
            return Err(InvalidRetryPolicy::NoAttempt);
        }
        // `Duration` cannot be compared in a const function yet.
        if base.as_nanos() > max_delay.as_nanos() {
            return Err(InvalidRetryPolicy::BaseAboveCap { base, max_delay });
        }
        Ok(Self { max_attempts, base, max_delay, window })
    }

    /// The product's rule with `max_attempts` attempts within `window`.
    ///
    /// # Panics
    /// Without an attempt; in a constant that is an error of the compiler.
    #[must_use]
    pub const fn standard(max_attempts: u32, window: Duration) -> Self {
        assert!(max_attempts > 0, "there is at least 1 attempt");
        Self { max_attempts, base: Duration::from_secs(1), max_delay: Duration::from_secs(60), window }
    }

    /// Attempts in all, the first included; at least 1.
    #[must_use]
    pub const fn max_attempts(&self) -> u32 {
        self.max_attempts
    }

    /// Delay before the second attempt, when it is not at once; at most [`Self::max_delay`].
    #[must_use]
    pub const fn base(&self) -> Duration {
        self.base
    }

    /// No delay is longer, whatever `Retry-After` says.
    #[must_use]
    pub const fn max_delay(&self) -> Duration {
        self.max_delay
    }

    /// No attempt starts later than this after the first.
    #[must_use]
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// How long to wait after failed attempt number `attempt` (1, 2, …); `None`: give up.
    ///
    /// `elapsed` is the time since the first attempt began. `jitter` is a random number in `0.0..1.0`; a delay
    /// lies between half of the exponential step and the whole of it. `Retry-After` is a lower bound.
    #[must_use]
    pub fn delay(&self, attempt: u32, failure: Failure, elapsed: Duration, jitter: f64) -> Option<Duration> {
        if !failure.is_retryable() || (failure.is_attempt() && attempt >= self.max_attempts) {
            return None;
        }
        let exponential = |step: u32| {
            let whole =
                self.base.saturating_mul(1u32.checked_shl(step).unwrap_or(u32::MAX)).min(self.max_delay);
            whole.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
        };
        let delay = match failure {
            Failure::Connection | Failure::Timeout if attempt <= IMMEDIATE => Duration::ZERO,
            Failure::Connection | Failure::Timeout => exponential(attempt - IMMEDIATE - 1),
            // Spread out: only one of those who wait may probe, and who comes too early has to come again.
            Failure::Rejected { retry_after } => {
                let least = self.base.max(retry_after.unwrap_or_default()).min(self.max_delay);
                least.mul_f64(1.0 + jitter.clamp(0.0, 1.0)).min(self.max_delay)
            }
            Failure::RateLimited { retry_after } | Failure::Server { retry_after } => {
                exponential(attempt - 1).max(retry_after.unwrap_or_default()).min(self.max_delay)
            }
            Failure::Permanent => return None,
        };
        (elapsed.saturating_add(delay) <= self.window).then_some(delay)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: RetryPolicy = RetryPolicy::standard(5, Duration::from_secs(3_600));

    #[test]
    fn a_policy_that_contradicts_itself_is_refused() {
        let s = Duration::from_secs;
        assert_eq!(RetryPolicy::new(0, s(1), s(60), s(9)), Err(InvalidRetryPolicy::NoAttempt));
        let error = RetryPolicy::new(3, s(61), s(60), s(9)).unwrap_err();
        assert_eq!(error, InvalidRetryPolicy::BaseAboveCap { base: s(61), max_delay: s(60) });
        assert_eq!(error.to_string(), "the first delay, 61000 ms, is above the longest, 60000 ms");
        assert_eq!(RetryPolicy::new(3, s(1), s(60), s(9)), Ok(RetryPolicy::standard(3, s(9))));
        assert!(RetryPolicy::new(1, s(60), s(60), Duration::ZERO).is_ok());
    }

    #[test]
    fn the_first_two_retries_of_a_broken_connection_are_at_once() {
        let delays: Vec<_> =
            (1..=5).map(|n| POLICY.delay(n, Failure::Connection, Duration::ZERO, 1.0)).collect();
        let s = Duration::from_secs;
        assert_eq!(delays, [Some(s(0)), Some(s(0)), Some(s(1)), Some(s(2)), None]);
    }

    #[test]
    fn retry_after_comes_first_but_never_above_the_longest_delay() {
        let limited = |secs| Failure::RateLimited { retry_after: Some(Duration::from_secs(secs)) };
        assert_eq!(POLICY.delay(1, limited(7), Duration::ZERO, 0.0), Some(Duration::from_secs(7)));
        assert_eq!(POLICY.delay(1, limited(999), Duration::ZERO, 0.0), Some(Duration::from_secs(60)));
    }

    #[test]
    fn client_errors_are_final_and_server_errors_are_not() {
        assert_eq!(Failure::of_status(204, None), None);
        assert_eq!(Failure::of_status(404, None), Some(Failure::Permanent));
        assert_eq!(Failure::of_status(501, None), Some(Failure::Permanent));
        assert_eq!(Failure::of_status(503, None), Some(Failure::Server { retry_after: None }));
        assert_eq!(POLICY.delay(1, Failure::Permanent, Duration::ZERO, 0.5), None);
    }

    #[test]
    fn a_call_that_was_not_made_waits_for_the_breaker_whatever_was_tried_before_but_not_beyond_the_window() {
        let rejected = |secs| Failure::Rejected { retry_after: Some(Duration::from_secs(secs)) };
        assert_eq!(POLICY.delay(9, rejected(5), Duration::ZERO, 0.0), Some(Duration::from_secs(5)));
        assert_eq!(POLICY.delay(1, rejected(5), Duration::ZERO, 1.0), Some(Duration::from_secs(10)));
        assert_eq!(POLICY.delay(1, rejected(0), Duration::ZERO, 0.0), Some(POLICY.base));
        assert_eq!(POLICY.delay(1, rejected(5), POLICY.window, 0.0), None);
    }

    proptest! {
        #[test]
        fn delays_are_bounded_and_attempts_end(attempt in 1u32..200, jitter in 0.0f64..1.0, after in 0u64..1_000) {
            let failure = Failure::Server { retry_after: Some(Duration::from_secs(after)) };
            match POLICY.delay(attempt, failure, Duration::ZERO, jitter) {
                Some(delay) => prop_assert!(attempt < 5 && delay <= POLICY.max_delay),
                None => prop_assert!(attempt >= 5),
            }
        }

        #[test]
        fn no_attempt_starts_after_the_window(elapsed in 0u64..10_000) {
            let elapsed = Duration::from_secs(elapsed);
            if let Some(delay) = POLICY.delay(1, Failure::Server { retry_after: None }, elapsed, 0.0) {
                prop_assert!(elapsed + delay <= POLICY.window);
            }
        }
    }
}
