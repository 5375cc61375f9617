//! The retry rules: one policy type for every outward call of functions and workers.
//!
//! 4xx: none. 429, 500, 502, 503, 504: exponential, and never before the server wants it ([`retry_after`]). Connection
//! errors and timeouts: at once for the first two, then exponential. Base 1 s, factor 2, random jitter, at most 60 s:
//! that cap is for our own delays. Who is asked to wait beyond the window gives up at once, for waiting is no use.
//!
//! [`retry_after`]: crate::retry_after::retry_after
//!
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
        /// How long the server wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// 500, 502, 503, 504, or a server's word that it cannot now.
    Server {
        /// How long the server wants to be left alone.
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

    /// How long the server wants to be left alone, if it said so.
    #[must_use]
    pub const fn asked(self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::Server { retry_after } => retry_after,
            Self::Connection | Self::Timeout | Self::Rejected { .. } | Self::Permanent => None,
        }
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

/// Why there is no further attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GiveUp {
    /// Trying again is no use.
    #[error("trying again is no use")]
    Permanent,
    /// All attempts were made.
    #[error("all {0} attempts were made")]
    Attempts(u32),
    /// The next attempt would start after the window's end.
    #[error("the time for attempts, {} ms, is over", .0.as_millis())]
    Window(Duration),
    /// The server wants to be left alone for longer than the window lasts.
    #[error("the server wants no call for {} ms, and the time for attempts ends before", .asked.as_millis())]
    Asked {
        /// For how long from now on.
        asked: Duration,
    },
}

/// How many retries of a connection error or a timeout are made at once.
const IMMEDIATE: u32 = 2;

impl RetryPolicy {
    /// A policy of one's own.
    ///
    /// `max_attempts` are all, the first included; `base` is the delay before the second, when it is not at once; no
    /// delay of our own choice is longer than `max_delay`, but a server may ask for more; no attempt starts later than
    /// `window` after the first.
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

    /// No delay of our own choice is longer; what a server asks for may be.
    #[must_use]
    pub const fn max_delay(&self) -> Duration {
        self.max_delay
    }

    /// No attempt starts later than this after the first.
    #[must_use]
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// How long to wait after failed attempt number `attempt` (1, 2, …).
    ///
    /// `elapsed` is the time since the first attempt began. `jitter` is a random number in `0.0..1.0`; a delay
    /// lies between half of the exponential step and the whole of it. What the server asks for is the least.
    ///
    /// # Errors
    /// When there is to be no further attempt.
    pub fn delay(
        &self,
        attempt: u32,
        failure: Failure,
        elapsed: Duration,
        jitter: f64,
    ) -> Result<Duration, GiveUp> {
        if failure.is_attempt() && attempt >= self.max_attempts && failure.is_retryable() {
            return Err(GiveUp::Attempts(self.max_attempts));
        }
        let exponential = |step: u32| {
            let whole =
                self.base.saturating_mul(1u32.checked_shl(step).unwrap_or(u32::MAX)).min(self.max_delay);
            whole.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
        };
        let own = match failure {
            Failure::Connection | Failure::Timeout if attempt <= IMMEDIATE => Duration::ZERO,
            Failure::Connection | Failure::Timeout => exponential(attempt - IMMEDIATE - 1),
            // Spread out: only one of those who wait may probe, and who comes too early has to come again.
            Failure::Rejected { retry_after } => {
                let least = self.base.max(retry_after.unwrap_or_default()).min(self.max_delay);
                least.mul_f64(1.0 + jitter.clamp(0.0, 1.0)).min(self.max_delay)
            }
            Failure::RateLimited { .. } | Failure::Server { .. } => exponential(attempt.saturating_sub(1)),
            Failure::Permanent => return Err(GiveUp::Permanent),
        };
        let fits = |delay: Duration| elapsed.saturating_add(delay) <= self.window;
        match failure.asked() {
            Some(asked) if !fits(asked) => Err(GiveUp::Asked { asked }),
            asked => Some(own.max(asked.unwrap_or_default()))
                .filter(|delay| fits(*delay))
                .ok_or(GiveUp::Window(self.window)),
        }
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
        assert_eq!(delays, [Ok(s(0)), Ok(s(0)), Ok(s(1)), Ok(s(2)), Err(GiveUp::Attempts(5))]);
    }

