//! Runs that do otherwise than to go from their trigger to the end: pins, a part of the workflow, replays.

use std::sync::Arc;

use domain::{
    ids::{NodeId, RunId},
    items::{Item, Ports},
    retry::Failure,
    run::{Extent, Pins, RunPlan, RunStatus, Trigger},
};
use serde_json::{Value, json};

use super::scenario::{CREATED, Scenario, changes, workflow};

fn id(node: &str) -> NodeId {
    NodeId::parse(node).unwrap()
}

fn pins(nodes: &[(&str, &str)]) -> Pins {
    let item = Item::from_iter([("pinned".to_owned(), json!(true))]);
    let ports = |port: &str| Ports::from([(port.into(), Arc::new(vec![item.clone()]))]);
    nodes.iter().map(|(node, port)| (id(node), ports(port))).collect()
}

fn pinned(text: &str, nodes: &[(&str, &str)]) -> Scenario {
    let plan = RunPlan { pins: pins(nodes), ..RunPlan::default() };
    Scenario::planned(workflow(text, &json!({})), Trigger::test(), plan)
}

fn part(text: &str, extent: Extent, nodes: &[(&str, &str)]) -> Scenario {
    let plan = RunPlan { extent, pins: pins(nodes), ..RunPlan::default() };
    Scenario::planned(workflow(text, &json!({})), Trigger::test(), plan)
}

fn replayed(text: &str, data: &Value, earlier: &[&str]) -> Scenario {
    let trigger = Trigger { replay_of: Some(RunId::at(CREATED, 9)), ..Trigger::manual() };
    let earlier = earlier.iter().map(|node| id(node)).collect();
    Scenario::planned(workflow(text, data), trigger, RunPlan { earlier, ..RunPlan::default() })
}

#[test]
fn a_pinned_node_is_not_executed_and_what_follows_is_given_its_pins() {
    let mut run = pinned("start:manual > call:http_request > last:set", &[("call", "main")]);
    assert_eq!(changes(&run.journal), ["triggered", "pinned", "started"]);
    assert_eq!(run.effects(), ["set deadline at 3600000", "execute last#1"]);
    assert_eq!(json!(*run.inputs("last")[0].items), json!([{ "pinned": true }]));
    run.succeed("last");
    assert_eq!(run.status(), RunStatus::Succeeded);
    let step = run.step("call").unwrap();
    assert!(step.pinned && step.attempts == 0 && step.started_at.is_none() && step.finished_at.is_some());
    assert!(!run.step("last").unwrap().pinned && !run.step("start").unwrap().pinned);
}

#[test]
fn pins_of_one_port_take_that_branch_alone() {
    let run = pinned("start:manual > if:if; if.true > yes:set; if.false > no:set", &[("if", "false")]);
    assert_eq!(
        run.steps(),
        json!({ "start": "succeeded", "if": "succeeded", "yes": "skipped", "no": "running" })
    );
}

#[test]
fn a_pinned_node_gives_its_pins_though_nothing_leads_to_it() {
    let run =
        pinned("start:manual > if:if; if.true > yes:set > last:noop", &[("if", "false"), ("yes", "main")]);
    assert_eq!(run.steps()["yes"], "succeeded");
    assert_eq!(run.effects().last().unwrap(), "execute last#1");
}

#[test]
fn a_pinned_loop_gives_what_it_gave_in_the_end_and_its_body_is_skipped() {
    let flow = "start:manual > each:loop; each.loop > a:http_request > each; each.done > b:set";
    let mut run = pinned(flow, &[("each", "done")]);
    assert_eq!(run.effects().last().unwrap(), "execute b#1");
    run.succeed("b");
    assert_eq!(run.status(), RunStatus::Succeeded);
    assert_eq!(
        run.steps(),
        json!({ "start": "succeeded", "each": "succeeded", "a": "skipped", "b": "succeeded" })
    );
}

