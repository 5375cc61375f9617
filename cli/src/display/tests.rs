use std::time::Duration;

use serde_json::json;

use super::{live::line, *};

fn run() -> RunWithSteps {
    serde_json::from_value(json!({
        "id": "018f3c3e-0000-7000-8000-000000000000", "workflow_id": "018f3c3e-0000-7000-8000-000000000001",
        "workflow_version": 3, "status": "failed", "revision": 7, "attempt": 1, "trigger": {"kind": "manual"},
        "input": {}, "output": null,
        "error": {"code": "http_status", "message": "the server answered 503", "node_id": "fetch", "history": [
            {"attempt": 1, "at": "2026-01-01T00:00:00Z", "code": "http_status", "message": "503 at first"}]},
        "created_at": "2026-01-01T00:00:00Z", "started_at": "2026-01-01T00:00:00Z",
        "finished_at": "2026-01-01T00:00:02Z",
        "steps": [{"node_id": "fetch", "kind": "http_request", "status": "failed", "attempts": 2,
            "started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:01.500Z", "output": null,
            "error": {"code": "http_status", "message": "the server answered 503"}}]
    }))
    .unwrap()
}

#[test]
fn a_step_is_one_line_with_its_attempts_time_and_error() {
    console::set_colors_enabled(false);
    assert_eq!(line(&run().steps[0]), "✖ fetch failed, attempt 2 1.5 s – the server answered 503");
}

#[test]
fn a_summary_has_the_steps_the_error_with_its_attempts_and_the_end() {
    console::set_colors_enabled(false);
    let text = summary(&run());
    for part in [
        "✖ fetch",
        "http_request",
        "fetch: the server answered 503 (http_status)",
        "attempt 1: 503 at first",
        "failed in 2.0 s",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn durations_are_said_with_their_unit() {
    for (millis, text) in [(12, "12 ms"), (3_400, "3.4 s"), (125_000, "2 min 5 s")] {
        assert_eq!(duration(Duration::from_millis(millis)), text);
    }
}
