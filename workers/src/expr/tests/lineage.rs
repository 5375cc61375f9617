//! `$('node').item` is the item that this one came from, whatever is between them.

use std::sync::Arc;

use domain::{definition::Definition, items::Output, lineage::Lineage};
use serde_json::{Value, json};

use super::{evaluate_as, scope};
use crate::{
    expr::{Expression, Scope, Trails},
    step::{Input, Inputs},
};

/// A run in the middle: `here` is the step whose expressions are evaluated.
struct Run {
    nodes: Vec<&'static str>,
    edges: Vec<Value>,
    outputs: Vec<(&'static str, Value, Value)>,
}

impl Run {
    fn new() -> Self {
        Self { nodes: vec!["start", "here"], edges: Vec::new(), outputs: Vec::new() }
    }

    fn edge(mut self, source: &'static str, port: &str, target: &'static str) -> Self {
        for name in [source, target] {
            if !self.nodes.contains(&name) {
                self.nodes.push(name);
            }
        }
        self.edges.push(json!({"source": source, "sourceHandle": port, "target": target}));
        self
    }

    /// What a node gave: items by port, and their lineage where it is not plain.
    fn gave(mut self, node: &'static str, ports: Value, lineage: Value) -> Self {
        self.outputs.push((node, ports, lineage));
        self
    }

