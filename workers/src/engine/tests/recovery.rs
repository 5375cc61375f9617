//! Restarts.

use domain::{
    retry::Failure,
    run::{RunStatus, StepStatus},
};
use serde_json::{Value, json};

use super::scenario::{Scenario, UNAVAILABLE, workflow, workflow_within};
use crate::engine::{Command, RunEvent, StepChange};

const FORK: &str = "start:manual > a:http_request > c:set; start > b:http_request";

#[test]
fn what_ran_is_executed_again_what_is_done_is_not_and_timers_are_set_again() {
    let data = json!({ "b": { "retry": { "max_attempts": 3, "base": "10s" } } });
    let mut run = Scenario::started(workflow(FORK, &data));
    run.succeed("a").fail("b", UNAVAILABLE).restart();
    assert_eq!(run.effects(), ["execute c#2", "set deadline at 3600000", "set wake b at 10000"]);
    run.succeed("c").retry("b").succeed("b");
    assert_eq!(run.status(), RunStatus::Succeeded);
    assert_eq!(run.step("c").unwrap().attempts, 2);
}

#[test]
fn a_retry_that_fell_due_meanwhile_begins_at_once() {
    let mut run = Scenario::started(workflow(FORK, &json!({ "b": { "retry": { "max_attempts": 2 } } })));
    run.succeed("a").succeed("c").fail("b", UNAVAILABLE).later(5_000).restart();
    assert_eq!(run.effects(), ["set deadline at 3600000", "execute b#2"]);
}

#[test]
fn interruptions_do_not_use_up_retries_and_keep_what_was_done() {
    let data = json!({ "a": { "retry": { "max_attempts": 2, "base": "1s" } } });
    let mut run = Scenario::started(workflow("start:manual > a:http_request", &data));
    run.restart().restart();
    assert_eq!(run.effects(), ["execute a#3", "set deadline at 3600000"]);
    run.fail_with("a", UNAVAILABLE, Some(json!(["done"])), &json!({})).retry("a").restart();
    assert_eq!(run.effects()[0], r#"execute a#5 with ["done"]"#);
    run.fail("a", UNAVAILABLE);
    let history = run.run().error.unwrap().history;
    assert_eq!(history.iter().map(|one| one.attempt).collect::<Vec<_>>(), [3, 5]);
}

#[test]
fn a_step_that_takes_its_worker_down_again_and_again_fails_at_last() {
    let mut run = Scenario::started(workflow(FORK, &json!({})));
    run.succeed("b");
    for _ in 0..5 {
        run.restart();
        assert_eq!(run.status(), RunStatus::Running);
    }
    run.restart();
    assert_eq!((run.status(), run.effects()), (RunStatus::Failed, vec!["cancel deadline".to_owned()]));
    let error = run.run().error.unwrap();
    assert_eq!((error.code.as_str(), error.node_id.unwrap().as_str()), ("worker_crashed", "a"));
}

#[test]
fn orderly_stops_are_no_crashes_however_many() {
    let mut run = Scenario::started(workflow("start:manual > a:http_request", &json!({})));
    for stops in 2..12 {
        run.stop_and_restart();
        assert_eq!(run.effects()[0], format!("execute a#{stops}"));
    }
    for _ in 0..5 {
        run.restart();
    }
    run.stop_and_restart();
    assert_eq!(run.status(), RunStatus::Running, "five crashes are not too many, and a stop is none");
    run.restart();
    assert_eq!(run.run().error.unwrap().code, "worker_crashed");
}

#[test]
fn with_on_error_the_run_outlives_a_step_that_takes_its_worker_down() {
    let data = json!({ "a": { "on_error": "error_port" }, "b": { "on_error": "continue" } });
    let text = "start:manual > a:http_request; a.error > c:set; start > b:http_request > d:set";
    let mut run = Scenario::started(workflow(text, &data));
    for _ in 0..6 {
        run.restart();
    }
    assert_eq!(run.effects(), ["execute c#1", "execute d#1", "set deadline at 3600000"]);
    let given = json!(run.inputs("c")[0].items);
    assert_eq!((&given[0]["sku"], &given[0]["error"]["code"]), (&json!("A1"), &json!("worker_crashed")));
    run.restart();
    assert_eq!(run.effects(), ["execute c#2", "execute d#2", "set deadline at 3600000"]);
}

#[test]
fn a_run_that_should_have_ended_during_the_outage_times_out() {
    let mut run = Scenario::started(workflow_within("1m", FORK, &json!({})));
    run.later(60_000).restart();
    assert_eq!(run.status(), RunStatus::TimedOut);
}

#[test]
fn a_run_that_had_not_begun_begins() {
    let mut run = Scenario::queued(workflow(FORK, &json!({})), Value::Null);
    run.tell(Command::Recover).unwrap();
    assert_eq!(run.effects(), ["set deadline at 3600000", "execute a#1", "execute b#1"]);
}

#[test]
fn an_end_that_was_decided_but_not_written_is_decided_again() {
    let mut run = Scenario::started(workflow(FORK, &json!({})));
    run.fail("a", Failure::Permanent);
    run.journal.retain(|event| match event {
        RunEvent::Step(event) => event.change != StepChange::Cancelled,
        RunEvent::Started { .. } => true,
        RunEvent::Finished { .. } => false,
    });
    run.restart();
    assert_eq!((run.status(), run.run().error.unwrap().code.as_str()), (RunStatus::Failed, "permanent"));
    assert_eq!(run.step("b").unwrap().status, StepStatus::Cancelled);
}

#[test]
fn items_of_a_node_without_main_leave_by_its_own_port_when_it_took_its_worker_down() {
    let data = json!({ "a": { "on_error": "continue" } });
    let mut run = Scenario::started(workflow("start:manual > a:if; a.true > b:set; a.false > c:set", &data));
    for _ in 0..6 {
        run.restart();
    }
    assert_eq!(run.effects(), ["execute c#1", "set deadline at 3600000"]);
    assert_eq!(json!(run.inputs("c")[0].items)[0]["error"]["code"], "worker_crashed");
    assert_eq!(run.steps()["b"], "skipped");
}