#[test]
fn until_a_node_nothing_behind_it_is_executed() {
    let mut run =
        part("start:manual > a:http_request > b:set; start > side:http_request", Extent::Until(id("a")), &[]);
    assert_eq!(run.effects().last().unwrap(), "execute a#1");
    run.succeed("a");
    assert_eq!(run.status(), RunStatus::Succeeded);
    assert_eq!(
        run.steps(),
        json!({ "start": "succeeded", "side": "skipped", "a": "succeeded", "b": "skipped" })
    );
}

#[test]
fn one_node_alone_is_given_the_input_or_the_pins_before_it() {
    let flow = "start:manual > a:http_request > b:set > c:http_request";
    let run = part(flow, Extent::Only(id("b")), &[]);
    assert_eq!(json!(*run.inputs("b")[0].items), json!([{ "sku": "A1" }]));
    let mut run = part(flow, Extent::Only(id("b")), &[("a", "main")]);
    assert_eq!(json!(*run.inputs("b")[0].items), json!([{ "pinned": true }]));
    run.succeed("b");
    assert_eq!(run.status(), RunStatus::Succeeded);
    assert_eq!(run.steps()["c"], "skipped");
}

#[test]
fn a_node_in_a_loop_is_tested_alone_and_the_loop_is_not_gone_through() {
    let flow = "start:manual > ask:if; ask.false > again:http_request > ask; ask.true > b:set";
    for node in ["b", "again"] {
        let mut run = part(flow, Extent::Only(id(node)), &[]);
        assert_eq!(run.effects().last().unwrap(), &format!("execute {node}[0]#1"));
        assert_eq!(json!(*run.inputs(node)[0].items), json!([{ "sku": "A1" }]));
        run.succeed(node);
        assert_eq!(run.status(), RunStatus::Succeeded, "{node}");
    }
    let flow = "start:manual > each:loop; each.loop > a:set > each; each.done > b:set";
    let mut run = part(flow, Extent::Only(id("a")), &[("each", "loop")]);
    assert_eq!(run.effects().last().unwrap(), "execute a[0]#1");
    run.succeed("a");
    assert_eq!(run.status(), RunStatus::Succeeded);
}

#[test]
fn a_pinned_node_in_a_loop_gives_its_pins_in_each_iteration_that_leads_to_it() {
    let flow = "start:manual > ask:http_request > check:if; check.false > again:http_request > ask; check.true > b:set";
    let mut run = pinned(flow, &[("again", "main")]);
    for _ in 0..2 {
        run.succeed("ask").give("check", &json!({ "false": [{}] }));
    }
    assert_eq!(run.effects(), ["execute ask[2]#1"]);
    run.succeed("ask").give("check", &json!({ "true": [{}] }));
    assert_eq!(run.effects(), ["execute b[2]#1"]);
    run.succeed("b");
    assert_eq!((run.status(), &run.steps()["again"]), (RunStatus::Succeeded, &json!("skipped")));
}

#[test]
fn what_does_not_fit_the_workflow_fails_the_run_with_its_place() {
    let run = pinned("start:manual > a:set", &[("x", "main")]);
    assert_eq!(run.status(), RunStatus::Failed);
    let error = run.run().error.unwrap();
    assert_eq!(error.code, "invalid_plan");
    assert!(error.message.contains("pins.x: the workflow has no node x"), "{}", error.message);
}

#[test]
fn a_test_begins_at_a_trigger_of_any_kind_and_a_run_of_a_kind_without_trigger_fails() {
    let test =
        Scenario::planned(workflow("start:manual > a:set", &json!({})), Trigger::test(), RunPlan::default());
    assert_eq!(test.status(), RunStatus::Running);
    let hook = Scenario::planned(
        workflow("start:manual > a:set", &json!({})),
        Trigger::of("webhook"),
        RunPlan::default(),
    );
    assert_eq!(hook.run().error.unwrap().code, "no_trigger");
}

