//! What `if` and `filter` ask of items.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{attempt, check, fails, ports, run};
use crate::engine::Outcome;

#[test]
fn if_parts_items_and_stops_at_the_first_answer() {
    let three = json!([{"n": 1}, {"n": 5, "tag": "x"}, {}]);
    for (condition, expected) in [
        (json!("{{ $json.n > 2 }}"), json!({"true": [{"n": 5, "tag": "x"}], "false": [{"n": 1}, {}]})),
        (json!("{{ $json.n }}"), json!({"true": [{"n": 1}, {"n": 5, "tag": "x"}], "false": [{}]})),
        (
            json!({"all": [{"left": "{{ $json.tag }}", "op": "exists"}, {"left": "{{ $json.tag.toUpperCase() }}", "op": "eq", "right": "X"}]}),
            json!({"true": [{"n": 5, "tag": "x"}], "false": [{"n": 1}, {}]}),
        ),
        (
            json!({"any": [{"left": "{{ $json.n }}", "op": "in", "right": [1, 2]}, {"left": "{{ $json.tag }}", "op": "matches", "right": "^x$"}]}),
            json!({"true": [{"n": 1}, {"n": 5, "tag": "x"}], "false": [{}]}),
        ),
        (json!(false), json!({"true": [], "false": three})),
    ] {
        check("if", json!({"where": condition}), three.clone(), expected);
    }
    let wrong =
        fails("if", json!({"params": {"where": {"left": "{{ $json.n }}", "op": "gt", "right": "2"}}}), three);
    assert_eq!(wrong.error.code, "invalid_comparison");
    let params = json!({"where": {"left": "{{ $json.n }}", "op": "gt", "right": "2"}});
    let left = fails("if", json!({"params": params, "on_error": "continue"}), json!([{"n": 1}]));
    assert_eq!(
        left.fallback.as_ref().unwrap().ports["false"].len(),
        1,
        "an `if` has no main: failed items leave by `false`"
    );
}

#[test]
fn filter_lets_through_what_its_condition_holds_for() {
    let three = json!([{"n": 1}, {"n": 5, "tag": "x"}, {}]);
    for (condition, expected) in [
        (json!("{{ $json.n > 2 }}"), json!([{"n": 5, "tag": "x"}])),
        (json!({"left": "{{ $json.tag }}", "op": "not_exists"}), json!([{"n": 1}, {}])),
        (json!(true), three.clone()),
        (json!(false), json!([])),
    ] {
        check("filter", json!({"where": condition}), three.clone(), json!({ "main": expected }));
    }
    let params = json!({"where": {"left": "{{ $json.n }}", "op": "gt", "right": "2"}});
    let left = fails("filter", json!({"params": params, "on_error": "error_port"}), json!([{"n": 1}]));
    assert_eq!(ports(left.fallback.as_ref().unwrap())["error"][0]["error"]["code"], "invalid_comparison");
}

proptest! {
    #[test]
    fn if_loses_and_invents_no_item(numbers in prop::collection::vec(any::<i32>(), 0..40), bound in any::<i32>()) {
        let input: Vec<Value> = numbers.iter().map(|n| json!({ "n": n })).collect();
        let condition = json!({"left": "{{ $json.n }}", "op": "gte", "right": bound});
        let node = json!({"type": "if", "data": {"params": {"where": condition}}});
        let Outcome::Succeeded(output) = run(&attempt(&node, &[(None, json!(input))])) else {
            return Err(TestCaseError::fail("it cannot fail"));
        };
        let (above, below): (Vec<_>, Vec<_>) = numbers.iter().partition(|n| **n >= bound);
        let expected = |list: Vec<&i32>| json!(list.iter().map(|n| json!({ "n": n })).collect::<Vec<_>>());
        prop_assert_eq!(&json!(output.ports["true"]), &expected(above));
        prop_assert_eq!(&json!(output.ports["false"]), &expected(below));
    }
}

#[test]
fn types_and_case_are_what_the_node_says() {
    let items = json!([{"n": "10", "c": "DE"}, {"n": 9, "c": "de"}, {"n": null, "c": "at"}]);
    let asks = |left: &str, op: &str, right: Value| json!({"left": left, "op": op, "right": right});
    let above = asks("{{ $json.n }}", "gt", json!(8));
    check(
        "filter",
        json!({"where": above, "types": "loose"}),
        items.clone(),
        json!({"main": [items[0], items[1]]}),
    );
    let failed = fails("filter", json!({"params": {"where": above}}), items.clone());
    assert_eq!(failed.error.code, "invalid_comparison");
    assert!(
        failed.error.message.starts_with("item 0: `gt` takes a number on the left"),
        "{}",
        failed.error.message
    );
    for (op, right) in [("eq", "dE"), ("starts_with", "D"), ("matches", "^de$"), ("contains", "e")] {
        let params = json!({"where": asks("{{ $json.c }}", op, json!(right)), "ignore_case": true});
        check("if", params, items.clone(), json!({"true": [items[0], items[1]], "false": [items[2]]}));
    }
    let loose = json!({"where": asks("{{ $json.n }}", "gt", json!("x")), "types": "loose", });
    let failed = fails("if", json!({"params": loose, "on_error": "continue"}), items);
    let left = ports(failed.fallback.as_ref().unwrap());
    assert_eq!(left["true"], json!([]));
    assert_eq!(left["false"].as_array().unwrap().len(), 3, "with null there is nothing to compare");
    assert_eq!(failed.error.details.unwrap()["failed_items"], 2);
}

#[test]
fn operands_are_data_of_any_kind_and_size() {
    // Digits stay as they came, and half of a surrogate pair is what it becomes everywhere.
    let input: Value = serde_json::from_str(
        r#"[{"n": 9007199254740993, "z": -0.0, "one": 1.0, "big": 123456789012345678901}]"#,
    )
    .unwrap();
    let long = "x".repeat(1_000_000);
    for (left, op, right, expected) in [
        (json!("{{ $json.n }}"), "eq", json!(9_007_199_254_740_993_u64), true),
        (json!("{{ $json.n }}"), "gt", json!(9_007_199_254_740_992_u64), true),
        (json!("{{ $json.big }}"), "eq", serde_json::from_str("123456789012345678901").unwrap(), true),
        (json!("{{ $json.z }}"), "eq", json!(0), true),
        (json!("{{ $json.one }}"), "in", json!([1]), true),
        (json!("{{ '\\ud83d' }}"), "eq", json!("\u{fffd}"), true),
        (json!("{{ 'x'.repeat(1000000) }}"), "eq", json!(long), true),
        (json!("{{ 'x'.repeat(1000000) }}"), "ends_with", json!("y"), false),
        (json!("{{ new Date(0) }}"), "same_time", json!("1970-01-01T01:00:00+01:00"), true),
    ] {
        let params = json!({"where": {"left": left, "op": op, "right": right}});
        let port = if expected { "true" } else { "false" };
        match run(&attempt(&json!({"type": "if", "data": {"params": params}}), &[(None, input.clone())])) {
            Outcome::Succeeded(output) => assert_eq!(output.ports[port].len(), 1, "{left:.40} {op}"),
            other => panic!("{left:.40} {op}: {other:?}"),
        }
    }
}
