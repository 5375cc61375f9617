//! What is started, and what was missed.

use super::*;

/// What is decided at that moment: what starts, what was missed, what is next; as hours and minutes.
fn decided(
    schedule: &Schedule,
    first: &str,
    now: &str,
) -> (Vec<String>, Option<(String, String)>, Option<String>) {
    told(schedule.due(&key(), at(first), at(now), None))
}

fn told(due: Due) -> (Vec<String>, Option<(String, String)>, Option<String>) {
    let time = |moment: Timestamp| moment.to_chrono().format("%d %H:%M").to_string();
    (
        due.starts.into_iter().map(time).collect(),
        due.missed.map(|missed| (time(missed.first), time(missed.last))),
        due.next.map(time),
    )
}

fn hourly(misfire: &str, catch_up: &str) -> Schedule {
    schedule(&json!({"cron": "0 * * * *", "misfire": misfire, "catch_up": catch_up}))
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn pair(first: &str, last: &str) -> Option<(String, String)> {
    Some((first.to_owned(), last.to_owned()))
}

#[test]
fn nothing_starts_before_it_is_planned_and_what_is_in_time_starts_whatever_the_policy() {
    for misfire in ["skip", "fire_once", "fire_all"] {
        let schedule = hourly(misfire, "1d");
        let (early, due) = ("2026-01-01T01:59:59.999Z", "2026-01-01T02:02:00Z");
        assert_eq!(
            decided(&schedule, "2026-01-01T02:00:00Z", early),
            (vec![], None, Some("01 02:00".into()))
        );
        let expected = (texts(&["01 02:00"]), None, Some("01 03:00".into()));
        assert_eq!(decided(&schedule, "2026-01-01T02:00:00Z", due), expected);
    }
}

#[test]
fn what_was_missed_is_dropped_made_up_once_or_made_up_for_each() {
    // Nobody looked from 02:00 to 05:30.
    let decided = |misfire, catch_up| {
        decided(&hourly(misfire, catch_up), "2026-01-01T02:00:00Z", "2026-01-01T05:30:00Z")
    };
    let next = || Some("01 06:00".to_owned());
    assert_eq!(decided("skip", "1d"), (vec![], pair("01 02:00", "01 05:00"), next()));
    assert_eq!(decided("fire_once", "1d"), (texts(&["01 05:00"]), pair("01 02:00", "01 04:00"), next()));
    assert_eq!(
        decided("fire_all", "1d"),
        (texts(&["01 02:00", "01 03:00", "01 04:00", "01 05:00"]), None, next())
    );
    // What is older than the window is not made up for.
    assert_eq!(decided("fire_once", "10m"), (vec![], pair("01 02:00", "01 05:00"), next()));
    assert_eq!(
        decided("fire_all", "2h"),
        (texts(&["01 04:00", "01 05:00"]), pair("01 02:00", "01 03:00"), next())
    );
    assert_eq!(decided("fire_all", "10m"), (vec![], pair("01 02:00", "01 05:00"), next()));
}

#[test]
fn one_that_is_in_time_stands_for_all_that_were_missed() {
    let due = |misfire| decided(&hourly(misfire, "1d"), "2026-01-01T02:00:00Z", "2026-01-01T04:01:00Z");
    let next = || Some("01 05:00".to_owned());
    assert_eq!(due("fire_once"), (texts(&["01 04:00"]), pair("01 02:00", "01 03:00"), next()));
    assert_eq!(due("skip"), (texts(&["01 04:00"]), pair("01 02:00", "01 03:00"), next()));
    assert_eq!(due("fire_all"), (texts(&["01 02:00", "01 03:00", "01 04:00"]), None, next()));
}

#[test]
fn years_of_missed_seconds_are_decided_at_once_and_many_are_made_up_in_parts() {
    let each_second = |misfire, catch_up| {
        schedule(&json!({"cron": "* * * * * *", "misfire": misfire, "catch_up": catch_up}))
    };
    let (first, now) = (at("2026-01-01T00:00:00Z"), at("2028-06-01T12:00:00Z"));
    let due = each_second("skip", "1d").due(&key(), first, now, None);
    assert_eq!(due.missed.unwrap().last, at("2028-06-01T11:57:59Z"));
    assert_eq!(due.starts.len(), 100, "the two minutes that are in time, as many as start at once");
    let mut due = each_second("fire_all", "5m").due(&key(), first, now, None);
    assert_eq!(due.missed.unwrap().last, at("2028-06-01T11:54:59Z"));
    let mut started = due.starts.clone();
    while let Some(next) = due.next.filter(|next| *next <= now) {
        due = each_second("fire_all", "5m").due(&key(), next, now, None);
        started.extend(&due.starts);
    }
    let expected: Vec<_> =
        (0..=300).map(|n| at("2028-06-01T11:55:00Z").plus(Duration::from_secs(n))).collect();
    assert_eq!(started, expected);
}

#[test]
fn jitter_puts_off_always_alike_and_never_to_the_next_one() {
    let every = |jitter| schedule(&json!({"every": "1h", "jitter": jitter}));
    for jitter in ["10m", "1d"] {
        let schedule = every(jitter);
        let planned: Vec<_> = schedule.all_after(at("2026-01-01T00:00:00Z")).take(200).collect();
        let due: Vec<_> = planned.iter().map(|planned| schedule.due_at(&key(), *planned)).collect();
        let most = Duration::from_mins(if jitter == "10m" { 10 } else { 60 });
        assert!(planned.iter().zip(&due).all(|(planned, due)| due.since(*planned) < most && due >= planned));
        assert!(due.is_sorted() && due.iter().zip(&planned).any(|(due, planned)| due != planned));
        for (planned, due) in planned.iter().zip(&due) {
            let just_before = due.minus(Duration::from_millis(1));
            assert_eq!(schedule.due(&key(), *planned, just_before, None).starts, []);
            assert_eq!(schedule.due(&key(), *planned, *due, None).starts, [*planned]);
        }
    }
}

#[test]
fn what_was_planned_before_another_version_came_is_the_earlier_ones_and_nothing_later() {
    let schedule = schedule(&json!({"cron": "* * * * *", "jitter": "50s", "misfire": "fire_all"}));
    let ends = |end: &str, now: &str| {
        told(schedule.due(&key(), at("2026-01-01T00:01:00Z"), at(now), Some(at(end)))).0
    };
    assert_eq!(ends("2026-01-01T00:00:59Z", "2026-01-01T00:05:00Z"), texts(&[]));
    assert_eq!(
        ends("2026-01-01T00:01:00Z", "2026-01-01T00:01:00.001Z"),
        texts(&["01 00:01"]),
        "jitter is cut short"
    );
    assert_eq!(ends("2026-01-01T00:02:30Z", "2026-01-01T09:00:00Z"), texts(&["01 00:01", "01 00:02"]));
}

#[test]
fn the_last_one_in_a_time_is_found() {
    for (pattern, zone) in [("*/7 * * * *", "UTC"), ("30 2 * * *", "Europe/Berlin"), ("0 0 29 2 *", "UTC")] {
        let schedule = cron(pattern, zone);
        let all: Vec<_> = schedule.all_after(at("2026-03-01T00:00:00Z")).take(60).collect();
        for pair in all.windows(2) {
            assert_eq!(schedule.last_until(all[0], pair[0]), Some(pair[0]));
            assert_eq!(schedule.last_until(all[0], pair[1].minus(Duration::from_millis(1))), Some(pair[0]));
        }
        assert_eq!(schedule.last_until(all[5], all[4]), None);
    }
}
