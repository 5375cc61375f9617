//! What the computing kinds make of items: one table a kind.
#![allow(clippy::needless_pass_by_value, reason = "tables give their values away")]

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use domain::{
    items::Output,
    kinds::{Effect, Kind},
    retry::Failure,
    run::Trigger,
};
use minireipaz::clock::{Clock as _, ManualClock, SystemClock};
use serde_json::{Value, json};

use super::*;
use crate::{
    engine::{Execute, StepFailure, StepKey},
    expr::tests::{header, items},
    runner::{Attempt, Compiled, Input, Inputs, Runner, RunnerSettings},
};

/// An attempt of the node `n`, which follows as many triggers as there are inputs.
fn attempt(node: &Value, inputs: &[(Option<&str>, Value)]) -> Attempt {
    let mut node = node.clone();
    node["id"] = json!("n");
    let mut nodes = vec![json!({"id": "start", "type": "manual"})];
    let mut edges = Vec::new();
    for (i, (input, _)) in inputs.iter().enumerate() {
        nodes.push(json!({"id": format!("p{i}"), "type": "noop"}));
        edges.push(json!({"source": format!("p{i}"), "target": "n", "targetHandle": input}));
    }
    nodes.push(node);
    let document = json!({"name": "Test", "nodes": nodes, "edges": edges});
    let workflow = Compiled::new(&serde_json::from_value(document).unwrap()).unwrap();
    let definition = Arc::clone(workflow.definition());
    let index = definition.node("n").unwrap();
    let named = definition.nodes[index].incoming.iter().map(|&edge| definition.edges[edge].input.clone());
    let inputs = (0u32..).zip(named.zip(inputs)).map(|(place, (name, (_, list)))| Input {
        place,
        name,
        items: Arc::new(items(list.clone())),
    });
    let execute = Execute::first(StepKey::outside(index));
    let inputs = Inputs(inputs.collect());
    Attempt::new(&Arc::new(workflow), &Arc::new(header()), execute, inputs, Vec::new())
}

/// Its clock stands still, so that what is computed twice is the same.
static RUNNER: LazyLock<Runner> = LazyLock::new(|| {
    let clock = ManualClock::at(SystemClock.now());
    Runner::new(RunnerSettings::default(), Arc::new(clock)).unwrap()
});

fn run(attempt: &Attempt) -> Outcome {
    let inline = RUNNER.run_inline(attempt);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(RUNNER.run(attempt.clone()));
    if let Some(inline) = inline {
        assert_eq!(inline, outcome, "inline and on a thread");
    }
    outcome
}

fn ports(output: &Output) -> Value {
    json!(output.ports)
}

/// The output of a node over one input.
fn check(kind: &str, params: Value, input: Value, expected: Value) {
    check_inputs(kind, &params, &[(None, input)], expected);
}

fn check_inputs(kind: &str, params: &Value, inputs: &[(Option<&str>, Value)], expected: Value) {
    let node = json!({"type": kind, "data": {"params": params}});
    match run(&attempt(&node, inputs)) {
        Outcome::Succeeded(output) => assert_eq!(ports(&output), expected, "{kind} {params}"),
        other => panic!("{kind} {params}: {other:?}"),
    }
}

fn fails(kind: &str, data: Value, input: Value) -> StepFailure {
    let node = json!({"type": kind, "data": data});
    match run(&attempt(&node, &[(None, input)])) {
        Outcome::Failed(failed) => *failed,
        other => panic!("{kind} {data}: {other:?}"),
    }
}

/// What a node makes of one input.
fn made(kind: &str, params: Value, input: Value) -> Output {
    let node = json!({"type": kind, "data": {"params": params}});
    match run(&attempt(&node, &[(None, input)])) {
        Outcome::Succeeded(output) => output,
        other => panic!("{kind} {params}: {other:?}"),
    }
}

mod aggregate;
mod call_workflow;
mod code;
mod conditions;
mod crypto;
mod date_time;
mod dedupe;
mod examples;
mod html;
mod limit;
mod lineage;
mod loop_;
mod markdown;
mod merge;
mod n8n;
mod options;
mod rename;
mod respond;
mod selectors;
mod sort;
mod split;
mod summarize;
mod switch;
mod wait;
mod xml;

