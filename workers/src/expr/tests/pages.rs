//! What expressions see behind a page of an answer.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{evaluate_as, scope};
use crate::expr::{Expression, Page, Scope};

fn behind() -> Arc<Scope> {
    let response = json!({"status": 206, "headers": {"x-next": "b"}, "body": {"rows": [{"n": 9007199254740993_u64}, 2]}});
    Arc::new(scope(json!([{"a": 1}])).behind(Page { response: Arc::new(response), count: 3 }))
}

/// The value of a path, and the engine's.
fn both(scope: &Arc<Scope>, source: &str) -> [Result<Value, String>; 2] {
    let compiled = Expression::compile(source, &scope.definition);
    assert!(!compiled.needs_javascript(), "{source}");
    [compiled, Expression::forced_into_javascript(source)]
        .map(|expression| evaluate_as(scope, &expression, 0))
}

#[test]
fn the_answer_and_the_number_of_pages_are_seen_natively_as_by_the_engine() {
    for (source, expected) in [
        ("$response.status", json!(206)),
        ("$response.headers['x-next']", json!("b")),
        ("$response.body.rows[1]", json!(2)),
        ("$response.body.rows.length", json!(2)),
        ("$response.body.missing", Value::Null),
        ("$response?.nothing?.at.all", Value::Null),
        ("$pageCount", json!(3)),
        ("$json.a", json!(1)),
    ] {
        assert_eq!(both(&behind(), source), [Ok(expected.clone()), Ok(expected)], "{source}");
    }
    let [native, engine] = both(&behind(), "$response.nothing.at");
    assert_eq!(native, engine);
    assert!(native.unwrap_err().contains("cannot read property 'at' of undefined"));
    let exact =
        evaluate_as(&behind(), &Expression::compile("$response.body.rows[0].n", &behind().definition), 0);
    assert_eq!(exact.unwrap().to_string(), "9007199254740993");
}

#[test]
fn elsewhere_there_is_neither() {
    let scope = scope(json!([{}]));
    for source in ["$response", "$pageCount", "$response?.body"] {
        assert_eq!(both(&scope, source), [Ok(Value::Null), Ok(Value::Null)], "{source}");
    }
    let [native, engine] = both(&scope, "$response.body");
    assert_eq!(native, engine);
    assert!(native.unwrap_err().contains("of undefined"));
}

#[test]
fn an_expression_computes_with_the_answer_and_cannot_change_it() {
    let value = |source: &str| evaluate_as(&behind(), &Expression::compile(source, &behind().definition), 0);
    assert_eq!(value("$response.body.rows.length * $pageCount + $json.a"), Ok(json!(7)));
    assert_eq!(value("$response.headers['x-next'].toUpperCase()"), Ok(json!("B")));
    assert!(value("($response.body.rows = [])").unwrap_err().contains("read-only"));
}
