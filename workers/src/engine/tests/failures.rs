//! Failures, retries and what `on_error` makes of them.

use std::sync::Arc;

use domain::{
    ids::{SignalId, SignalName},
    limits,
    measure::value_bytes,
    retry::Failure,
    run::{NodeError, RunStatus, StepStatus, WaitsFor},
};
use serde_json::{Value, json};

use super::scenario::{CREATED, Scenario, UNAVAILABLE, changes, workflow, workflow_within};
use crate::engine::{Command, Illegal, Outcome, StepFailure, StepKey, Timer};

fn started(text: &str, data: &Value) -> Scenario {
    Scenario::started(workflow(text, data))
}

#[test]
fn a_failed_attempt_is_tried_again_when_its_timer_fires() {
    let data = json!({ "a": { "retry": { "max_attempts": 3, "base": "2s" } } });
    let mut run = started("start:manual > a:http_request", &data);
    run.fail("a", UNAVAILABLE);
    assert_eq!(run.effects(), ["set wake a at 2000"]);
    assert_eq!(run.status(), RunStatus::Waiting);
    assert!(run.state.is_parked());
    let step = run.step("a").unwrap();
    assert_eq!((step.status, step.attempts), (StepStatus::Retrying, 1));
    assert_eq!(step.error.unwrap().history[0].delay_ms, Some(2_000));
    run.retry("a");
    assert_eq!(run.effects(), ["execute a#2"]);
    assert_eq!(run.status(), RunStatus::Running);
    run.succeed("a");
    assert_eq!(run.status(), RunStatus::Succeeded);
    let step = run.step("a").unwrap();
    assert_eq!((step.status, step.attempts, step.error), (StepStatus::Succeeded, 2, None));
}

#[test]
fn a_retry_without_delay_is_a_new_attempt_at_once() {
    let data = json!({ "a": { "retry": { "max_attempts": 2 } } });
    let mut run = started("start:manual > a:http_request", &data);
    run.fail("a", Failure::Connection);
    assert_eq!(run.effects(), ["execute a#2"]);
    assert_eq!(changes(&run.last.events), ["suspended", "resumed"]);
}

#[test]
fn what_an_open_breaker_rejected_uses_up_no_attempt_and_is_no_part_of_the_history() {
    let data = json!({ "a": { "retry": { "max_attempts": 2, "base": "1s" } } });
    let mut run = started("start:manual > a:http_request", &data);
    let rejected = Failure::Rejected { retry_after: Some(std::time::Duration::from_secs(5)) };
    for next in 2..7 {
        run.fail("a", rejected).retry("a");
        assert_eq!(run.effects(), [format!("execute a#{next}")]);
    }
    run.fail("a", UNAVAILABLE).retry("a").fail("a", rejected).retry("a").succeed("a");
    assert_eq!(run.status(), RunStatus::Succeeded);

    let mut run = started("start:manual > a:http_request", &data);
    run.fail("a", rejected).retry("a").fail("a", UNAVAILABLE).retry("a").fail("a", UNAVAILABLE);
    let history = run.run().error.unwrap().history;
    let told: Vec<_> = history.iter().map(|one| (one.attempt, one.code.as_str())).collect();
    assert_eq!(told, [(2, "server"), (3, "server")]);
}

#[test]
fn a_server_is_left_alone_for_as_long_as_it_asks_also_beyond_the_longest_delay() {
    let data = json!({ "a": { "retry": { "max_attempts": 2, "base": "1s", "max_delay": "1s" } } });
    let mut run = started("start:manual > a:http_request", &data);
    run.fail("a", asks_for(3_599));
    assert_eq!(run.effects(), ["set wake a at 3599000"]);
}

