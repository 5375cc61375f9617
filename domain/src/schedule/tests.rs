//! Patterns on clocks that change, and what becomes of what is due.

use serde_json::json;

use super::*;
use crate::ids::{NodeId, RunId, TenantId, WorkflowId};

mod clocks;
mod decisions;
mod laws;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A schedule of these parameters, as JSON, saved at the beginning of 2026.
fn schedule(params: &serde_json::Value) -> Schedule {
    Schedule::read(params.as_object().unwrap(), "params", at("2026-01-01T00:00:00Z")).unwrap()
}

fn cron(pattern: &str, zone: &str) -> Schedule {
    schedule(&json!({ "cron": pattern, "timezone": zone }))
}

fn key() -> ScheduleKey {
    ScheduleKey {
        tenant: TenantId::parse("acme").unwrap(),
        workflow: WorkflowId::at(at("2026-01-01T00:00:00Z"), 7),
        node: NodeId::parse("nightly").unwrap(),
    }
}

fn refusals(params: &serde_json::Value) -> Vec<(String, &'static str)> {
    let found = Schedule::read(params.as_object().unwrap(), "p", Timestamp::default()).unwrap_err();
    found.into_iter().map(|one| (one.path, one.code.as_str())).collect()
}

#[test]
fn what_is_no_schedule_is_refused_with_its_place() {
    for (params, path, code) in [
        (json!({}), "p", "required"),
        (json!({"cron": "@daily", "every": "1h"}), "p", "invalid_value"),
        (json!({"cron": "0 0 30 2 *"}), "p.cron", "invalid_value"),
        (json!({"cron": "0 0 * *"}), "p.cron", "invalid_value"),
        (json!({"cron": "0 0 1 1 * 2027 5"}), "p.cron", "invalid_value"),
        (json!({"cron": "@fortnightly"}), "p.cron", "invalid_value"),
        (json!({"cron": format!("0 0 {} * *", "1,".repeat(200))}), "p.cron", "limit"),
        (json!({"every": "500ms"}), "p.every", "limit"),
        (json!({"every": "0s"}), "p.every", "limit"),
        (json!({"every": "1h", "timezone": "Berlin"}), "p.timezone", "invalid_value"),
        (json!({"every": "1h", "jitter": "25h"}), "p.jitter", "limit"),
        (json!({"every": "1h", "catch_up": "8d"}), "p.catch_up", "limit"),
        (json!({"every": "1h", "misfire": "retry"}), "p.misfire", "invalid_value"),
        (
            json!({"every": "1h", "start": "2026-02-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}),
            "p.end",
            "invalid_value",
        ),
        (
            json!({"cron": "@yearly", "start": "2026-02-01T00:00:00Z", "end": "2026-03-01T00:00:00Z"}),
            "p.end",
            "invalid_value",
        ),
    ] {
        assert_eq!(refusals(&params), [(path.to_owned(), code)], "{params}");
    }
}

#[test]
fn the_run_of_an_occurrence_has_one_id_which_tells_when_it_was_planned() {
    let planned = at("2026-03-01T09:00:00Z");
    let id = key().run_id(planned);
    assert_eq!(id, key().run_id(planned));
    assert_eq!(id.created_at(), Some(planned));
    let node = NodeId::parse("hourly").unwrap();
    let others: Vec<RunId> = vec![
        key().run_id(at("2026-03-01T09:00:01Z")),
        ScheduleKey { node, ..key() }.run_id(planned),
        ScheduleKey { tenant: TenantId::parse("other").unwrap(), ..key() }.run_id(planned),
    ];
    assert!(others.iter().all(|other| *other != id));
    assert_eq!(others[0].owner_slot(), id.owner_slot(), "one worker has the runs that may share a limit");
}

#[test]
fn the_item_is_of_the_planned_moment_on_the_clock_of_the_zone() {
    let item = item(at("2026-07-22T06:05:09Z"), "America/New_York".parse().unwrap());
    assert_eq!(
        serde_json::Value::Object(item),
        json!({
            "timestamp": "2026-07-22T02:05:09.000-04:00", "planned_at": "2026-07-22T06:05:09.000Z",
            "Readable date": "July 22nd 2026, 2:05:09 am", "Readable time": "2:05:09 am",
            "Day of week": "Wednesday", "Year": "2026", "Month": "July", "Day of month": "22",
            "Hour": "02", "Minute": "05", "Second": "09", "Timezone": "America/New_York (UTC-04:00)",
        })
    );
}
