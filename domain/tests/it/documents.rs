//! Documents as they are read: what is wrong with their expressions, and what must not change on the way.

use domain::{definition::Definition, violation::ViolationCode, workflow::WorkflowDocument};
use serde_json::{Value, json};

fn set(fields: &Value) -> WorkflowDocument {
    let nodes = json!([
        {"id": "start", "type": "manual"},
        {"id": "change", "type": "set", "data": {"params": {"fields": fields}}},
    ]);
    serde_json::from_value(json!({"name": "Test", "nodes": nodes})).unwrap()
}

/// Path and message of the only violation, which is one of an expression.
fn refused(fields: &Value) -> (String, String) {
    let mut found = Definition::new(&set(fields)).unwrap_err();
    assert_eq!(found.len(), 1, "{found:?}");
    let only = found.remove(0);
    assert_eq!(only.code, ViolationCode::InvalidExpression);
    (only.path, only.message)
}

#[test]
fn an_expression_that_is_none_is_found_when_the_document_is_checked_with_its_place() {
    let (path, message) = refused(&json!({"a": {"b": ["{{ $json.x }}", "line one\n{{ $json.x + }}"]}}));
    assert_eq!(path, "nodes[1].data.params.fields.a.b[1]");
    assert_eq!(
        message,
        "the expression that starts at character 9 is no single JavaScript expression: it ends too early, at line 2, \
         column 13"
    );
    let (path, message) = refused(&json!({"{{ a b }}": 1}));
    assert_eq!(path, "nodes[1].data.params.fields.{{ a b }}");
    assert!(message.ends_with("at line 1, column 6"), "{message}");
}

#[test]
fn a_breakout_is_no_expression() {
    let source = "1) }); let leak = []; (function($json){ return (leak.push($json.secret) /* } */";
    let (_, message) = refused(&json!({ "a": format!("{{{{ {source} }}}}") }));
    assert!(message.contains("no single JavaScript expression"), "{message}");
}

#[test]
fn a_saved_document_is_read_without_checking_its_expressions_and_patterns_again() {
    let strange = json!({"a": "{{ a b }}", "b": "{{ import.meta }}"});
    assert_eq!(Definition::new(&set(&strange)).unwrap_err().len(), 2);
    assert!(Definition::of_saved(&set(&strange)).is_ok());
    assert!(Definition::of_saved(&set(&json!({"a..b": 1}))).is_err(), "all else is");
}

#[test]
fn numbers_of_a_document_are_given_back_as_they_came() {
    let text = r#"{"name":"Test","active":false,"nodes":[{"id":"start","type":"manual","data":{"params":{"a":[12345678901234567890123,0.12345678901234567890]},"size":1.0},"position":{"x":-0.0,"y":1.50}}],"edges":[],"settings":{"zoom":1e-7},"viewport":{"x":9007199254740993,"y":2.5,"zoom":1}}"#;
    let read: WorkflowDocument = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    let value: Value = serde_json::from_str(text).unwrap();
    let read: WorkflowDocument = serde_json::from_value(value).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
}

#[test]
fn a_limit_of_runs_is_one_at_least_and_at_most_the_published_one_and_its_key_is_a_path() {
    let refused = |concurrency: Value| {
        let mut document = serde_json::to_value(set(&json!({}))).unwrap();
        document["settings"] = json!({ "concurrency": concurrency });
        let document: WorkflowDocument = serde_json::from_value(document).unwrap();
        let found = Definition::new(&document).err().unwrap_or_default();
        assert!(found.iter().all(|violation| violation.code == ViolationCode::InvalidValue), "{found:?}");
        found.into_iter().map(|violation| violation.path).collect::<Vec<_>>()
    };
    for fine in [
        json!({"limit": 1}),
        json!({"limit": 10_000, "key": "customer.id", "above": "skip"}),
        json!({"limit": 1, "key": null, "above": "cancel_oldest"}),
    ] {
        assert_eq!(refused(fine), Vec::<String>::new());
    }
    assert_eq!(refused(json!({"limit": 0})), ["settings.concurrency.limit"]);
    assert_eq!(refused(json!({"limit": 10_001})), ["settings.concurrency.limit"]);
    for key in ["", "a..b", ".a", &["a"; 33].join(".")] {
        assert_eq!(refused(json!({"limit": 1, "key": key})), ["settings.concurrency.key"], "{key}");
    }
}
