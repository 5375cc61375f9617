//! `date_time`: formats, zones, the calendar.

use std::sync::Arc;

use domain::timestamp::Timestamp;
use minireipaz::clock::{Clock, ManualClock};
use serde_json::{Value, json};

use super::{attempt, check, fails, lineage::lineage, ports};
use crate::{
    engine::Outcome,
    runner::{Runner, RunnerSettings},
};

/// What the parameters make of a date.
fn gives(mut params: Value, date: Value, expected: Value) {
    params["value"] = json!("{{ $json.d }}");
    check("date_time", params, json!([{"d": date}]), json!({"main": [{"d": date, "data": expected}]}));
}

fn refused(mut params: Value, date: Value) -> (String, String) {
    params["value"] = json!("{{ $json.d }}");
    let error = fails("date_time", json!({ "params": params }), json!([{"d": date}])).error;
    (error.code, error.message)
}

#[test]
fn dates_are_read_however_they_are_written() {
    let parse = |zone: &str| json!({"action": "parse", "timezone": zone});
    for (date, expected) in [
        (json!("2026-12-24T18:00:00Z"), "2026-12-24T18:00:00.000Z"),
        (json!("2026-12-24t18:00:00.123456+05:30"), "2026-12-24T12:30:00.123Z"),
        (json!("2026-12-24 18:00:00-0800"), "2026-12-25T02:00:00.000Z"),
        (json!("2026-12-24T18:00+01"), "2026-12-24T17:00:00.000Z"),
        (json!("2026-12-24T18:00:01.5"), "2026-12-24T18:00:01.500Z"),
        (json!("2026-12-24 18:00"), "2026-12-24T18:00:00.000Z"),
        (json!(" 2026-12-24 "), "2026-12-24T00:00:00.000Z"),
        (json!("2026-W52-4"), "2026-12-24T00:00:00.000Z"),
        (json!("Thu, 24 Dec 2026 18:00:00 +0100"), "2026-12-24T17:00:00.000Z"),
        (json!(1_798_131_600), "2026-12-24T17:00:00.000Z"),
        (json!(1_798_131_600.25), "2026-12-24T17:00:00.250Z"),
        (json!(1_798_131_600_123_u64), "2026-12-24T17:00:00.123Z"),
        (json!("1798131600"), "2026-12-24T17:00:00.000Z"),
        (json!(-1), "1969-12-31T23:59:59.000Z"),
    ] {
        gives(parse("UTC"), date, json!(expected));
    }
    // Without an offset it is a time of the zone; with one it is only written in it.
    gives(parse("Europe/Berlin"), json!("2026-07-01T12:00:00"), json!("2026-07-01T12:00:00.000+02:00"));
    gives(parse("America/New_York"), json!("2026-07-01T12:00:00Z"), json!("2026-07-01T08:00:00.000-04:00"));
    gives(json!({"action": "parse", "as": "unix"}), json!("2026-12-24T17:00:00.9Z"), json!(1_798_131_600));
    gives(
        json!({"action": "parse", "as": "unix_ms"}),
        json!("2026-12-24T17:00:00.9Z"),
        json!(1_798_131_600_900_u64),
    );
}

#[test]
fn a_time_that_the_clock_skips_is_as_long_after_the_change_and_of_two_it_is_the_first() {
    let berlin = || json!({"action": "parse", "timezone": "Europe/Berlin"});
    gives(berlin(), json!("2026-03-29T02:30:00"), json!("2026-03-29T03:30:00.000+02:00"));
    gives(berlin(), json!("2026-10-25T02:30:00"), json!("2026-10-25T02:30:00.000+02:00"));
    // A day that was skipped as a whole.
    let apia = json!({"action": "parse", "timezone": "Pacific/Apia"});
    gives(apia, json!("2011-12-30T12:00:00"), json!("2011-12-31T12:00:00.000+14:00"));
}

#[test]
fn formats_are_written_in_luxons_tokens() {
    for (format, expected) in [
        ("yyyy-MM-dd'T'HH:mm:ss.SSSZZ", "2026-03-05T14:07:09.045+01:00"),
        ("y yy L LL M/d", "2026 26 3 03 3/5"),
        ("MMMM dd yyyy", "March 05 2026"),
        ("EEE EEEE EEEEE E c, MMM MMMMM", "Thu Thursday T 4 4, Mar M"),
        ("h:mm a 'o''clock'", "2:07 PM oclock"),
        ("hh H s S u", "02 14 9 45 045"),
        ("kkkk-'W'WW kk W", "2026-W10 26 10"),
        ("o ooo q qq", "64 064 1 01"),
        ("Z ZZ ZZZ ZZZZ z", "+1 +01:00 +0100 CET Europe/Berlin"),
        ("X x", "1772716029 1772716029045"),
        ("[dd.MM]", "[05.03]"),
    ] {
        let params = json!({"action": "format", "format": format, "timezone": "Europe/Berlin"});
        gives(params, json!("2026-03-05T13:07:09.045Z"), json!(expected));
    }
    let params = json!({"action": "format", "format": "Z ZZZZ", "timezone": "Asia/Kolkata"});
    gives(params, json!("2026-03-05T13:07:09Z"), json!("+5:30 IST"));
}

