use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::{
    ids::NodeId,
    items::Item,
    run::{Extent, Pins},
    workflow::WorkflowDocument,
};

/// `start:manual > a:set; a > b:set`, as edges between nodes of kinds; `a.port` is a port.
fn workflow(text: &str) -> Definition {
    let (mut nodes, mut edges) = (Vec::new(), Vec::new());
    for chain in text.split(';') {
        let mut before: Option<(&str, &str)> = None;
        for word in chain.split('>').map(str::trim) {
            let (word, port) = word.split_once('.').unwrap_or((word, "main"));
            let (id, kind) = word.split_once(':').map_or((word, None), |(id, kind)| (id, Some(kind)));
            if let Some(kind) = kind {
                let params = match kind {
                    "if" => json!({ "where": "{{ true }}" }),
                    "merge" => json!({ "mode": "append" }),
                    "schedule" => json!({ "every": "1h" }),
                    _ => json!({}),
                };
                nodes.push(json!({ "id": id, "type": kind, "data": { "params": params } }));
            }
            if let Some((source, handle)) = before.replace((id, port)) {
                edges.push(json!({ "source": source, "sourceHandle": handle, "target": id }));
            }
        }
    }
    let document = json!({ "name": "a workflow", "nodes": nodes, "edges": edges });
    Definition::new(&serde_json::from_value::<WorkflowDocument>(document).unwrap()).unwrap()
}

fn id(text: &str) -> NodeId {
    NodeId::parse(text).unwrap()
}

fn pins(nodes: &[(&str, &str)]) -> Pins {
    let ports = |port: &str| Ports::from([(port.into(), Arc::new(vec![Item::new()]))]);
    nodes.iter().map(|(node, port)| (id(node), ports(port))).collect()
}

fn until(node: &str, pinned: &[(&str, &str)]) -> RunPlan {
    RunPlan { extent: Extent::Until(id(node)), pins: pins(pinned), ..RunPlan::default() }
}

fn only(node: &str, pinned: &[(&str, &str)]) -> RunPlan {
    RunPlan { extent: Extent::Only(id(node)), pins: pins(pinned), ..RunPlan::default() }
}

/// What becomes of each node: `x` executed, `p` pinned, `-` left out.
fn course(plan: &RunPlan, definition: &Definition) -> String {
    let course = Course::of(plan, &Trigger::test(), &json!({ "n": 1 }), definition).unwrap();
    let word = |node| match () {
        () if course.pinned(node).is_some() => 'p',
        () if course.is_left_out(node) => '-',
        () => 'x',
    };
    (0..definition.nodes.len()).map(word).collect()
}

fn refusals(plan: &RunPlan, definition: &Definition) -> Vec<(String, &'static str)> {
    let violations = Course::of(plan, &Trigger::test(), &Value::Null, definition).unwrap_err();
    violations.into_iter().map(|violation| (violation.path, violation.code.as_str())).collect()
}

#[test]
fn until_a_node_is_all_that_leads_to_it_and_nothing_behind_a_pinned_one() {
    let flow = workflow("start:manual > a:noop > b:noop > c:noop; start > side:noop");
    assert_eq!(course(&until("b", &[]), &flow), "xxx--");
    assert_eq!(course(&until("b", &[("a", "main")]), &flow), "-px--");
    assert_eq!(
        course(&until("b", &[("c", "main")]), &flow),
        "xxx--",
        "what comes later is left out, pinned or not"
    );
}

#[test]
fn until_a_node_in_a_loop_is_the_whole_loop() {
    let flow = workflow("start:manual > each:loop; each.loop > a:noop > each; each.done > b:noop");
    assert_eq!(course(&until("a", &[]), &flow), "xxx-");
}