#[test]
fn a_step_that_would_have_to_wait_for_too_long_fails_at_once_and_says_until_when() {
    let own = json!({ "a": { "retry": { "max_attempts": 9 } } });
    for (timeout, data, asked, until, limit) in [
        ("1h", json!({}), 601, "2025-11-24T08:10:01.000Z", "the time for attempts, 10m"),
        ("1h", own.clone(), 3_600, "2025-11-24T09:00:00.000Z", "the run's time limit, 1h"),
        // The last moment that there is a text for.
        ("1h", own, u64::MAX, "9999-12-31T23:59:59.999Z", "the time for attempts, 30d"),
    ] {
        let mut run = Scenario::started(workflow_within(timeout, "start:manual > a:http_request", &data));
        run.fail("a", asks_for(asked));
        assert_eq!((run.status(), run.step("a").unwrap().attempts), (RunStatus::Failed, 1));
        let error = run.run().error.unwrap();
        let message = format!("it did not work; it wants no call before {until}, and {limit}, ends earlier");
        assert_eq!((error.message, error.details), (message, Some(json!({ "retry_at": until }))));
        assert_eq!(error.history.len(), 1);
    }
}

fn asks_for(seconds: u64) -> Failure {
    Failure::Server { retry_after: Some(std::time::Duration::from_secs(seconds)) }
}

#[test]
fn after_the_last_attempt_the_run_fails_with_the_whole_history() {
    let data = json!({ "a": { "retry": { "max_attempts": 3, "base": "1s" } } });
    let mut run = started("start:manual > a:http_request > b:set", &data);
    run.fail("a", UNAVAILABLE).retry("a").fail("a", Failure::Timeout).fail("a", UNAVAILABLE);
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(run.effects(), ["cancel deadline"]);
    let error = run.run().error.unwrap();
    assert_eq!(error.node_id.as_ref().unwrap().as_str(), "a");
    let history: Vec<_> =
        error.history.iter().map(|one| (one.attempt, one.code.as_str(), one.delay_ms)).collect();
    assert_eq!(history, [(1, "server", Some(1_000)), (2, "timeout", Some(0)), (3, "server", None)]);
    assert_eq!(run.step("a").unwrap().error, Some(error));
    assert_eq!(run.step("b"), None);
}

#[test]
fn a_permanent_failure_is_not_tried_again() {
    let data = json!({ "a": { "retry": { "max_attempts": 5 } } });
    let mut run = started("start:manual > a:http_request", &data);
    run.fail("a", Failure::Permanent);
    assert_eq!(run.status(), RunStatus::Failed);
}

