//! How long to wait between two attempts.

use std::time::Duration;

use crate::connector::{BackoffPolicy, ConnectorConfig};

/// No delay is longer, whatever the receiver's `Retry-After` says: a receiver that is back is found soon.
const LONGEST: Duration = Duration::from_secs(60);

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
            connector.backoff.saturating_mul(factor).min(LONGEST).mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
        }
    };
    own.max(retry_after.unwrap_or_default().min(LONGEST))
}

/// `Retry-After` in seconds. (Its other form, a date, is ignored: clocks differ.)
pub(super) fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}
