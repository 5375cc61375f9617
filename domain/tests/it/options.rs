//! What nodes may say whatever their kind: `disabled`, `always_output`, `execute_once`.

#![allow(clippy::needless_pass_by_value, reason = "tests give their values away")]

use domain::{definition::Definition, workflow::WorkflowDocument};
use serde_json::{Value, json};

fn document(nodes: Value, edges: Value) -> WorkflowDocument {
    serde_json::from_value(json!({"name": "Test", "nodes": nodes, "edges": edges})).unwrap()
}

fn violations(nodes: Value, edges: Value) -> Vec<(String, String)> {
    let found = Definition::new(&document(nodes, edges)).map(drop).unwrap_err();
    found.into_iter().map(|one| (one.path, one.code.to_string())).collect()
}

#[test]
fn a_trigger_that_is_disabled_starts_nothing_and_may_stand_beside_another() {
    let off = json!({"id": "old", "type": "manual", "data": {"disabled": true}});
    let on = json!({"id": "start", "type": "manual"});
    let both = Definition::new(&document(json!([off, on]), json!([]))).unwrap();
    assert_eq!(both.trigger("manual"), both.node("start"));
    assert_eq!(violations(json!([off]), json!([])), [("nodes".into(), "no_trigger".into())]);
}

#[test]
fn a_node_that_is_disabled_only_computes_and_passes_on_by_its_first_port() {
    let cases = json!([{"port": "a", "where": true}, {"port": "b", "where": true}]);
    let nodes = json!([
        {"id": "start", "type": "manual"},
        {"id": "call", "type": "http_request", "data": {"params": {"url": "https://a"}, "disabled": true}},
        {"id": "check", "type": "if", "data": {"params": {"where": true}, "on_error": "error_port"}},
        {"id": "route", "type": "switch", "data": {"params": {"cases": cases}}},
        {"id": "stop", "type": "fail", "data": {"params": {"message": "x"}}},
    ]);
    let definition = Definition::new(&document(nodes, json!([]))).unwrap();
    let node = |id: &str| &definition.nodes[definition.node(id).unwrap()];
    assert!(node("call").is_pure());
    for (id, port) in [("call", Some("main")), ("check", Some("true")), ("route", Some("a")), ("stop", None)]
    {
        assert_eq!(node(id).first_port().map(|port| &**port), port, "{id}");
    }
}

#[test]
fn options_are_given_back_and_null_or_false_is_as_if_they_were_missing() {
    let data = |value: Value| json!({"always_output": value, "execute_once": value, "disabled": value});
    for (given, expected) in [(json!(true), true), (json!(false), false), (json!(null), false)] {
        let nodes =
            json!([{"id": "start", "type": "manual"}, {"id": "n", "type": "noop", "data": data(given)}]);
        let document = document(nodes, json!([]));
        let read = &Definition::new(&document).unwrap().nodes[1];
        assert_eq!([read.always_output, read.execute_once, read.disabled], [expected; 3]);
        let again: WorkflowDocument =
            serde_json::from_value(serde_json::to_value(&document).unwrap()).unwrap();
        assert_eq!(again, document);
    }
}

#[test]
fn an_edge_begins_at_a_port_that_the_parameters_name() {
    let nodes = |fallback: Value| {
        let cases = json!([{"port": "cheap", "where": true}, {"port": "dear", "where": true}]);
        json!([
            {"id": "start", "type": "manual"},
            {"id": "route", "type": "switch", "data": {"params": {"cases": cases, "fallback": fallback}}},
            {"id": "end", "type": "noop"},
        ])
    };
    let edge = |port: &str| json!([{"source": "route", "sourceHandle": port, "target": "end"}]);
    for port in ["cheap", "dear", "rest"] {
        assert!(Definition::new(&document(nodes(json!("rest")), edge(port))).is_ok(), "{port}");
    }
    for port in ["rest", "main", "error", "Cheap"] {
        let found = violations(nodes(json!(null)), edge(port));
        assert_eq!(found, [("edges[0].sourceHandle".into(), "unknown_port".into())], "{port}");
    }
}