#[test]
fn one_node_is_given_the_pins_before_it_or_the_input() {
    let flow = workflow("start:manual > a:noop > b:noop > c:noop; other:noop > b");
    assert_eq!(course(&only("b", &[("a", "main")]), &flow), "-px--");
    assert_eq!(course(&only("b", &[("other", "main"), ("a", "main")]), &flow), "-px-p");
    assert_eq!(course(&only("b", &[]), &flow), "-px--", "the input comes by the first edge");
    let plan = only("b", &[]);
    let given = Course::of(&plan, &Trigger::test(), &json!([{ "n": 1 }, { "n": 2 }]), &flow).unwrap();
    assert_eq!(json!(given.pinned(1).unwrap().ports), json!({ "main": [{ "n": 1 }, { "n": 2 }] }));
    assert_eq!(course(&only("start", &[]), &flow), "x----", "a trigger is given the input as ever");
}

#[test]
fn a_node_in_a_loop_is_given_the_input_by_what_leads_into_it() {
    let flow = workflow("start:manual > ask:if; ask.false > again:noop > ask; ask.true > b:noop");
    assert_eq!(course(&only("b", &[]), &flow), "-p-x");
    assert_eq!(course(&only("ask", &[]), &flow), "px--", "and not by what leads back");
}

#[test]
fn pins_in_a_loop_are_given_in_each_iteration_that_leads_there_and_of_one_node_alone_once() {
    let flow = workflow("start:manual > ask:if; ask.false > again:noop > ask; ask.true > b:noop");
    let plan = RunPlan { pins: pins(&[("start", "main"), ("again", "main")]), ..RunPlan::default() };
    let (whole, alone) = (plan.clone(), RunPlan { extent: Extent::Only(id("ask")), ..plan });
    let of = |plan: &RunPlan| Course::of(plan, &Trigger::test(), &Value::Null, &flow).unwrap();
    let gives = |course: &Course| {
        let at = |turn: u32, is_reached| course.gives(2, &Iteration::from(vec![turn]), is_reached);
        [at(0, false), at(0, true), at(1, false), at(1, true)]
    };
    assert_eq!(gives(&of(&whole)), [false, true, false, true]);
    assert_eq!(gives(&of(&alone)), [true, true, false, false]);
    assert!(of(&whole).gives(0, &Iteration::outside(), false), "outside loops pins are given in any case");
}

#[test]
fn items_of_pins_come_from_the_same_places_unless_several_inputs_lead_there() {
    let flow = workflow("start:manual > a:noop > join:merge; start > join");
    let plan = RunPlan { pins: pins(&[("a", "main"), ("join", "main")]), ..RunPlan::default() };
    let given = Course::of(&plan, &Trigger::test(), &Value::Null, &flow).unwrap();
    assert!(given.pinned(1).unwrap().lineage.is_empty());
    assert_eq!(json!(given.pinned(2).unwrap().lineage), json!({ "main": [[]] }));
}

#[test]
fn what_does_not_fit_the_workflow_is_told_with_its_place() {
    let flow = workflow(
        "start:manual > each:loop; each.loop > a:noop > each; each.done > b:noop; lost:noop > end:noop",
    );
    let pinned = |nodes| RunPlan { pins: pins(nodes), ..RunPlan::default() };
    for (plan, refusal) in [
        (until("x", &[]), ("until", "unknown_node")),
        (only("x", &[]), ("only", "unknown_node")),
        (pinned(&[("x", "main")]), ("pins.x", "unknown_node")),
        (pinned(&[("b", "true")]), ("pins.b.true", "unknown_port")),
        (pinned(&[("each", "loop")]), ("pins.each", "in_loop")),
        (until("end", &[]), ("until", "invalid_value")),
        (RunPlan { trigger: Some(id("a")), ..RunPlan::default() }, ("trigger", "invalid_value")),
    ] {
        assert_eq!(refusals(&plan, &flow), [(refusal.0.to_owned(), refusal.1)], "{plan:?}");
    }
    assert_eq!(
        course(&pinned(&[("each", "done")]), &flow),
        "xpxxxx",
        "what a loop gives in the end may be pinned"
    );
    assert_eq!(course(&until("end", &[("lost", "main")]), &flow), "----px");
}

