use http::HeaderValue;
use proptest::prelude::*;

use super::*;

/// The longest time that can be asked for.
const LONGEST: Duration = Duration::from_millis(u64::MAX);

/// What an answer with that status and these headers asks for, read by a clock that says 08:49:30.
fn asked(status: u16, headers: &[(&'static str, &str)]) -> Option<Duration> {
    let header = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    };
    let mut map = HeaderMap::new();
    for (name, value) in headers.iter().map(header) {
        map.append(name, value);
    }
    retry_after(status, &map, now())
}

fn now() -> Option<Timestamp> {
    "1994-11-06T08:49:30Z".parse().ok()
}

fn millis(millis: u64) -> Option<Duration> {
    Some(Duration::from_millis(millis))
}

#[test]
fn seconds_and_dates_in_all_forms_are_read() {
    for (value, expected) in [
        ("7", millis(7_000)),
        ("0", millis(0)),
        (" 120\t", millis(120_000)),
        ("1.5", millis(1_500)),
        ("2.", millis(2_000)),
        ("0.0001", millis(1)),
        ("1.0001", millis(1_001)),
        ("1e9", millis(1_000_000_000_000)),
        ("1.5E+1", millis(15_000)),
        ("15e-1", millis(1_500)),
        ("1e-400", millis(1)),
        ("18446744073709551615", Some(LONGEST)),
        ("99999999999999999999", Some(LONGEST)),
        ("99999999999999999999999999.5", Some(LONGEST)),
        ("1e400", Some(LONGEST)),
        ("1e99999999999999999999", Some(LONGEST)),
        ("1e-99999999999999999999", millis(1)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", millis(7_000)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", millis(7_000)),
        ("Sun Nov  6 08:49:37 1994", millis(7_000)),
        ("1994-11-06T09:49:37.5+01:00", millis(7_500)),
        ("Sun, 06 Nov 1994 08:00:00 GMT", millis(0)),
    ] {
        assert_eq!(asked(503, &[("retry-after", value)]), expected, "{value}");
    }
}

#[test]
fn nonsense_says_nothing() {
    for value in [
        "", "soon", "-1", "-1.5", "+7", "7s", "0x7", ".", "1.2.3", "e5", "1e", "1e1.5", "1e+-2", "inf", "NaN",
    ] {
        assert_eq!(asked(503, &[("retry-after", value)]), None, "{value}");
    }
    assert_eq!(asked(503, &[("retry-after", "Sun, 99 Nov 1994 08:49:37 GMT")]), None);
    assert_eq!(asked(429, &[]), None);
}

#[test]
fn a_date_is_measured_against_the_clock_of_the_server_that_named_it() {
    for (date, after) in [
        ("Sun, 06 Nov 1994 07:49:30 GMT", "Sun, 06 Nov 1994 07:49:33 GMT"),
        ("Sun, 06 Nov 1994 09:49:30 GMT", "Sunday, 06-Nov-94 09:49:33 GMT"),
    ] {
        assert_eq!(asked(503, &[("date", date), ("retry-after", after)]), millis(3_000), "{date}");
    }
    let broken = [("date", "today"), ("retry-after", "Sun, 06 Nov 1994 08:49:33 GMT")];
    assert_eq!(asked(503, &broken), millis(3_000), "without a date of its own our clock has to do");
}

#[test]
fn a_date_says_nothing_to_who_does_not_know_the_time() {
    let after = |value| {
        let headers = [(header::RETRY_AFTER, HeaderValue::from_static(value))];
        retry_after(503, &HeaderMap::from_iter(headers), None)
    };
    assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), None);
    assert_eq!(after("7"), millis(7_000));
}

#[test]
fn of_several_values_the_longest_counts() {
    assert_eq!(
        asked(429, &[("retry-after", "1"), ("retry-after", "9"), ("retry-after", "2")]),
        millis(9_000)
    );
    assert_eq!(asked(429, &[("retry-after-ms", "1200.2"), ("retry-after", "1")]), millis(1_201));
    assert_eq!(asked(429, &[("retry-after-ms", "200"), ("retry-after", "soon")]), millis(200));
    assert_eq!(asked(429, &[("ratelimit-reset", "5"), ("x-ratelimit-reset", "7")]), millis(7_000));
}

