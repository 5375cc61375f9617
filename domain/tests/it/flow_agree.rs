//! Schema and validation judge conditions and a `switch` alike.

use serde_json::{Value, json};

use crate::kinds_agree::agree;

#[test]
fn a_comparison_has_what_its_operator_takes() {
    agree([
        ("if", json!({"where": {"left": 1, "op": "eq", "right": null}}), true),
        ("if", json!({"where": {"left": 1, "op": "eq"}}), false),
        ("if", json!({"where": {"left": 1, "op": "exists"}}), true),
        ("if", json!({"where": {"left": 1, "op": "exists", "right": null}}), false),
        ("if", json!({"where": {"left": 1, "all": []}}), false),
        ("if", json!({"where": {"all": [], "op": "eq"}}), false),
        ("if", json!({"where": {"all": [], "any": []}}), false),
        ("if", json!({"where": {"left": 1, "op": "is_true"}}), true),
        ("if", json!({"where": {"left": 1, "op": "is_true", "right": true}}), false),
        ("if", json!({"where": {"left": 1, "op": "length_gt", "right": 5}}), true),
        ("if", json!({"where": {"left": 1, "op": "not_matches", "right": "a"}}), true),
        ("if", json!({"where": true, "types": "loose", "ignore_case": true}), true),
        ("if", json!({"where": true, "types": "{{ x }}"}), false),
        ("if", json!({"where": true, "ignore_case": "{{ x }}"}), false),
    ]);
}

#[test]
fn a_switch_has_cases_with_ports() {
    let case = |port: Value| json!({"port": port, "where": true});
    let many = |count: usize| (0..count).map(|i| case(json!(format!("p{i}")))).collect::<Vec<_>>();
    agree([
        ("switch", json!({"cases": [case(json!("a"))]}), true),
        ("switch", json!({"cases": []}), false),
        ("switch", json!({"cases": many(100)}), true),
        ("switch", json!({"cases": many(101)}), false),
        ("switch", json!({"cases": [case(json!("é".repeat(64)))]}), true),
        ("switch", json!({"cases": [case(json!("é".repeat(65)))]}), false),
        ("switch", json!({"cases": [case(json!("a\u{85}b"))]}), false),
        ("switch", json!({"cases": [case(json!("error"))]}), false),
        ("switch", json!({"cases": [case(json!(null))]}), false),
        ("switch", json!({"cases": [{"port": "a"}]}), false),
        ("switch", json!({"cases": [case(json!("a"))], "fallback": "a"}), true),
        ("switch", json!({"cases": [case(json!("a"))], "fallback": "error"}), false),
        ("switch", json!({"cases": [case(json!("a"))], "fallback": "{{ x }}"}), false),
        ("switch", json!({"cases": [case(json!("a"))], "fallback": null, "all_matching": null}), true),
    ]);
}
