//! How long a server asks to be left alone: the one reader of `Retry-After` (RFC 9110, section 10.2.3).

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, header};

use super::timestamp::Timestamp;

/// What `Retry-After` says: a number of seconds, or a date, which is measured against `now`.
///
/// A date that has passed is zero. `None` when the header is missing or nonsense, and for a date when nobody knows what
/// time it is.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: Option<Timestamp>) -> Option<Duration> {
    let value = text(headers, &header::RETRY_AFTER)?;
    seconds(value).or_else(|| Some(moment(value)?.since(now?)))
}

/// The server's own time, from `Date`: what a date of the same answer is best measured against, since clocks differ.
#[must_use]
pub fn server_time(headers: &HeaderMap) -> Option<Timestamp> {
    moment(text(headers, &header::DATE)?)
}

/// A whole number of seconds in the header `name`.
#[must_use]
pub fn seconds_of(headers: &HeaderMap, name: &HeaderName) -> Option<Duration> {
    seconds(text(headers, name)?)
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Digits and nothing else: Rust would read a `+` too.
fn seconds(text: &str) -> Option<Duration> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok().map(Duration::from_secs)).flatten()
}

fn moment(text: &str) -> Option<Timestamp> {
    let since_1970 = httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since_1970.as_millis()).ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read(value: &[u8], now: Option<Timestamp>) -> Option<Duration> {
        let value = HeaderValue::from_bytes(value).unwrap();
        retry_after(&HeaderMap::from_iter([(header::RETRY_AFTER, value)]), now)
    }

    fn now() -> Option<Timestamp> {
        "1994-11-06T08:49:30Z".parse().ok()
    }

    #[test]
    fn seconds_and_dates_in_all_three_forms_are_read() {
        let secs = |n| Some(Duration::from_secs(n));
        for (value, expected) in [
            ("7", secs(7)),
            ("0", secs(0)),
            (" 120\t", secs(120)),
            ("18446744073709551615", secs(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", secs(7)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", secs(7)),
            ("Sun Nov  6 08:49:37 1994", secs(7)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", secs(0)),
        ] {
            assert_eq!(read(value.as_bytes(), now()), expected, "{value}");
        }
    }

    #[test]
    fn nonsense_says_nothing() {
        for value in
            ["", "soon", "-1", "+7", "7s", "0x7", "18446744073709551616", "Sun, 99 Nov 1994 08:49:37 GMT"]
        {
            assert_eq!(read(value.as_bytes(), now()), None, "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now()), None);
    }

    #[test]
    fn a_date_says_nothing_to_who_does_not_know_the_time() {
        assert_eq!(read(b"Sun, 06 Nov 1994 08:49:37 GMT", None), None);
        assert_eq!(read(b"7", None), Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_servers_time_is_that_of_its_answer() {
        let date = HeaderValue::from_static("Sun, 06 Nov 1994 08:49:30 GMT");
        assert_eq!(server_time(&HeaderMap::from_iter([(header::DATE, date)])), now());
        assert_eq!(server_time(&HeaderMap::new()), None);
    }

    proptest! {
        #[test]
        fn whatever_a_server_sends_is_read_without_panic(
            value in "[ -~\t]{0,40}|[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
            now: Option<i64>,
        ) {
            let _ = read(value.as_bytes(), now.map(Timestamp::from_millis));
        }

        #[test]
        fn a_date_is_waited_for_and_no_longer(at in 0i64..253_402_300_800, now in 0i64..253_402_300_800) {
            let date = SystemTime::UNIX_EPOCH + Duration::from_secs(at.unsigned_abs());
            let now = Timestamp::from_millis(now * 1_000);
            let wait = read(httpdate::fmt_http_date(date).as_bytes(), Some(now)).unwrap();
            prop_assert_eq!(now.plus(wait), now.max(Timestamp::from_millis(at * 1_000)));
        }

        #[test]
        fn seconds_are_what_they_say(seconds: u64) {
            prop_assert_eq!(read(seconds.to_string().as_bytes(), None), Some(Duration::from_secs(seconds)));
        }
    }
}