    fn scope(self) -> Scope {
        let kind = |name: &str| match name {
            "start" => "manual",
            name if name.starts_with("if") => "if",
            _ => "noop",
        };
        let node = |name: &&str| {
            let params = if kind(name) == "if" { json!({"where": true}) } else { json!({}) };
            json!({"id": name, "type": kind(name), "data": {"params": params}})
        };
        let nodes: Vec<_> = self.nodes.iter().map(node).collect();
        let document = json!({"name": "Test", "nodes": nodes, "edges": self.edges});
        let definition = Definition::new(&serde_json::from_value(document).unwrap()).unwrap();
        let mut outputs: Vec<Option<Arc<Output>>> = vec![None; definition.nodes.len()];
        for (node, ports, lineage) in self.outputs {
            let ports = serde_json::from_value(ports).unwrap();
            let lineage: Lineage = serde_json::from_value(lineage).unwrap();
            outputs[definition.node(node).unwrap()] =
                Some(Arc::new(Output { ports, lineage, ..Output::default() }));
        }
        let here = definition.node("here").unwrap();
        let brought = (0u32..).zip(&definition.nodes[here].incoming).filter_map(|(place, &edge)| {
            let edge = &definition.edges[edge];
            let items = Arc::clone(outputs[edge.source].as_ref()?.ports.get(&edge.port)?);
            (!items.is_empty()).then_some(Input { place, name: None, items })
        });
        let inputs = Inputs(brought.collect());
        let Scope { run, workflow_name, now, env, .. } = Arc::into_inner(scope(json!([]))).unwrap();
        Scope {
            page: None,
            iteration: None,
            run,
            definition: Arc::new(definition),
            workflow_name,
            node: here,
            input: inputs.items(),
            inputs,
            outputs,
            crossings: Arc::default(),
            now,
            env,
            objects: Default::default(),
            trails: Trails::default(),
        }
    }
}

/// What `$('node').item.n` is for each item of `here`, natively and in the engine.
fn origins(scope: Scope, node: &str) -> Vec<Result<Value, String>> {
    let scope = Arc::new(scope);
    let source = format!("$('{node}').item.n");
    let compiled = Expression::compile(&source, &scope.definition);
    assert!(!compiled.needs_javascript());
    let values: Vec<_> = (0..scope.input.len()).map(|item| evaluate_as(&scope, &compiled, item)).collect();
    for engine in [
        source,
        format!("$('{node}').itemMatching($itemIndex).n"),
        format!("((of) => of.item.n)($('{node}'))"),
    ] {
        let forced = Expression::forced_into_javascript(&engine);
        for (item, native) in values.iter().enumerate() {
            let reason = |value: Result<Value, String>| {
                value.map_err(|error| error.split_once("`: ").map(|(_, why)| why.to_owned()).unwrap_or(error))
            };
            assert_eq!(reason(evaluate_as(&scope, &forced, item)), reason(native.clone()), "{engine} {item}");
        }
    }
    values
}

fn numbers(of: &[i64]) -> Value {
    of.iter().map(|n| json!({ "n": n })).collect()
}

fn found(of: &[i64]) -> Vec<Result<Value, String>> {
    of.iter().map(|n| Ok(json!(n))).collect()
}

#[test]
fn the_item_is_the_one_that_this_one_came_from() {
    let filtered = || {
        Run::new()
            .edge("start", "main", "set")
            .edge("set", "main", "filter")
            .edge("filter", "main", "here")
            .gave("start", json!({"main": numbers(&[0, 1, 2, 3])}), json!({}))
            .gave("set", json!({"main": numbers(&[10, 11, 12, 13])}), json!({}))
            .gave("filter", json!({"main": numbers(&[11, 13])}), json!({"main": [[[0, 1]], [[0, 3]]]}))
    };
    assert_eq!(origins(filtered().scope(), "filter"), found(&[11, 13]));
    assert_eq!(origins(filtered().scope(), "set"), found(&[11, 13]));
    assert_eq!(origins(filtered().scope(), "start"), found(&[1, 3]), "also where lineage is plain");

    let split = Run::new()
        .edge("start", "main", "split")
        .edge("split", "main", "sort")
        .edge("sort", "main", "here")
        .gave("start", json!({"main": numbers(&[7, 8])}), json!({}))
        .gave("split", json!({"main": numbers(&[1, 2, 3])}), json!({"main": [[[0, 0]], [[0, 1]], [[0, 1]]]}))
        .gave("sort", json!({"main": numbers(&[3, 2, 1])}), json!({"main": [[[0, 2]], [[0, 1]], [[0, 0]]]}));
    assert_eq!(origins(split.scope(), "start"), found(&[8, 8, 7]));
}

#[test]
fn through_branches_that_meet_the_first_origin_counts_that_leads_there() {
    let run = || {
        Run::new()
            .edge("start", "main", "if")
            .edge("if", "true", "left")
            .edge("if", "false", "right")
            .edge("left", "main", "merge")
            .edge("right", "main", "merge")
            .edge("merge", "main", "here")
            .gave("start", json!({"main": numbers(&[1, 2, 3])}), json!({}))
            .gave(
                "if",
                json!({"true": numbers(&[1, 3]), "false": numbers(&[2])}),
                json!({"true": [[[0, 0]], [[0, 2]]], "false": [[[0, 1]]]}),
            )
            .gave("left", json!({"main": numbers(&[10, 30])}), json!({}))
            .gave("right", json!({"main": numbers(&[20])}), json!({}))
            .gave(
                "merge",
                json!({"main": numbers(&[0, 0])}),
                json!({"main": [[[0, 1], [1, 0]], [[1, 0], [0, 0]]]}),
            )
    };
    assert_eq!(origins(run().scope(), "left"), found(&[30, 10]), "the other origin does not lead there");
    assert_eq!(origins(run().scope(), "right"), found(&[20, 20]));
    assert_eq!(origins(run().scope(), "start"), found(&[3, 2]), "of two the first");
    assert_eq!(origins(run().scope(), "if"), found(&[3, 2]), "whichever port it left by");
}

#[test]
fn of_several_edges_into_the_step_each_leads_its_own_way() {
    let run = Run::new()
        .edge("start", "main", "skipped")
        .edge("start", "main", "taken")
        .edge("skipped", "main", "both")
        .edge("taken", "main", "both")
        .edge("both", "main", "here")
        .edge("start", "main", "here")
        .gave("start", json!({"main": numbers(&[1, 2])}), json!({}))
        .gave("taken", json!({"main": numbers(&[5, 6])}), json!({}))
        // Only its second input brought items, so its lineage is plain.
        .gave("both", json!({"main": numbers(&[5, 6])}), json!({}));
    let values = origins(run.scope(), "taken");
    assert_eq!(values[..2], found(&[5, 6]));
    let error = values[2].as_ref().unwrap_err();
    assert!(error.contains("no item of the node \"taken\" leads to item 2"), "{error}");
    assert!(error.contains("its way back ends at the node \"start\"; use .first()"), "{error}");
}

#[test]
fn what_was_made_from_nothing_says_where_its_way_ends() {
    let run = || {
        Run::new()
            .edge("start", "main", "made")
            .edge("made", "main", "here")
            .edge("here", "main", "later")
            .gave("start", json!({"main": numbers(&[1])}), json!({}))
            .gave("made", json!({"main": numbers(&[1])}), json!({"main": [[]]}))
    };
    let error = origins(run().scope(), "start").remove(0).unwrap_err();
    assert!(error.contains("ends at the node \"made\""), "{error}");
    let error = origins(run().scope(), "later").remove(0).unwrap_err();
    assert!(error.contains("the node \"later\" has not run before this one"), "{error}");
}

/// Each layer's item has two ways back, so there are 2^`layers` of them.
fn ladder(layers: usize, reaches: bool) -> Run {
    let name = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let lineage = |nothing: bool| if nothing { json!({"main": [[]]}) } else { json!({}) };
    let mut run = Run::new().gave("start", json!({"main": numbers(&[7])}), json!({}));
    let mut before = "start";
    for layer in 0..layers {
        let (left, right) = (name(format!("left{layer}")), name(format!("right{layer}")));
        let meet = name(format!("meet{layer}"));
        for side in [left, right] {
            run = run.edge(before, "main", side).edge(side, "main", meet);
            run = run.gave(side, json!({"main": numbers(&[0])}), lineage(layer == 0 && !reaches));
        }
        run = run.gave(meet, json!({"main": numbers(&[0])}), json!({"main": [[[0, 0], [1, 0]]]}));
        before = meet;
    }
    run.edge(before, "main", "here")
}

#[test]
fn ways_that_part_and_meet_again_are_each_gone_once() {
    assert_eq!(origins(ladder(60, true).scope(), "start"), found(&[7]));
    let error = origins(ladder(60, false).scope(), "start").remove(0).unwrap_err();
    assert!(error.contains("no item of the node \"start\" leads to item 0"), "{error}");
}

#[test]
fn a_way_that_is_too_long_is_given_up_by_the_limits_name() {
    let mut scope = ladder(20, false).scope();
    scope.trails = Trails::within(59);
    let scope = Arc::new(scope);
    let source = Expression::compile("$('start').item", &scope.definition);
    let error = evaluate_as(&scope, &source, 0).unwrap_err();
    assert!(error.contains("MAX_LINEAGE_STEPS"), "{error}");
    assert!(scope.trails.gave_up());
}

#[test]
fn a_node_says_whether_it_has_run() {
    let scope = Arc::new(ladder(1, true).edge("here", "main", "later").scope());
    for (source, expected) in [("$('start').isExecuted", true), ("$('later').isExecuted", false)] {
        let expression = Expression::compile(source, &scope.definition);
        assert_eq!(evaluate_as(&scope, &expression, 0), Ok(json!(expected)), "{source}");
    }
}