#[test]
fn every_kind_can_run() {
    for kind in Kind::ALL.iter().map(|kind| kind.declaration()) {
        let params: Value = serde_json::from_str(kind.example.params).unwrap();
        let node = json!({"id": "n", "type": kind.name, "data": {"params": params}});
        let start = json!({"id": "start", "type": "manual"});
        let nodes = if kind.trigger { json!([node]) } else { json!([start, node]) };
        let document = serde_json::from_value(json!({"name": "Test", "nodes": nodes})).unwrap();
        let compiled = Compiled::new(&document).unwrap();
        let pure = matches!(
            compiled.executable(compiled.definition().node("n").unwrap()),
            Some(Executable::Pure(_))
        );
        assert_eq!(pure, kind.effect == Effect::Pure, "{}", kind.name);
    }
}

#[test]
fn set_makes_changes_and_removes() {
    let item = json!([{"a": 1, "b": {"c": 2, "d": 3}, "l": [1, 2]}]);
    for (params, expected) in [
        (json!({}), json!({"a": 1, "b": {"c": 2, "d": 3}, "l": [1, 2]})),
        (
            json!({"fields": {"a": "{{ $json.b.c }}", "b.e.f": "x{{ $json.a }}", "l.2": 9}}),
            json!({"a": 2, "b": {"c": 2, "d": 3, "e": {"f": "x1"}}, "l": [1, 2, 9]}),
        ),
        (
            json!({"keep": "none", "fields": {"n": {"deep": ["{{ $json.l }}"]}}}),
            json!({"n": {"deep": [[1, 2]]}}),
        ),
        (json!({"keep": ["b.c", "l", "missing"]}), json!({"b": {"c": 2}, "l": [1, 2]})),
        (json!({"remove": ["b.d", "l.0", "missing"]}), json!({"a": 1, "b": {"c": 2}, "l": [2]})),
        (json!({"keep": "{{ ['a'] }}", "remove": ["{{ 'x' }}"]}), json!({"a": 1})),
        (json!({"keep": "none", "fields": "{{ ({'x.y': $json.a}) }}"}), json!({"x": {"y": 1}})),
        (json!({"fields": {"a": "{{ $json.missing }}"}, "keep": "none"}), json!({"a": null})),
        (
            json!({"fields": {"k{{ $json.a }}.{{ 'x' + 'y' }}": "{{ $json.a }}", "z": 1}, "keep": "none"}),
            json!({"k1": {"xy": 1}, "z": 1}),
        ),
    ] {
        check("set", params, item.clone(), json!({"main": [expected]}));
    }
}

#[test]
fn noop_passes_on_and_fail_fails_with_the_authors_words() {
    check("noop", json!({}), json!([{"a": 1}]), json!({"main": [{"a": 1}]}));
    let params = json!({"message": "order {{ $json.id }} is bad", "details": {"at": "{{ $json.id }}"}});
    let failed = fails("fail", json!({ "params": params }), json!([{"id": 7}]));
    assert_eq!((failed.error.code.as_str(), failed.error.message.as_str()), ("failed", "order 7 is bad"));
    assert_eq!((failed.error.details, failed.failure), (Some(json!({"at": 7})), Failure::Permanent));
}

#[test]
fn manual_emits_the_runs_input() {
    let node = json!({"type": "noop"});
    let mut start = attempt(&node, &[]);
    start.task.step.node = 0;
    for (input, expected) in [
        (json!(null), json!([{}])),
        (json!({"a": 1}), json!([{"a": 1}])),
        (json!([{"a": 1}, {"a": 2}]), json!([{"a": 1}, {"a": 2}])),
    ] {
        start.task.run = Arc::new(crate::engine::RunHeader { input, trigger: Trigger::manual(), ..header() });
        let Outcome::Succeeded(output) = run(&start) else { panic!("it emits") };
        assert_eq!(ports(&output), json!({ "main": expected }));
    }
    start.task.run = Arc::new(crate::engine::RunHeader { input: json!(5), ..header() });
    assert!(matches!(run(&start), Outcome::Failed(failed) if failed.error.code == "invalid_input"));
}