#[test]
fn a_limits_reset_counts_when_nothing_else_is_said_and_the_limit_is_used_up() {
    for (reset, expected) in [
        (("ratelimit-reset", "5"), millis(5_000)),
        (("x-ratelimit-reset", "5.25"), millis(5_250)),
        (("x-ratelimit-reset-after", "0.3"), millis(300)),
        // In seconds and in milliseconds since 1970, seen from 1994-11-06T08:49:30Z, or from then.
        (("x-ratelimit-reset", "1000000000"), millis((1_000_000_000 - 784_111_770) * 1_000)),
        (("x-ratelimit-reset", "1000000000000"), millis((1_000_000_000 - 784_111_770) * 1_000)),
        (("x-ratelimit-reset", "Sun, 06 Nov 1994 08:49:37 GMT"), millis(7_000)),
        (("x-ratelimit-reset", "999999999"), millis(999_999_999_000)),
        (("x-ratelimit-reset", "99999999999999999999"), Some(LONGEST)),
        (("x-ratelimit-reset", "never"), None),
    ] {
        assert_eq!(asked(429, &[reset]), expected, "{reset:?}");
        assert_eq!(asked(503, &[reset, ("x-ratelimit-remaining", "0")]), expected, "{reset:?}");
        assert_eq!(asked(503, &[reset, ("ratelimit-remaining", "4999")]), None, "{reset:?}");
        assert_eq!(asked(502, &[reset]), None, "{reset:?}");
        assert_eq!(asked(429, &[reset, ("retry-after", "1")]), millis(1_000), "{reset:?}");
    }
    let later = [("date", "Sun, 09 Sep 2001 01:46:30 GMT"), ("x-ratelimit-reset", "1000000000")];
    assert_eq!(asked(429, &later), millis(10_000), "by the server's clock");
}

/// What servers may send: numbers, dates, and texts that look like them.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~\t]{0,40}",
        r"[+-]?[0-9]{0,30}\.?[0-9]{0,30}([eE][+-]?[0-9]{0,30})?",
        "[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
    ]
}

proptest! {
    #[test]
    fn whatever_a_server_sends_is_read_without_panic(
        status: u16,
        values in prop::array::uniform4(value()),
        date in value(),
        now: Option<i64>,
    ) {
        let names = ["retry-after", "retry-after-ms", "x-ratelimit-reset", "x-ratelimit-remaining"];
        let mut headers = HeaderMap::new();
        for (name, value) in names.into_iter().zip(&values).chain([("date", &date)]) {
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        let _ = retry_after(status, &headers, now.map(Timestamp::from_millis));
    }

    #[test]
    fn a_date_is_waited_for_and_no_longer(at in 0i64..253_402_300_800, now in 0i64..253_402_300_800) {
        let date = |seconds: i64| {
            let date = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs());
            HeaderValue::from_str(&httpdate::fmt_http_date(date)).unwrap()
        };
        let headers = HeaderMap::from_iter([(header::RETRY_AFTER, date(at)), (header::DATE, date(now))]);
        let now = Timestamp::from_millis(now * 1_000);
        let wait = retry_after(503, &headers, None).unwrap();
        prop_assert_eq!(now.plus(wait), now.max(Timestamp::from_millis(at * 1_000)));
    }

    #[test]
    fn no_number_is_read_as_less_than_it_says_nor_as_a_millisecond_more(whole: u32, fraction in "[0-9]{0,12}") {
        let wait = asked(503, &[("retry-after", &format!("{whole}.{fraction}"))]).unwrap();
        let nanos = u128::from(whole) * 1_000_000_000_000
            + format!("{fraction:0<12}").parse::<u128>().unwrap();
        let read = wait.as_millis() * 1_000_000_000;
        prop_assert!(read >= nanos && read < nanos + 1_000_000_000, "{wait:?}");
    }

    #[test]
    fn digits_are_never_read_as_less_than_they_say(digits in "[0-9]{1,40}", exponent in 0u32..50) {
        let wait = asked(503, &[("retry-after", &format!("{digits}e{exponent}"))]).unwrap();
        let said = digits.parse::<f64>().unwrap() * 10_f64.powi(i32::try_from(exponent).unwrap());
        prop_assert!(wait == LONGEST || wait.as_secs_f64() >= said * (1.0 - 1e-12), "{wait:?}");
    }
}