    #[test]
    fn what_a_server_asks_for_is_the_least_and_only_our_own_delays_are_cut() {
        let s = Duration::from_secs;
        let limited = |secs| Failure::RateLimited { retry_after: Some(s(secs)) };
        assert_eq!(POLICY.delay(1, limited(7), Duration::ZERO, 0.0), Ok(s(7)));
        assert_eq!(POLICY.delay(1, limited(999), Duration::ZERO, 0.0), Ok(s(999)));
        assert_eq!(POLICY.delay(4, limited(1), Duration::ZERO, 1.0), Ok(s(8)));
        let short = RetryPolicy::new(9, s(1), s(2), s(60)).unwrap();
        assert_eq!(short.delay(7, limited(1), Duration::ZERO, 1.0), Ok(s(2)));
        assert_eq!(short.delay(7, limited(5), Duration::ZERO, 1.0), Ok(s(5)));
    }

    #[test]
    fn who_is_asked_to_wait_beyond_the_window_gives_up_at_once() {
        let s = Duration::from_secs;
        let server = |asked| Failure::Server { retry_after: Some(asked) };
        assert_eq!(POLICY.delay(1, server(s(3_600)), Duration::ZERO, 1.0), Ok(s(3_600)));
        assert_eq!(POLICY.delay(1, server(s(3_600)), s(1), 1.0), Err(GiveUp::Asked { asked: s(3_600) }));
        assert_eq!(
            POLICY.delay(1, server(Duration::MAX), Duration::ZERO, 0.0),
            Err(GiveUp::Asked { asked: Duration::MAX })
        );
        assert_eq!(POLICY.delay(5, server(s(9_999)), Duration::ZERO, 0.0), Err(GiveUp::Attempts(5)));
        let over = POLICY.delay(1, Failure::Timeout, s(3_601), 0.0);
        assert_eq!(over, Err(GiveUp::Window(POLICY.window)));
    }

    #[test]
    fn client_errors_are_final_and_server_errors_are_not() {
        assert_eq!(Failure::of_status(204, None), None);
        assert_eq!(Failure::of_status(404, None), Some(Failure::Permanent));
        assert_eq!(Failure::of_status(501, None), Some(Failure::Permanent));
        assert_eq!(Failure::of_status(503, None), Some(Failure::Server { retry_after: None }));
        assert_eq!(POLICY.delay(1, Failure::Permanent, Duration::ZERO, 0.5), Err(GiveUp::Permanent));
    }

    #[test]
    fn a_call_that_was_not_made_waits_for_the_breaker_whatever_was_tried_before_but_not_beyond_the_window() {
        let rejected = |secs| Failure::Rejected { retry_after: Some(Duration::from_secs(secs)) };
        assert_eq!(POLICY.delay(9, rejected(5), Duration::ZERO, 0.0), Ok(Duration::from_secs(5)));
        assert_eq!(POLICY.delay(1, rejected(5), Duration::ZERO, 1.0), Ok(Duration::from_secs(10)));
        assert_eq!(POLICY.delay(1, rejected(0), Duration::ZERO, 0.0), Ok(POLICY.base));
        assert_eq!(POLICY.delay(1, rejected(5), POLICY.window, 0.0), Err(GiveUp::Window(POLICY.window)));
    }

    fn any_failure() -> impl Strategy<Value = Failure> {
        let asked =
            || prop::option::of((any::<u64>(), 0u32..1_000_000_000).prop_map(|(s, n)| Duration::new(s, n)));
        prop_oneof![
            Just(Failure::Connection),
            Just(Failure::Timeout),
            Just(Failure::Permanent),
            asked().prop_map(|retry_after| Failure::RateLimited { retry_after }),
            asked().prop_map(|retry_after| Failure::Server { retry_after }),
            asked().prop_map(|retry_after| Failure::Rejected { retry_after }),
        ]
    }

    proptest! {
        #[test]
        fn an_attempt_is_never_earlier_than_asked_nor_after_the_window_and_our_own_delays_are_bounded(
            attempt: u32, failure in any_failure(), elapsed: u32, jitter in any::<f64>(),
        ) {
            let elapsed = Duration::from_millis(elapsed.into());
            match POLICY.delay(attempt, failure, elapsed, jitter) {
                Ok(delay) => {
                    let asked = failure.asked().unwrap_or_default();
                    prop_assert!(delay >= asked);
                    prop_assert!(delay <= asked.max(POLICY.max_delay));
                    prop_assert!(elapsed + delay <= POLICY.window);
                    prop_assert!(attempt < 5 || !failure.is_attempt());
                }
                Err(GiveUp::Asked { asked }) => {
                    prop_assert_eq!(Some(asked), failure.asked());
                    prop_assert!(elapsed.saturating_add(asked) > POLICY.window);
                }
                Err(GiveUp::Attempts(_)) => prop_assert!(attempt >= 5),
                Err(GiveUp::Permanent) => prop_assert_eq!(failure, Failure::Permanent),
                Err(GiveUp::Window(_)) => {}
            }
        }
    }
}