#[test]
fn failed_items_leave_in_their_place_and_the_error_counts_them() {
    let params = json!({"fields": {"x": "{{ $json.n.toFixed(1) }}"}});
    let input = json!([{"n": 1}, {"n": null}, {"n": 3}, {}]);
    let stopped = fails("set", json!({ "params": params }), input.clone());
    assert_eq!(stopped.fallback, None);
    assert!(
        stopped.error.message.starts_with("item 1: `{{ $json.n.toFixed(1) }}`"),
        "{}",
        stopped.error.message
    );

    let went_on = fails("set", json!({"params": params, "on_error": "continue"}), input.clone());
    let main = ports(went_on.fallback.as_ref().unwrap())["main"].clone();
    assert_eq!((&main[0]["x"], &main[2]["x"]), (&json!("1.0"), &json!("3.0")));
    assert_eq!(
        (&main[1]["error"]["code"], &main[3]["error"]["code"]),
        (&json!("expression"), &json!("expression"))
    );
    assert!(
        went_on.error.message.starts_with("2 of 4 items failed; the first, item 1:"),
        "{}",
        went_on.error.message
    );
    assert_eq!(went_on.error.details.unwrap()["failed_items"], 2);

    let parted = fails("set", json!({"params": params, "on_error": "error_port"}), input);
    assert_eq!(parted.fallback.as_ref().unwrap().ports["main"].len(), 2);
    assert_eq!(parted.fallback.as_ref().unwrap().ports["error"].len(), 2);
}

#[test]
fn an_output_above_the_limit_fails_by_its_name_before_it_fills_the_memory() {
    let input: Vec<Value> = (0..1_000).map(|_| json!({"big": "x".repeat(1_000)})).collect();
    let params = json!({"fields": {"all": "{{ $input.all() }}"}});
    let failed = fails("set", json!({ "params": params }), json!(input));
    assert_eq!(failed.error.code, "limit");
    assert!(failed.error.message.contains("MAX_STEP_OUTPUT_BYTES"), "{}", failed.error.message);

    let left: Vec<Value> = (0..200).map(|n| json!({"k": 1, "l": n})).collect();
    let node = json!({"type": "merge", "data": {"params": {"mode": "by_key", "by_key": {"left": "k"}}, "on_error": "continue"}});
    let attempt = attempt(&node, &[(Some("left"), json!(left)), (Some("right"), json!(left))]);
    let Outcome::Failed(failed) = run(&attempt) else { panic!("40,000 items are too many") };
    assert!(failed.error.message.contains("MAX_ITEMS"), "{}", failed.error.message);
    assert_eq!(failed.fallback, None, "the items that came leave with the error");
}

#[test]
fn parameters_that_are_wrong_only_at_run_time_say_where() {
    let failed = fails("set", json!({"params": {"keep": "{{ $json.keep }}"}}), json!([{"keep": "some"}]));
    assert_eq!(failed.error.code, "invalid_params");
    assert!(failed.error.message.contains("params.keep"), "{}", failed.error.message);
    let failed = fails("set", json!({"params": {"fields": {"a.b": 1}}}), json!([{"a": 5}]));
    assert_eq!(failed.error.code, "invalid_path");
}

#[test]
fn a_step_whose_time_is_up_says_so() {
    let node =
        json!({"type": "set", "data": {"timeout": "1ms", "params": {"fields": {"a": "{{ $json.n + 1 }}"}}}});
    let input: Vec<Value> = (0..10_000).map(|n| json!({ "n": n })).collect();
    let began = Instant::now();
    let Outcome::Failed(failed) = run(&attempt(&node, &[(None, json!(input))])) else {
        panic!("1 ms is too short")
    };
    let code = failed.error.code.as_str();
    assert_eq!((code, failed.failure), ("timeout", Failure::Permanent), "its JavaScript had begun");
    assert!(began.elapsed() < Duration::from_secs(5));
}