fn taken(flow: &Definition, from: &str, earlier: &[(&str, Earlier)]) -> Result<String, Vec<String>> {
    let of = |node: &NodeId| {
        earlier.iter().find(|(id, _)| *id == node.as_str()).map_or(Earlier::Gave, |(_, what)| *what)
    };
    let words = |nodes: BTreeSet<NodeId>| nodes.iter().map(NodeId::as_str).collect::<Vec<_>>().join(" ");
    taken_over(flow, &id(from), of).map(words).map_err(|violations| {
        violations.into_iter().map(|violation| format!("{}: {}", violation.code, violation.message)).collect()
    })
}

#[test]
fn a_replay_takes_over_what_gave_something_and_does_not_come_after_its_beginning() {
    let flow =
        workflow("start:manual > a:noop > b:noop > join:merge; start > side:noop > join; side > end:noop");
    assert_eq!(taken(&flow, "b", &[]).unwrap(), "a end side");
    assert_eq!(
        taken(&flow, "b", &[("side", Earlier::Nothing)]).unwrap(),
        "a end",
        "what was cut off beside it runs"
    );
    assert_eq!(taken(&flow, "b", &[("side", Earlier::Skipped)]).unwrap(), "a end");
    assert_eq!(taken(&flow, "a", &[("a", Earlier::Nothing)]).unwrap(), "end side");
    let refused = taken(&flow, "b", &[("a", Earlier::Nothing)]).unwrap_err();
    assert!(refused[0].contains("a lies before b and gave nothing"), "{refused:?}");
    let refused = taken(&flow, "x", &[]).unwrap_err();
    assert!(refused[0].starts_with("unknown_node"), "{refused:?}");
}

#[test]
fn a_loop_is_replayed_from_its_beginning_and_taken_over_by_what_it_gave_in_the_end() {
    let flow = workflow("start:manual > each:loop; each.loop > a:noop > each; each.done > b:noop");
    assert_eq!(taken(&flow, "b", &[]).unwrap(), "each");
    assert_eq!(taken(&flow, "each", &[]).unwrap(), "");
    let refused = taken(&flow, "a", &[]).unwrap_err();
    assert!(refused[0].contains("in_loop") && refused[0].contains("its beginning, each"), "{refused:?}");
    // What is reached only from a cycle is part of its iterations.
    let flow = workflow("start:manual > ask:if; ask.false > again:noop > ask; ask.true > b:noop");
    assert!(taken(&flow, "b", &[]).unwrap_err()[0].contains("its beginning, ask"));
    let flow = workflow("start:manual > ask:if; ask.false > again:noop > ask; ask.true > b:noop; start > b");
    let refused = taken(&flow, "b", &[]).unwrap_err();
    assert!(refused[0].contains("the loop that begins at ask"), "{refused:?}");
    let flow =
        workflow("start:manual > each:loop; each.loop > a:if; a.true > each; a.false > b:noop; start > b");
    assert!(taken(&flow, "b", &[]).unwrap_err()[0].contains("the loop that begins at each"));
}

#[test]
fn a_run_begins_at_the_trigger_that_it_names_and_at_no_other() {
    let flow = workflow("start:manual > a:noop; other:schedule > a; third:schedule > a");
    let begins =
        |trigger: &Trigger| Course::of(&RunPlan::default(), trigger, &Value::Null, &flow).unwrap().trigger();
    assert_eq!(begins(&Trigger::at("schedule", id("third"))), flow.node("third"));
    assert_eq!(begins(&Trigger::at("schedule", id("other"))), flow.node("other"));
    assert_eq!(begins(&Trigger::at("schedule", id("gone"))), None, "not at another one of its kind");
    assert_eq!(begins(&Trigger::of("schedule")), None);
    assert_eq!(begins(&Trigger::at("schedule", id("start"))), None, "nor at one of another kind");
    // Of `manual` there is one at most, whatever it was called when the run was accepted.
    assert_eq!(begins(&Trigger::manual()), flow.node("start"));
    assert_eq!(begins(&Trigger::at("manual", id("renamed"))), flow.node("start"));
}
