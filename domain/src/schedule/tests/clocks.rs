//! What changes of clocks mean.

use super::*;

/// The next moments after that one, on the clock of the zone.
fn shown(schedule: &Schedule, after: &str, count: usize) -> Vec<String> {
    let zone = schedule.zone;
    schedule.all_after(at(after)).take(count).map(|next| zone.at(next).to_rfc3339()).collect()
}

#[test]
fn a_time_of_the_day_that_the_clock_jumps_over_occurs_right_after_the_jump() {
    // 02:00 to 03:00 on 29 March in Berlin, on 8 March in New York; by half an hour on Lord Howe on 4 October.
    let berlin = cron("30 2 * * *", "Europe/Berlin");
    assert_eq!(
        shown(&berlin, "2026-03-27T12:00:00Z", 3),
        ["2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]
    );
    let new_york = cron("0 30 2 8 MAR *", "America/New_York");
    assert_eq!(shown(&new_york, "2026-03-01T00:00:00Z", 1), ["2026-03-08T03:00:00-04:00"]);
    let howe = cron("15 2 4 10 *", "Australia/Lord_Howe");
    assert_eq!(shown(&howe, "2026-10-01T00:00:00Z", 1), ["2026-10-04T02:30:00+11:00"]);
    // Also one of a list or a range; together with what is planned right after the jump it is one occurrence.
    let list = cron("0,30 2-3 29 3 *", "Europe/Berlin");
    assert_eq!(
        shown(&list, "2026-03-28T12:00:00Z", 2),
        ["2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"]
    );
}

#[test]
fn a_time_of_the_day_that_the_clock_shows_twice_occurs_the_first_time() {
    let berlin = cron("30 2 * * *", "Europe/Berlin");
    let days = ["2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"];
    assert_eq!(shown(&berlin, "2026-10-23T12:00:00Z", 3), days);
    // From anywhere between the two.
    assert_eq!(shown(&berlin, "2026-10-25T00:30:00Z", 1), &days[2..]);
    assert_eq!(shown(&berlin, "2026-10-25T01:10:00Z", 1), &days[2..]);
    let hours = cron("0 1,2,3 25 10 *", "Europe/Berlin");
    let expected = ["2026-10-25T01:00:00+02:00", "2026-10-25T02:00:00+02:00", "2026-10-25T03:00:00+01:00"];
    assert_eq!(shown(&hours, "2026-10-24T12:00:00Z", 3), expected);
}

#[test]
fn a_pattern_that_follows_time_skips_the_jump_and_occurs_twice_where_the_clock_does() {
    let hourly = cron("0 * * * *", "Europe/Berlin");
    assert_eq!(
        shown(&hourly, "2026-03-28T23:30:00Z", 3),
        ["2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"]
    );
    assert_eq!(
        shown(&hourly, "2026-10-24T23:30:00Z", 3),
        ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"]
    );
    let quarters = cron("*/15 2 * * *", "Europe/Berlin");
    assert_eq!(shown(&quarters, "2026-03-28T12:00:00Z", 1), ["2026-03-30T02:00:00+02:00"]);
    assert_eq!(
        shown(&quarters, "2026-10-24T12:00:00Z", 9)[7..],
        ["2026-10-25T02:45:00+01:00", "2026-10-26T02:00:00+01:00"]
    );
}

#[test]
fn an_interval_does_not_look_at_clocks() {
    let daily =
        schedule(&json!({"every": "1d", "start": "2026-10-24T00:30:00Z", "timezone": "Europe/Berlin"}));
    assert_eq!(
        shown(&daily, "2026-10-01T00:00:00Z", 2),
        ["2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00"]
    );
    assert_eq!(shown(&daily, "2026-10-25T12:00:00Z", 1), ["2026-10-26T01:30:00+01:00"]);
    // Without a start it is counted from the save, which is none itself.
    let hourly = schedule(&json!({"every": "1h"}));
    assert_eq!(shown(&hourly, "2026-01-01T00:00:00Z", 1), ["2026-01-01T01:00:00+00:00"]);
}

#[test]
fn a_change_of_the_clock_is_told_with_the_occurrence() {
    let change = |schedule: &Schedule, moment: &str| schedule.clock_change(at(moment));
    let daily = cron("30 2 * * *", "Europe/Berlin");
    let meant = "2026-03-29T02:30:00".parse().unwrap();
    assert_eq!(change(&daily, "2026-03-29T01:00:00Z"), Some(ClockChange::Skipped(meant)));
    assert_eq!(change(&daily, "2026-03-30T00:30:00Z"), None);
    assert_eq!(change(&daily, "2026-10-25T00:30:00Z"), Some(ClockChange::RepeatedOnce));
    let hourly = cron("0 * * * *", "Europe/Berlin");
    assert_eq!(change(&hourly, "2026-10-25T01:00:00Z"), Some(ClockChange::Repeated));
    assert_eq!(change(&hourly, "2026-03-29T01:00:00Z"), None);
}

#[test]
fn names_lists_steps_and_last_days_are_read_as_people_write_them() {
    for (pattern, expected) in [
        ("0 9 * * MON-FRI", "2026-01-01T09:00:00+00:00"),
        ("0 9 * jan sun", "2026-01-04T09:00:00+00:00"),
        ("0 9 * * 7", "2026-01-04T09:00:00+00:00"),
        ("0 0 L * *", "2026-01-31T00:00:00+00:00"),
        ("0 0 LW 2 *", "2026-02-27T00:00:00+00:00"),
        ("0 0 15W 2 *", "2026-02-16T00:00:00+00:00"),
        ("0 0 * * MON#2", "2026-01-12T00:00:00+00:00"),
        ("0 0 * * FRI#L", "2026-01-30T00:00:00+00:00"),
        ("0 0 29 2 *", "2028-02-29T00:00:00+00:00"),
        ("*/10 * * * * *", "2026-01-01T00:00:10+00:00"),
        ("5/20 * * * *", "2026-01-01T00:05:00+00:00"),
        ("@midnight", "2026-01-02T00:00:00+00:00"),
        (" @Hourly ", "2026-01-01T01:00:00+00:00"),
    ] {
        match CronPattern::parse(pattern) {
            Ok(_) => {
                assert_eq!(shown(&cron(pattern, "UTC"), "2026-01-01T00:00:00Z", 1), [expected], "{pattern}");
            }
            Err(error) => assert_eq!(pattern, "5/20 * * * *", "{error}"),
        }
    }
}

#[test]
fn start_and_end_are_moments_of_it_and_nothing_is_beyond() {
    let bounded = schedule(&json!({
        "cron": "0 * * * *", "start": "2026-05-01T10:00:00Z", "end": "2026-05-01T12:00:00Z",
    }));
    assert_eq!(
        shown(&bounded, "2026-01-01T00:00:00Z", 9),
        ["2026-05-01T10:00:00+00:00", "2026-05-01T11:00:00+00:00", "2026-05-01T12:00:00+00:00"]
    );
    assert_eq!(
        cron("@yearly", "UTC").all_after(at("2290-01-01T00:00:00Z")).count(),
        9,
        "time ends with 2299"
    );
}