#[test]
fn formats_are_read_in_the_same_tokens() {
    for (from, date, expected) in [
        ("d.M.yyyy", json!("5.3.2026"), "2026-03-05T00:00:00.000+01:00"),
        ("dd/MM/yy HH:mm", json!("05/03/61 09:30"), "1961-03-05T09:30:00.000+01:00"),
        ("d MMMM yyyy, h:mm a", json!("5 march 2026, 12:05 am"), "2026-03-05T00:05:00.000+01:00"),
        ("EEE, d MMM yyyy", json!("Thu, 5 Mar 2026"), "2026-03-05T00:00:00.000+01:00"),
        ("yyyyMMdd", json!(20_260_305), "2026-03-05T00:00:00.000+01:00"),
        ("yyyy-MM-dd HH:mm:ss.u ZZ", json!("2026-03-05 10:00:00.25 -05:00"), "2026-03-05T16:00:00.250+01:00"),
        ("yyyy-MM-dd HH:mm z", json!("2026-03-05 10:00 America/New_York"), "2026-03-05T16:00:00.000+01:00"),
        ("yyyy-ooo", json!("2026-064"), "2026-03-05T00:00:00.000+01:00"),
        ("kkkk-'W'WW-E", json!("2026-W10-4"), "2026-03-05T00:00:00.000+01:00"),
        ("kkkk-'W'WW", json!("2026-W10"), "2026-03-02T00:00:00.000+01:00"),
        ("yyyy", json!("2026"), "2026-01-01T00:00:00.000+01:00"),
        ("X", json!(1_772_716_029), "2026-03-05T14:07:09.000+01:00"),
        ("x", json!("1772716029045"), "2026-03-05T14:07:09.045+01:00"),
    ] {
        let params = json!({"action": "parse", "from": from, "timezone": "Europe/Berlin"});
        gives(params, date, json!(expected));
    }
}

#[test]
fn years_to_days_are_those_of_the_calendar_and_hours_are_lengths_of_time() {
    for (date, amount, unit, expected) in [
        ("2026-01-31T10:00:00", json!(1), "month", "2026-02-28T10:00:00.000+01:00"),
        ("2024-02-29T10:00:00", json!(1), "year", "2025-02-28T10:00:00.000+01:00"),
        ("2026-01-31T10:00:00", json!(1), "quarter", "2026-04-30T10:00:00.000+02:00"),
        ("2026-03-28T10:00:00", json!(1), "day", "2026-03-29T10:00:00.000+02:00"),
        ("2026-03-28T10:00:00", json!(24), "hour", "2026-03-29T11:00:00.000+02:00"),
        ("2026-03-28T02:30:00", json!(1), "day", "2026-03-29T03:30:00.000+02:00"),
        ("2026-03-05T10:00:00", json!(-2), "week", "2026-02-19T10:00:00.000+01:00"),
        ("2026-03-05T10:00:00", json!(1.5), "hour", "2026-03-05T11:30:00.000+01:00"),
        ("2026-03-05T10:00:00", json!(90), "second", "2026-03-05T10:01:30.000+01:00"),
        ("2026-03-05T10:00:00", json!(1), "millisecond", "2026-03-05T10:00:00.001+01:00"),
    ] {
        let params = |action: &str, amount: &Value| json!({"action": action, "amount": amount, "unit": unit, "timezone": "Europe/Berlin"});
        gives(params("add", &amount), json!(date), json!(expected));
        let negative = json!(-amount.as_f64().unwrap());
        gives(params("subtract", &negative), json!(date), json!(expected));
    }
}

#[test]
fn parts_are_those_of_the_zone() {
    for (part, expected) in [
        ("year", 2027),
        ("quarter", 1),
        ("month", 1),
        ("week", 53),
        ("day", 1),
        ("weekday", 5),
        ("day_of_year", 1),
        ("hour", 0),
        ("minute", 30),
        ("second", 15),
        ("millisecond", 250),
    ] {
        let params = json!({"action": "extract", "part": part, "timezone": "Europe/Berlin"});
        gives(params, json!("2026-12-31T23:30:15.250Z"), json!(expected));
    }
}