#[test]
fn what_an_earlier_run_gave_is_fetched_like_any_step_and_marked() {
    let mut run = replayed("start:manual > a:http_request > b:http_request", &json!({}), &["a"]);
    assert_eq!(run.effects().last().unwrap(), "execute a#1");
    let (a, b) = (run.index("a"), run.index("b"));
    assert_eq!(run.state.earlier_run_of(a), Some(RunId::at(CREATED, 9)));
    assert_eq!(run.state.earlier_run_of(b), None);
    run.give("a", &json!({ "main": [{ "n": 1 }] }));
    assert!(run.step("a").unwrap().pinned);
    assert_eq!(json!(*run.inputs("b")[0].items), json!([{ "n": 1 }]));
    run.restart().succeed("b");
    assert!(run.status() == RunStatus::Succeeded && !run.step("b").unwrap().pinned);
}

#[test]
fn a_run_ends_when_what_it_takes_over_is_missing_whatever_the_node_says_of_errors() {
    let data = json!({ "a": { "on_error": "continue" } });
    let mut run = replayed("start:manual > a:http_request > b:set", &data, &["a"]);
    run.fail("a", Failure::Permanent);
    assert_eq!(run.status(), RunStatus::Failed);
    assert!(!run.step("a").unwrap().pinned, "it gave nothing");
}

#[test]
fn a_loop_that_is_taken_over_gives_what_it_gave_in_the_end() {
    let flow = "start:manual > each:loop; each.loop > a:http_request > each; each.done > b:http_request";
    let mut run = replayed(flow, &json!({}), &["each"]);
    run.give("each", &json!({ "done": [{ "n": 1 }], "loop": [] }));
    assert_eq!(run.effects(), ["execute b#1"]);
    assert_eq!(run.steps()["a"], "skipped");
    run.restart().succeed("b");
    assert_eq!(run.status(), RunStatus::Succeeded);
}

#[test]
fn the_fold_of_the_journal_is_the_state_after_each_prefix() {
    let mut run =
        pinned("start:manual > a:set > b:set; start > c:set > join:merge; b > join", &[("a", "main")]);
    for node in ["c", "b", "join"] {
        run.succeed(node);
        assert_eq!(run.replayed().progress, run.state.progress);
    }
    for length in 0..run.journal.len() {
        let mut again =
            pinned("start:manual > a:set > b:set; start > c:set > join:merge; b > join", &[("a", "main")]);
        let mut state = crate::engine::RunState::new(
            Arc::clone(again.state.header()),
            Arc::clone(again.state.definition()),
        );
        run.journal[..length].iter().for_each(|event| state.apply(event).unwrap());
        again.state = state;
        again.journal = run.journal[..length].to_vec();
        again.restart();
        for node in ["c", "b", "join"] {
            if again.state.running().any(|(step, _)| step.node == again.index(node)) {
                again.succeed(node);
            }
        }
        assert_eq!(again.run().output, run.run().output, "after {length} events");
    }
}

#[test]
fn a_run_begins_at_the_trigger_that_it_names_and_skips_the_others_with_what_they_alone_lead_to() {
    let text =
        "start:manual > a:noop; hourly:schedule > b:noop; nightly:schedule > c:noop; b > both:noop; c > both";
    let flow = || workflow(text, &json!({}));
    let mut run = Scenario::planned(flow(), Trigger::at("schedule", id("nightly")), RunPlan::default());
    assert_eq!(run.effects().last().unwrap(), "execute c#1");
    run.succeed("c");
    assert_eq!(run.effects().last().unwrap(), "execute both#1");
    run.succeed("both");
    assert_eq!(run.status(), RunStatus::Succeeded);
    let steps = run.steps();
    assert_eq!([&steps["nightly"], &steps["c"]], ["succeeded", "succeeded"]);
    assert!(["start", "a", "hourly", "b"].iter().all(|node| steps[node] == "skipped"), "{steps}");
    let gone = Scenario::planned(flow(), Trigger::at("schedule", id("weekly")), RunPlan::default());
    let error = gone.run().error.unwrap();
    assert_eq!(error.code, "no_trigger");
    assert!(error.message.contains("weekly"), "{}", error.message);
}
