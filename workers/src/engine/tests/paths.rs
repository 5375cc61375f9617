//! Which nodes run, when, and what they are given.

use domain::run::RunStatus;
use serde_json::{Value, json};

use super::scenario::{CREATED, Scenario, header, workflow};
use crate::engine::{Command, RunState, facts, step};

fn started(text: &str) -> Scenario {
    Scenario::started(workflow(text, &json!({})))
}

#[test]
fn a_chain_runs_one_node_after_the_other_and_its_last_items_are_the_output() {
    let mut run = started("start:manual > a:set > b:http_request");
    assert_eq!(run.effects(), ["set deadline at 3600000", "execute a#1"]);
    run.succeed("a");
    assert_eq!(run.effects(), ["execute b#1"]);
    run.give("b", &json!({ "main": [{ "price": 12.5 }] }));
    assert_eq!(run.effects(), ["cancel deadline"]);
    assert_eq!(run.status(), RunStatus::Succeeded);
    assert_eq!(run.run().output, Some(json!({ "b": [{ "price": 12.5 }] })));
    assert_eq!(run.steps(), json!({ "start": "succeeded", "a": "succeeded", "b": "succeeded" }));
}

#[test]
fn the_trigger_gives_the_runs_input_as_items() {
    let mut run =
        Scenario::queued(workflow("start:manual > a:set", &json!({})), json!([{ "n": 1 }, { "n": 2 }]));
    run.tell(Command::Start).unwrap();
    let inputs = run.inputs("a");
    assert_eq!(inputs.len(), 1);
    assert_eq!(json!(inputs[0].items), json!([{ "n": 1 }, { "n": 2 }]));
}

#[test]
fn a_workflow_of_only_a_trigger_gives_back_its_input() {
    let run = started("start:manual");
    assert_eq!(run.effects(), ["set deadline at 3600000", "cancel deadline"]);
    assert_eq!(run.run().output, Some(json!({ "start": [{ "sku": "A1" }] })));
}

#[test]
fn branches_run_side_by_side_and_a_join_waits_for_all_of_them() {
    let mut run = started("start:manual > a:set > join:merge; start > b:set > join; start > c:set > join");
    assert_eq!(run.effects(), ["set deadline at 3600000", "execute a#1", "execute b#1", "execute c#1"]);
    run.succeed("c");
    assert_eq!(run.effects(), Vec::<String>::new());
    run.succeed("a");
    assert_eq!(run.effects(), Vec::<String>::new());
    run.succeed("b");
    assert_eq!(run.effects(), ["execute join#1"]);
}

#[test]
fn inputs_come_in_the_order_of_the_edges_with_the_names_of_what_they_lead_to() {
    let mut run = started("start:manual > a:set > join:merge@left; start > b:set > join@right");
    run.give("b", &json!({ "main": [{ "from": "b" }] }));
    run.give("a", &json!({ "main": [{ "from": "a" }] }));
    let inputs = run.inputs("join");
    let words: Vec<_> = inputs.iter().map(|input| (input.name, input.items[0]["from"].clone())).collect();
    assert_eq!(words, [(Some("left"), json!("a")), (Some("right"), json!("b"))]);
}

#[test]
fn nodes_that_nothing_leads_to_are_skipped_with_all_that_follows_only_from_them() {
    let run = started("start:manual > a:set; alone:set > b:noop");
    assert_eq!(run.effects(), ["set deadline at 3600000", "execute a#1"]);
    assert_eq!(
        run.steps(),
        json!({ "start": "succeeded", "alone": "skipped", "a": "running", "b": "skipped" })
    );
}

#[test]
fn an_input_that_is_not_items_fails_the_run() {
    let mut run = Scenario::queued(workflow("start:manual > a:set", &json!({})), json!("text"));
    run.tell(Command::Start).unwrap();
    assert_eq!(run.status(), RunStatus::Failed);
    let error = run.run().error.unwrap();
    assert_eq!((error.code.as_str(), error.node_id), ("invalid_input", None));
    assert_eq!(run.effects(), ["set deadline at 3600000", "cancel deadline"]);
}

#[test]
fn a_workflow_without_the_trigger_that_was_pulled_fails_the_run() {
    let definition = workflow("start:manual > a:set", &json!({}));
    let mut header = header(Value::Null);
    header.trigger.kind = "webhook".to_owned();
    let mut state = RunState::new(header, definition);
    step(&mut state, Command::Start, CREATED).unwrap();
    assert_eq!(facts::run(&state).error.unwrap().code, "no_trigger");
}