#[test]
fn the_time_between_is_counted_from_the_largest_unit_down() {
    for (start, end, units, expected) in [
        ("2026-01-01", "2026-01-03T12:00:00", json!(["day"]), json!({"days": 2.5})),
        ("2026-01-01", "2026-01-03T12:00:00", json!(["hour", "day"]), json!({"days": 2, "hours": 12})),
        ("2026-01-03T12:00:00", "2026-01-01", json!(["day", "hour"]), json!({"days": -2, "hours": -12})),
        ("2026-01-31", "2026-02-28", json!(["month", "day"]), json!({"months": 1, "days": 0})),
        ("2026-01-31", "2026-03-30", json!(["month", "day"]), json!({"months": 1, "days": 30})),
        ("2024-02-29", "2026-02-28", json!(["year", "month"]), json!({"years": 2, "months": 0})),
        (
            "2025-06-15",
            "2026-06-14",
            json!(["year", "quarter", "week"]),
            json!({"years": 0, "quarters": 3, "weeks": 13}),
        ),
        // 23 hours long.
        ("2026-03-29", "2026-03-30", json!(["day"]), json!({"days": 1})),
        ("2026-03-29", "2026-03-30", json!(["hour"]), json!({"hours": 23})),
        ("2026-01-01", "2026-01-01", json!(["year", "millisecond"]), json!({"years": 0, "milliseconds": 0})),
        (
            "2026-01-01T00:00:00.000",
            "2026-01-01T00:00:01.001",
            json!(["second", "millisecond"]),
            json!({"seconds": 1, "milliseconds": 1}),
        ),
    ] {
        let params = json!({"action": "between", "end": end, "units": units, "timezone": "Europe/Berlin"});
        gives(params, json!(start), expected);
    }
}

#[test]
fn rounding_goes_to_the_beginning_of_a_unit_in_the_zone() {
    let date = "2026-05-15T14:37:31.500";
    for (unit, direction, expected) in [
        ("year", "down", "2026-01-01T00:00:00.000+01:00"),
        ("quarter", "down", "2026-04-01T00:00:00.000+02:00"),
        ("month", "up", "2026-06-01T00:00:00.000+02:00"),
        ("month", "nearest", "2026-05-01T00:00:00.000+02:00"),
        ("week", "down", "2026-05-11T00:00:00.000+02:00"),
        ("day", "nearest", "2026-05-16T00:00:00.000+02:00"),
        ("hour", "nearest", "2026-05-15T15:00:00.000+02:00"),
        ("minute", "down", "2026-05-15T14:37:00.000+02:00"),
        ("second", "nearest", "2026-05-15T14:37:32.000+02:00"),
        ("millisecond", "up", "2026-05-15T14:37:31.500+02:00"),
    ] {
        let params =
            json!({"action": "round", "unit": unit, "direction": direction, "timezone": "Europe/Berlin"});
        gives(params, json!(date), json!(expected));
    }
    let hour = |zone: &str| json!({"action": "round", "unit": "hour", "timezone": zone});
    gives(hour("Asia/Kolkata"), json!("2026-05-15T09:20:00Z"), json!("2026-05-15T14:00:00.000+05:30"));
    // The second 02:30 of that night is in the second 02:00.
    gives(hour("Europe/Berlin"), json!("2026-10-25T01:30:00Z"), json!("2026-10-25T02:00:00.000+01:00"));
    let already = json!({"action": "round", "unit": "month", "direction": "up"});
    gives(already, json!("2026-06-01"), json!("2026-06-01T00:00:00.000Z"));
}

#[test]
fn now_is_the_moment_of_the_attempt_for_all_items() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_772_716_029_045)));
    let runner = Runner::new(RunnerSettings::default(), clock as Arc<dyn Clock>).unwrap();
    let now = |params: Value| {
        let node = json!({"type": "date_time", "data": {"params": params}});
        match runner.run_inline(&attempt(&node, &[(None, json!([{"n": 1}, {"n": 2}]))])) {
            Some(Outcome::Succeeded(output)) => ports(&output)["main"].clone(),
            other => panic!("{other:?}"),
        }
    };
    let found = now(json!({"action": "now", "timezone": "Europe/Berlin", "into": "at.now"}));
    let at = json!({"now": "2026-03-05T14:07:09.045+01:00"});
    assert_eq!(found, json!([{"n": 1, "at": at}, {"n": 2, "at": at}]));
    let today = now(
        json!({"action": "now", "include_time": false, "timezone": "Asia/Tokyo", "keep": "none", "as": "unix"}),
    );
    assert_eq!(today, json!([{"data": 1_772_636_400}, {"data": 1_772_636_400}]));
}

