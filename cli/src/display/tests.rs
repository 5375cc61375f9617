use std::time::Duration;

use serde_json::json;

use super::{
    plain::Plain,
    words::{brief, queued},
    *,
};
use crate::fake;

fn run() -> RunWithSteps {
    serde_json::from_value(json!({
        "id": "018f3c3e-0000-7000-8000-000000000000", "workflow_id": "018f3c3e-0000-7000-8000-000000000001",
        "workflow_version": 3, "status": "failed", "revision": 7, "attempt": 1, "trigger": {"kind": "manual"},
        "input": {}, "output": null,
        "error": {"code": "http_status", "message": "the server answered 503", "node_id": "fetch", "history": [
            {"attempt": 1, "at": "2026-01-01T00:00:00Z", "code": "http_status", "message": "503 at first"},
            {"attempt": 2, "at": "2026-01-01T00:00:01Z", "code": "http_status", "message": "503 again"}]},
        "created_at": "2026-01-01T00:00:00Z", "started_at": "2026-01-01T00:00:00Z",
        "finished_at": "2026-01-01T00:00:02Z",
        "steps": [{"node_id": "fetch", "kind": "http_request", "status": "failed", "attempts": 2,
            "started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:01.500Z", "output": null,
            "error": {"code": "http_status", "message": "the server answered 503"}}]
    }))
    .unwrap()
}

fn text(of: &str) -> String {
    console::strip_ansi_codes(of).into_owned()
}

/// What is printed when the steps become these.
fn lines(plain: &mut Plain, steps: &serde_json::Value) -> Vec<String> {
    let mut run = fake::run("running", 2);
    run["steps"] = steps.clone();
    let run = serde_json::from_value(run).unwrap();
    plain.news(&run).iter().map(|line| text(line)).collect()
}

#[test]
fn a_step_that_failed_is_one_line_with_its_attempts_time_and_error() {
    assert_eq!(
        text(&plain::line(&run().steps[0], 8)),
        "  ✖ fetch     1.5 s  2 attempts  the server answered 503"
    );
}

#[test]
fn every_change_of_a_step_is_one_line() {
    let mut plain = Plain::new(8);
    assert_eq!(lines(&mut plain, &json!([fake::step("get", "running")])), ["  ● get       http_request"]);
    assert!(lines(&mut plain, &json!([fake::step("get", "running")])).is_empty());
    assert_eq!(
        lines(&mut plain, &json!([fake::step("get", "succeeded"), fake::step("no", "skipped")])),
        ["  ✔ get       120 ms", "  ⊘ no        skipped"]
    );
}

#[test]
fn a_run_that_waits_for_its_turn_says_how_many_have_theirs() {
    let mut run = run().run;
    assert_eq!(queued(&run), "queued: a worker takes it in a moment");
    let waits = |seat| Some(serde_json::from_value(json!({ "seat": seat })).unwrap());
    run.waits_for = waits(json!({"limit": 2}));
    assert_eq!(queued(&run), "queued: it waits for its turn, 2 at once of its workflow's runs");
    run.waits_for = waits(json!({"limit": 2, "key": "order.id"}));
    assert!(queued(&run).ends_with("runs with the same order.id"), "{}", queued(&run));
}

#[test]
fn a_retry_tells_why_and_when() {
    let mut step = fake::step("get", "retrying");
    step["error"] = json!({"code": "http_status", "message": "503 Service Unavailable", "history": [
        {"attempt": 1, "at": "2026-01-01T00:00:00Z", "code": "http_status", "message": "503", "delay_ms": 1500}
    ]});
    let mut plain = Plain::new(8);
    assert_eq!(
        lines(&mut plain, &json!([step])),
        ["  ↻ get       attempt 1 failed, next in 1.5 s  503 Service Unavailable"]
    );
    let mut again = fake::step("get", "running");
    again["attempts"] = json!(2);
    assert_eq!(lines(&mut plain, &json!([again])), ["  ● get       attempt 2"]);
    again["status"] = json!("succeeded");
    assert_eq!(lines(&mut plain, &json!([again])), ["  ✔ get       120 ms  2 attempts"]);
}

#[test]
fn an_error_is_told_once_also_when_the_run_went_on_after_it() {
    assert_eq!(text(&summary(&run())).matches("the server answered 503").count(), 1);
    let mut run = fake::run("succeeded", 3);
    let mut step = fake::step("get", "failed");
    step["error"] = json!({"code": "timeout", "message": "no answer in 10 s"});
    run["steps"] = json!([step]);
    assert!(
        text(&summary(&serde_json::from_value(run).unwrap())).contains("✖ get: no answer in 10 s (timeout)")
    );
}

#[test]
fn an_error_of_the_run_itself_is_told() {
    let mut run = fake::run("timed_out", 4);
    run["error"] = json!({"code": "run_timeout", "message": "it took longer than 10m"});
    let text = text(&summary(&serde_json::from_value(run).unwrap()));
    assert!(text.contains("✖ it took longer than 10m (run_timeout)"), "{text}");
    assert!(text.contains("✖ timed out in 1.2 s"), "{text}");
}

#[test]
fn a_message_cannot_steer_the_terminal_and_is_short_in_a_line() {
    let error = NodeError::new("http_status", format!("bad\n\u{1b}[2J  answer {}", "ü".repeat(200)));
    let text = brief(&error);
    assert!(text.starts_with("bad [2J answer üüü") && text.ends_with('…'), "{text}");
    assert_eq!(text.chars().count(), 101);
}

#[test]
fn moments_are_told_to_the_second() {
    let at = domain::timestamp::Timestamp::from_millis(1_700_000_000_123);
    assert_eq!(moment(at), "2023-11-14 22:13:20");
}

#[test]
fn a_summary_has_the_steps_the_error_with_its_attempts_and_the_end() {
    let text = text(&summary(&run()));
    for part in [
        "✖ failed",
        "http_request",
        "fetch: the server answered 503 (http_status)",
        "attempt 1: 503 at first",
        "attempt 2: 503 again",
        "failed in 2.0 s",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn durations_are_said_with_their_unit() {
    for (millis, text) in [
        (12, "12 ms"),
        (3_400, "3.4 s"),
        (125_000, "2 min 5 s"),
        (7_620_000, "2 h 7 min"),
        (266_400_000, "3 d 2 h"),
    ] {
        assert_eq!(duration(Duration::from_millis(millis)), text);
    }
}
