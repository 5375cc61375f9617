//! Dates are luxon's, in any time zone; what is formatted is right or an error.

use serde_json::json;

use super::{evaluate_as, fails, scope};
use crate::expr::Expression;

/// `$now` is 2026-01-01T00:00:00.123Z, a Thursday.
fn all(cases: &[(&str, serde_json::Value)]) {
    let scope = scope(json!([{"at": "2026-03-29T00:30:00Z", "unix": 1_767_225_600, "date": "2026-02-28"}]));
    for (source, expected) in cases {
        let forced = Expression::forced_into_javascript(source);
        assert_eq!(evaluate_as(&scope, &forced, 0), Ok(expected.clone()), "{source}");
    }
}

#[test]
fn now_and_today_are_luxons_in_utc() {
    all(&[
        ("$now", json!("2026-01-01T00:00:00.123Z")),
        ("$now.toISO()", json!("2026-01-01T00:00:00.123Z")),
        ("$today", json!("2026-01-01T00:00:00.000Z")),
        ("`${$now}`", json!("2026-01-01T00:00:00.123Z")),
        ("$now.plus({ days: 1, hours: 2 }).toISO()", json!("2026-01-02T02:00:00.123Z")),
        ("$now.plus(1, 'month').toISODate()", json!("2026-02-01")),
        ("$today.minus(7, 'days').toFormat('dd.MM.yyyy')", json!("25.12.2025")),
        ("$now.toFormat('cccc, d LLLL yyyy HH:mm')", json!("Thursday, 1 January 2026 00:00")),
        ("$now.format('yyyy-MM-dd')", json!("2026-01-01")),
        ("$now.startOf('week').toISODate()", json!("2025-12-29")),
        ("$now.weekday + ' ' + $now.weekNumber + ' ' + $now.ordinal", json!("4 1 1")),
        ("$now.toMillis()", json!(1_767_225_600_123_u64)),
        ("$now > DateTime.fromISO($json.date)", json!(false)),
        ("Math.floor(DateTime.fromISO($json.date).diff($now, 'days').days)", json!(57)),
        ("Interval.fromDateTimes($today, $today.plus({ days: 3 })).length('hours')", json!(72)),
        ("Duration.fromObject({ minutes: 90 }).toFormat('hh:mm')", json!("01:30")),
        ("Duration.fromObject({ hours: 1, minutes: 30 }).toHuman()", json!("1 hour, 30 minutes")),
        ("DateTime.now().diff(DateTime.now().minus({ days: 2 }), 'days').days > 1.9", json!(true)),
        ("$now.minus({ days: 2 }).toRelative({ base: $now })", json!("2 days ago")),
    ]);
}

#[test]
fn zones_are_those_of_the_world() {
    all(&[
        ("$now.setZone('Europe/Berlin').toISO()", json!("2026-01-01T01:00:00.123+01:00")),
        ("$now.setZone('America/New_York').toFormat('yyyy-MM-dd HH:mm ZZZZ')", json!("2025-12-31 19:00 EST")),
        (
            "DateTime.fromISO($json.at, { zone: 'Europe/Berlin' }).toISO()",
            json!("2026-03-29T01:30:00.000+01:00"),
        ),
        (
            "DateTime.fromISO($json.at, { zone: 'Europe/Berlin' }).plus({ hours: 1 }).toISO()",
            json!("2026-03-29T03:30:00.000+02:00"),
        ),
        (
            "DateTime.fromObject({ year: 2026, month: 7, day: 1 }, { zone: 'Asia/Kolkata' }).toISO()",
            json!("2026-07-01T00:00:00.000+05:30"),
        ),
        ("$now.setZone('Europe/Berlin').isInDST", json!(false)),
        ("$now.setZone('Mars/Base').isValid", json!(false)),
        ("$now.setZone('utc+3').toISO()", json!("2026-01-01T03:00:00.123+03:00")),
    ]);
}