#[test]
fn wrong_dates_say_what_they_are_and_where() {
    let parse = json!({"action": "parse"});
    let from = |from: &str| json!({"action": "parse", "from": from});
    for (params, date, code, says) in [
        (parse.clone(), json!("tomorrow"), "invalid_date", "`value` is no date: \"tomorrow\""),
        (parse.clone(), json!("2026-02-30"), "invalid_date", "no date"),
        (parse.clone(), json!({"y": 2026}), "invalid_date", "`value` is an object"),
        (parse.clone(), json!(true), "invalid_date", "`value` is a boolean"),
        (parse.clone(), json!(null), "invalid_params", "params.value: `value` is required"),
        (parse.clone(), json!(1e300), "invalid_date", "years 0 to 9999"),
        (parse, json!("9".repeat(200)), "invalid_date", "years 0 to 9999"),
        (
            json!({"action": "parse", "timezone": "{{ 'Berlin' }}"}),
            json!(0),
            "invalid_timezone",
            "\"Berlin\" is no time zone",
        ),
        (from("dd.MM.yyyy"), json!("31.02.2026"), "invalid_date", "there is no such date"),
        (from("dd.MM.yyyy"), json!("1.2.2026"), "invalid_date", "nothing that `dd` stands for"),
        (from("dd.MM."), json!("24.12."), "invalid_date", "it does not tell the whole date"),
        (from("EEE d.M.yyyy"), json!("Mon 24.12.2026"), "invalid_date", "contradict"),
        (from("yyyy-MM-dd"), json!("2026-12-24T10:00"), "invalid_date", "left behind"),
        (from("E d.M.yyyy"), json!("9 24.12.2026"), "invalid_date", "nothing that `E` stands for"),
        // Constants like these are found when the workflow is saved.
        (from("{{ 'yyyy-MM-ddTHH' }}"), json!("x"), "invalid_format", "\"T\", which stands for nothing"),
        (from("{{ 'q' }}"), json!("1"), "invalid_format", "only be written"),
        (from("{{ 'yyyy \\'open' }}"), json!("1"), "invalid_format", "quote"),
        (
            json!({"action": "format", "format": "{{ 'y'.repeat(300) }}"}),
            json!(0),
            "invalid_format",
            "200 bytes",
        ),
        (
            json!({"action": "add", "amount": "{{ 1 / 2 }}", "unit": "month"}),
            json!(0),
            "invalid_params",
            "0.5",
        ),
        (json!({"action": "add", "amount": 1e9, "unit": "day"}), json!(0), "invalid_date", "years 0 to 9999"),
        (
            json!({"action": "add", "amount": 1e300, "unit": "hour"}),
            json!(0),
            "invalid_date",
            "years 0 to 9999",
        ),
        (
            json!({"action": "add", "amount": -3000, "unit": "year"}),
            json!(0),
            "invalid_date",
            "years 0 to 9999",
        ),
        (json!({"action": "between", "end": "soon"}), json!(0), "invalid_date", "`end` is no date: \"soon\""),
        (
            json!({"action": "add", "amount": "{{ $json.d }}", "unit": "day"}),
            json!("5"),
            "invalid_params",
            "params.amount",
        ),
    ] {
        let (found, message) = refused(params.clone(), date.clone());
        assert!(found == code && message.contains(says), "{params} {date}: {found}: {message}");
    }
    let failed = fails(
        "date_time",
        json!({"params": {"action": "parse", "value": "{{ $json.d }}"}, "on_error": "error_port"}),
        json!([{"d": "2026-01-01"}, {"d": "x"}]),
    );
    assert!(failed.error.message.starts_with("item 1: `value` is no date"), "{}", failed.error.message);
    let left = ports(failed.fallback.as_ref().unwrap());
    assert_eq!((left["main"].as_array().unwrap().len(), &left["error"][0]["d"]), (1, &json!("x")));
}

#[test]
fn each_item_comes_from_the_one_in_its_place() {
    let two = |a: Value, b: Value| [(None, a), (None, b)];
    let params = json!({"action": "now"});
    assert_eq!(lineage("date_time", params.clone(), &[(None, json!([{}, {}]))]), json!({}));
    assert_eq!(
        lineage("date_time", params, &two(json!([{}]), json!([{}]))),
        json!({"main": [[[0, 0]], [[1, 0]]]})
    );
}