#[test]
fn what_is_done_already_is_handed_to_every_later_attempt() {
    let data = json!({ "a": { "retry": { "max_attempts": 5, "base": "1s" } } });
    let mut run = started("start:manual > a:http_request", &data);
    run.fail_with("a", UNAVAILABLE, Some(json!({ "0": {} })), &json!({})).retry("a");
    assert_eq!(run.effects(), [r#"execute a#2 with {"0":{}}"#]);
    run.fail("a", UNAVAILABLE).retry("a");
    assert_eq!(run.effects(), [r#"execute a#3 with {"0":{}}"#]);
    run.fail_with("a", UNAVAILABLE, Some(json!({ "0": {}, "1": {} })), &json!({})).retry("a");
    assert_eq!(run.effects(), [r#"execute a#4 with {"0":{},"1":{}}"#]);
}

#[test]
fn a_failure_that_ends_the_run_stops_all_other_branches() {
    let data = json!({ "c": { "retry": { "max_attempts": 5 } } });
    let mut run =
        started("start:manual > a:http_request; start > b:http_request; start > c:http_request", &data);
    run.fail("c", UNAVAILABLE).fail("a", Failure::Permanent);
    assert_eq!(run.effects(), ["abort b", "cancel wake c", "cancel deadline"]);
    let steps = json!({ "start": "succeeded", "a": "failed", "b": "cancelled", "c": "cancelled" });
    assert_eq!(run.steps(), steps);
    assert!(run.step("c").unwrap().error.is_some(), "it tells why it was being retried");
}

#[test]
fn with_on_error_continue_the_run_goes_on_with_the_fallback_but_only_after_the_retries() {
    let data = json!({ "a": { "retry": { "max_attempts": 2, "base": "1s" }, "on_error": "continue" } });
    let mut run = started("start:manual > a:http_request > b:set", &data);
    run.fail("a", UNAVAILABLE);
    assert_eq!(run.effects(), ["set wake a at 1000"]);
    let fallback = json!({ "main": [{ "error": { "code": "server" } }] });
    run.retry("a").fail_with("a", UNAVAILABLE, None, &fallback);
    assert_eq!(run.effects(), ["execute b#1"]);
    assert_eq!(json!(run.inputs("b")[0].items), fallback["main"]);
    run.succeed("b");
    assert_eq!(run.status(), RunStatus::Succeeded);
    let step = run.step("a").unwrap();
    assert_eq!((step.status, step.error.unwrap().history.len()), (StepStatus::Failed, 2));
    assert_eq!(json!(step.output), fallback);
}

#[test]
fn with_an_error_port_only_what_follows_that_port_runs() {
    let data = json!({ "a": { "on_error": "error_port", "retry": { "max_attempts": 1 } } });
    let mut run = started("start:manual > a:http_request > ok:set; a.error > alarm:set", &data);
    run.fail_with("a", UNAVAILABLE, None, &json!({ "error": [{ "error": {} }] }));
    assert_eq!(run.effects(), ["execute alarm#1"]);
    assert_eq!(run.steps()["ok"], "skipped");
}

#[test]
fn what_a_step_was_given_goes_on_with_the_error_when_it_cannot_say_what_it_did() {
    let data = json!({ "a": { "on_error": "error_port", "retry": { "max_attempts": 1 } } });
    let cut_off = |error: NodeError| {
        Outcome::Failed(Box::new(StepFailure {
            error,
            failure: Failure::Timeout,
            partial: None,
            fallback: None,
        }))
    };
    let mut run = started("start:manual > a:http_request > ok:set; a.error > alarm:set", &data);
    run.finish("a", cut_off(NodeError::new("timeout", "too late").with_details(json!({ "after": 5 }))));
    assert_eq!(run.effects(), ["execute alarm#1"]);
    let expected = json!({ "code": "timeout", "message": "too late", "details": { "after": 5 } });
    let given = json!(run.inputs("alarm")[0].items);
    assert_eq!((&given[0]["sku"], &given[0]["error"]), (&json!("A1"), &expected));

    let text = "x".repeat(limits::MAX_MESSAGE_BYTES);
    let items = vec![json!({}); limits::MAX_STEP_OUTPUT_BYTES / text.len()];
    let mut run = started("start:manual > many:set > a:http_request > ok:set; a.error > alarm:set", &data);
    run.give("many", &json!({ "main": items }));
    run.finish("a", cut_off(NodeError::new("timeout", text)));
    let given = json!(run.inputs("alarm")[0].items);
    assert_eq!(given.as_array().unwrap().len(), 1, "more than a step may emit: the error alone");
}

#[test]
fn an_error_that_is_too_deep_or_too_large_is_cut_before_it_is_kept() {
    let deep = (0..120).fold(json!(1), |inner, _| json!([inner]));
    let failure = |details: &Value, failure| {
        let error = NodeError { details: Some(details.clone()), ..NodeError::new("x", "x") };
        Outcome::Failed(Box::new(StepFailure { error, failure, partial: None, fallback: None }))
    };
    let data = json!({ "a": { "retry": { "max_attempts": 2 } } });
    let mut run = started("start:manual > a:http_request", &data);
    run.finish("a", failure(&deep, UNAVAILABLE));
    let details = |error: Option<NodeError>| error.unwrap().details.unwrap();
    let retried = details(run.step("a").unwrap().error);
    run.retry("a").finish("a", failure(&json!("x".repeat(limits::MAX_DETAILS_BYTES)), UNAVAILABLE));
    assert!(value_bytes(&retried).is_ok() && retried.to_string().ends_with(&"]".repeat(97)), "{retried}");
    let failed = [details(run.step("a").unwrap().error), details(run.run().error)];
    assert!(failed.iter().all(|details| details.to_string().contains("MAX_DETAILS_BYTES")), "{failed:?}");
}

#[test]
fn what_a_step_keeps_for_its_next_attempt_has_a_limit_that_the_error_names() {
    let data = json!({ "a": { "retry": { "max_attempts": 3 } } });
    let deep = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    for (kept, limit) in [
        (json!("x".repeat(limits::MAX_KEPT_BYTES - 2)), None),
        (json!("x".repeat(limits::MAX_KEPT_BYTES - 1)), Some("MAX_KEPT_BYTES")),
        (deep(limits::MAX_KEPT_DEPTH), None),
        (deep(limits::MAX_KEPT_DEPTH + 1), Some("MAX_KEPT_DEPTH")),
    ] {
        let mut run = started("start:manual > a:http_request", &data);
        run.fail_with("a", UNAVAILABLE, Some(kept.clone()), &json!({}));
        match limit {
            None => assert_eq!(run.retry("a").step("a").unwrap().status, StepStatus::Running),
            Some(limit) => {
                let error = run.run().error.unwrap();
                assert_eq!(error.code, "limit");
                assert!(error.message.contains(limit), "{}", error.message);
            }
        }
    }
}

#[test]
fn time_spent_waiting_is_no_time_spent_on_retries() {
    let mut run = started("start:manual > a:http_request", &json!({}));
    run.wait("a", WaitsFor { signal: Some("go".into()), ..WaitsFor::default() }, None);
    let (step, id) = (run.key("a"), SignalId::at(CREATED, 1));
    let (name, data) = (SignalName::parse("go").unwrap(), Arc::new(json!(1)));
    run.later(24 * 3_600_000).tell(Command::Signal { step, id, name, data }).unwrap();
    run.fail("a", UNAVAILABLE);
    assert_eq!(run.step("a").unwrap().status, StepStatus::Retrying);
}

#[test]
fn a_fail_node_fails_the_run() {
    let mut run = started("start:manual > stop:fail", &json!({}));
    run.fail("stop", Failure::Permanent);
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(run.run().output, None);
}

#[test]
fn a_stale_attempt_cannot_finish_a_step() {
    let data = json!({ "a": { "retry": { "max_attempts": 3 } } });
    let mut run = started("start:manual > a:http_request", &data);
    run.fail("a", Failure::Connection);
    let (step, before) = (run.key("a"), run.state.progress.clone());
    for attempt in [0, 1, 3] {
        let outcome = Outcome::Succeeded(super::scenario::one_item());
        let late = Command::StepFinished { step: step.clone(), attempt, outcome, jitter: 0.0 };
        assert_eq!(run.tell(late), Err(Illegal::StaleAttempt { step: step.clone(), attempt }));
    }
    assert_eq!(run.state.progress, before);
}

#[test]
fn a_timer_that_nothing_waits_for_is_refused() {
    let data = json!({ "a": { "retry": { "max_attempts": 3 } } });
    let mut run = started("start:manual > a:http_request", &data);
    let timer = Timer::Wake(run.key("a"));
    let refused = Err(Illegal::StaleTimer(timer.clone()));
    assert_eq!(run.tell(Command::TimerFired(timer.clone())), refused, "it does not wait yet");
    run.fail("a", UNAVAILABLE);
    assert_eq!(run.tell(Command::TimerFired(timer.clone())), refused, "its moment has not come");
    run.retry("a");
    assert_eq!(run.tell(Command::TimerFired(timer)), refused, "it does not wait any more");
    let unknown = StepKey::outside(99);
    let fired = run.tell(Command::TimerFired(Timer::Wake(unknown.clone())));
    assert_eq!(fired, Err(Illegal::UnknownStep(unknown)));
}
