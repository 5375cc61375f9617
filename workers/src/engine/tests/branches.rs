//! Branches that are taken, and those that are skipped.

use domain::run::RunStatus;
use serde_json::json;

use super::scenario::{Scenario, UNAVAILABLE, workflow};

fn started(text: &str) -> Scenario {
    Scenario::started(workflow(text, &json!({})))
}

#[test]
fn only_the_branch_that_was_taken_runs_and_the_join_gets_what_there_is() {
    let mut run = started("start:manual > if:if; if.true > yes:set > join:merge; if.false > no:set > join");
    run.give("if", &json!({ "true": [{ "a": 1 }], "false": [] }));
    assert_eq!(run.effects(), ["execute yes#1"]);
    run.succeed("yes");
    assert_eq!(run.effects(), ["execute join#1"]);
    assert_eq!(run.inputs("join").len(), 1);
    run.succeed("join");
    assert_eq!(run.status(), RunStatus::Succeeded);
    let steps = json!({
        "start": "succeeded", "if": "succeeded", "yes": "succeeded", "no": "skipped", "join": "succeeded"
    });
    assert_eq!(run.steps(), steps);
    let skipped = run.step("no").unwrap();
    assert_eq!((skipped.attempts, skipped.started_at, skipped.output), (0, None, None));
}

#[test]
fn a_skipped_branch_is_skipped_to_its_end_and_is_not_in_the_output() {
    let mut run =
        started("start:manual > if:if; if.true > yes:set; if.false > no:set > after:set > last:set");
    run.give("if", &json!({ "true": [{}] }));
    run.give("yes", &json!({ "main": [] }));
    assert_eq!(run.status(), RunStatus::Succeeded);
    assert_eq!(run.run().output, Some(json!({ "yes": [] })));
    assert_eq!(run.steps()["last"], "skipped");
}

#[test]
fn a_last_node_with_several_ports_keeps_them_apart_in_the_output() {
    let mut run = started("start:manual > if:if");
    run.give("if", &json!({ "false": [{ "n": 2 }], "true": [{ "n": 1 }] }));
    assert_eq!(run.run().output, Some(json!({ "if": { "true": [{ "n": 1 }], "false": [{ "n": 2 }] } })));
    // Also when nothing left by one of them: the form follows from the workflow.
    let mut run = started("start:manual > if:if");
    run.give("if", &json!({ "true": [{ "n": 1 }] }));
    assert_eq!(run.run().output, Some(json!({ "if": { "true": [{ "n": 1 }], "false": [] } })));
}

#[test]
fn items_that_leave_a_last_node_by_its_error_port_are_in_the_output() {
    let data = json!({ "a": { "on_error": "error_port", "retry": { "max_attempts": 1 } } });
    let mut run = Scenario::started(workflow("start:manual > a:http_request", &data));
    run.fail_with("a", UNAVAILABLE, None, &json!({ "main": [{ "n": 1 }], "error": [{ "n": 2 }] }));
    assert_eq!(run.run().output, Some(json!({ "a": { "main": [{ "n": 1 }], "error": [{ "n": 2 }] } })));
}

#[test]
fn long_chains_are_skipped_without_recursion() {
    let chain: String = (0..490).map(|i| format!(" > n{i}:noop")).collect();
    let mut run = started(&format!("start:manual > if:if; if.true > yes:set; if.false{chain}"));
    run.give("if", &json!({ "true": [{}] }));
    assert_eq!(run.steps()["n489"], "skipped");
}
