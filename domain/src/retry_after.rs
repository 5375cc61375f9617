//! How long a server asks to be left alone: the one reader of what its answers say about that.
//!
//! | header | form | source |
//! |---|---|---|
//! | `Retry-After` | seconds, or a date | RFC 9110, section 10.2.3 |
//! | `Retry-After-Ms` | milliseconds | what some model APIs send beside the other |
//! | `RateLimit-Reset` | seconds | draft-ietf-httpapi-ratelimit-headers-06 |
//! | `X-RateLimit-Reset` | seconds (Confluent Cloud), or a moment in seconds since 1970 (GitHub) | their references |
//! | `X-RateLimit-Reset-After` | seconds | Discord's reference |
//!
//! What is asked for is the least, so whatever is in doubt goes up: fractions to the next millisecond, several values
//! to the longest of them, a number beyond ours to the longest time that there is. `Retry-After` comes before a
//! limit's reset, as the draft says: that is the end of a window which good answers name too, and it counts only
//! where the limit is used up.

use std::{
    num::IntErrorKind,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, HeaderName, header};

use super::timestamp::Timestamp;

static RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
static RESETS: [HeaderName; 3] = [
    HeaderName::from_static("ratelimit-reset"),
    HeaderName::from_static("x-ratelimit-reset"),
    HeaderName::from_static("x-ratelimit-reset-after"),
];
static REMAINING: [HeaderName; 2] =
    [HeaderName::from_static("ratelimit-remaining"), HeaderName::from_static("x-ratelimit-remaining")];

/// A reset of so many seconds or more is a moment since 1970: as a wait it would take 31 years, as a moment it lies
/// after 2001.
const MOMENT_IN_SECONDS: Duration = Duration::from_secs(1_000_000_000);
/// The same in milliseconds, which some send.
const MOMENT_IN_MILLIS: Duration = Duration::from_secs(1_000_000_000_000);
/// More than any moment.
const NO_MOMENT: Duration = Duration::from_secs(1_000_000_000_000_000);

/// How long not to call the server again that gave this answer; `None` when it does not say.
///
/// A moment is measured against the answer's own `Date`, since clocks differ, and against `now` where that is missing.
/// One that has passed is zero. Without any clock it says nothing.
#[must_use]
pub fn retry_after(status: u16, headers: &HeaderMap, now: Option<Timestamp>) -> Option<Duration> {
    let now = texts(headers, &header::DATE).find_map(moment).or(now);
    let asked = longest(headers, &header::RETRY_AFTER, |text| {
        seconds(text).or_else(|| Some(moment(text)?.since(now?)))
    });
    let precisely = longest(headers, &RETRY_AFTER_MS, |text| decimal(text, 0));
    asked.max(precisely).or_else(|| {
        let used_up = status == 429
            || REMAINING
                .iter()
                .any(|name| texts(headers, name).any(|left| seconds(left) == Some(Duration::ZERO)));
        let resets = RESETS.iter().filter_map(|name| longest(headers, name, |text| reset(text, now)));
        resets.max().filter(|_| used_up)
    })
}

/// The values of a header.
fn texts<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).map(str::trim)
}

fn longest(
    headers: &HeaderMap,
    name: &HeaderName,
    read: impl Fn(&str) -> Option<Duration>,
) -> Option<Duration> {
    texts(headers, name).filter_map(read).max()
}

/// A limit's reset: seconds from now, or a moment.
fn reset(text: &str, now: Option<Timestamp>) -> Option<Duration> {
    let from_now = |since_1970| Some(Timestamp::from_millis(0).plus(since_1970).since(now?));
    match seconds(text) {
        None => Some(moment(text)?.since(now?)),
        Some(number) if (MOMENT_IN_SECONDS..MOMENT_IN_MILLIS).contains(&number) => from_now(number),
        Some(number) if (MOMENT_IN_MILLIS..NO_MOMENT).contains(&number) => from_now(number / 1_000),
        wait => wait,
    }
}

fn seconds(text: &str) -> Option<Duration> {
    decimal(text, 3)
}

/// A decimal number of 10^`scale` milliseconds, up to the next whole one: `7`, `1.5`, `1e3`. `None` for what is no
/// number, or has a sign.
fn decimal(text: &str, scale: i64) -> Option<Duration> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        None => (text, 0),
        Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    if whole.is_empty() || !digits().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut millis = 0_u64;
    let mut rest = false;
    let highest = i64::try_from(whole.len()).ok()? - 1 + exponent + scale;
    for (power, digit) in (0..).map(|place| highest - place).zip(digits().map(|byte| u64::from(byte - b'0')))
    {
        match u32::try_from(power) {
            _ if digit == 0 => {}
            Ok(power) => {
                millis = millis.saturating_add(digit.saturating_mul(10_u64.saturating_pow(power)));
            }
            Err(_) => rest = true,
        }
    }
    Some(Duration::from_millis(millis.saturating_add(rest.into())))
}

fn read_exponent(text: &str) -> Option<i64> {
    /// More than any number has digits.
    const HUGE: i64 = 1 << 31;
    match text.parse::<i32>() {
        Ok(exponent) => Some(exponent.into()),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => Some(HUGE),
        Err(error) if *error.kind() == IntErrorKind::NegOverflow => Some(-HUGE),
        Err(_) => None,
    }
}

/// A date as HTTP writes it, in any of its three forms, or as RFC 3339 does.
fn moment(text: &str) -> Option<Timestamp> {
    let Ok(date) = httpdate::parse_http_date(text) else { return text.parse().ok() };
    let since_1970 = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since_1970.as_millis()).ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests;