#[test]
fn values_become_dates_as_in_n8n() {
    all(&[
        ("'2026-02-28'.toDateTime().toISODate()", json!("2026-02-28")),
        ("'28.02.2026'.toDateTime('dd.MM.yyyy').plus(1, 'day').format('dd.MM.yyyy')", json!("01.03.2026")),
        ("'Sat, 28 Feb 2026 10:00:00 +0100'.toDateTime().toUTC().toISO()", json!("2026-02-28T09:00:00.000Z")),
        ("'2026-02-28T10:00:00+02:00'.toDateTime().toISO()", json!("2026-02-28T10:00:00.000+02:00")),
        ("$json.unix.toDateTime('s').toISO()", json!("2026-01-01T00:00:00.000Z")),
        ("(45345).toDateTime('excel').toISODate()", json!("2024-02-23")),
        ("new Date(0).format('HH:mm')", json!("00:00")),
        ("new Date(0).plus(1, 'day')", json!("1970-01-02T00:00:00.000Z")),
        ("new Date(0).toDateTime().isWeekend", json!(false)),
        ("'2025-01-01'.toDateTime().diffTo('2024-12-25', 'days')", json!(7)),
        ("$now.isBetween('2025-01-01', '2027-01-01')", json!(true)),
        ("$now.beginningOf('month').extract('day')", json!(1)),
        ("$now.endOfMonth().toISODate()", json!("2026-01-31")),
    ]);
    for (source, said) in [
        ("'tomorrow'.toDateTime()", "none of ISO 8601"),
        ("'2026-02-30'.toDateTime('yyyy-MM-dd')", "is no date"),
        ("(1).toDateTime('weeks')", "takes one of ms, s, us, excel"),
    ] {
        let error = fails(json!([{}]), source);
        assert!(error.contains(said), "{source}: {error}");
    }
}

#[test]
fn what_is_written_for_people_is_american_english_or_an_error() {
    let date = "new Date('2026-01-02T15:04:05.678Z')";
    for (how, expected) in [
        ("toLocaleString()", "1/2/2026, 3:04:05 PM"),
        ("toLocaleDateString('en-US')", "1/2/2026"),
        ("toLocaleTimeString('en-US')", "3:04:05 PM"),
        (
            "toLocaleDateString('en-US', { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' })",
            "Friday, January 2, 2026",
        ),
        ("toLocaleDateString('en-US', { month: 'short', day: '2-digit' })", "Jan 02"),
        ("toLocaleDateString('en-US', { month: 'long', year: 'numeric' })", "January 2026"),
        ("toLocaleString('en-US', { timeZone: 'America/New_York' })", "1/2/2026, 10:04:05 AM"),
        ("toLocaleTimeString('en-US', { hour: '2-digit', minute: '2-digit', hour12: false })", "15:04"),
        ("toLocaleString('en-US', { dateStyle: 'long', timeStyle: 'short' })", "January 2, 2026 at 3:04 PM"),
        (
            "toLocaleString('en-US', { timeZoneName: 'short', timeZone: 'Europe/Berlin' })",
            "1/2/2026, 4:04:05 PM GMT+1",
        ),
    ] {
        all(&[(&format!("{date}.{how}"), json!(expected))]);
    }
    all(&[
        (
            "new Intl.DateTimeFormat('en-US', { timeZone: 'Asia/Tokyo' }).resolvedOptions().timeZone",
            json!("Asia/Tokyo"),
        ),
        ("$now.toLocaleString(DateTime.DATETIME_MED)", json!("Jan 1, 2026, 12:00 AM")),
        ("$now.toLocaleString(DateTime.DATE_HUGE)", json!("Thursday, January 1, 2026")),
        ("$now.toFormat('DDD')", json!("January 1, 2026")),
        ("(1234567.891).toLocaleString()", json!("1,234,567.891")),
        ("(1234.5).toLocaleString('en-US', { style: 'currency', currency: 'USD' })", json!("$1,234.50")),
        ("(-1.005).toLocaleString('en-US', { maximumFractionDigits: 2 })", json!("-1.01")),
        ("(0.256).toLocaleString('en-US', { style: 'percent' })", json!("26%")),
        ("(1234.5).format()", json!("1,234.5")),
        ("new Intl.NumberFormat('en-US', { minimumFractionDigits: 2 }).format(5)", json!("5.00")),
        ("new Intl.ListFormat('en').format(['a', 'b', 'c'])", json!("a, b, and c")),
    ]);
    for source in [
        "new Date(0).toLocaleDateString('de-DE')",
        "(1234.5).toLocaleString('de-DE')",
        "(1234.5).format('fr')",
        "new Intl.DateTimeFormat('de-DE')",
        "$now.setLocale('fr').toFormat('LLLL')",
        "[new Date(0)].toLocaleString('de-DE')",
    ] {
        let error = fails(json!([{}]), source);
        assert!(
            error.contains("only en-US is") || error.contains("Intl is not available"),
            "{source}: {error}"
        );
    }
    for (source, said) in [
        (
            "new Date(0).toLocaleString('en-US', { timeZone: 'Mars/Base' })",
            "there is no time zone \"Mars/Base\"",
        ),
        ("new Date(0).toLocaleString('en-US', { era: 'long' })", "the option era is not available"),
        ("new Intl.DateTimeFormat('en-US').format(new Date('x'))", "it is no date"),
        ("(5).toLocaleString('en-US', { notation: 'compact' })", "notation is one of standard"),
    ] {
        let error = fails(json!([{}]), source);
        assert!(error.contains(said), "{source}: {error}");
    }
}
