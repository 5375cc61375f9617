//! What `switch` does with items.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{attempt, check, fails, ports, run};
use crate::engine::Outcome;

fn case(port: &str, op: &str, right: Value) -> Value {
    json!({"port": port, "where": {"left": "{{ $json.n }}", "op": op, "right": right}})
}

fn numbers(numbers: &[i64]) -> Value {
    numbers.iter().map(|n| json!({ "n": n })).collect()
}

#[test]
fn an_item_leaves_by_the_first_case_that_holds_or_by_all() {
    let cases = json!([
        case("small", "lt", json!(10)),
        case("even", "in", json!([2, 4, 12])),
        case("none", "gt", json!(1e9))
    ]);
    let input = || numbers(&[1, 2, 12, 77]);
    check(
        "switch",
        json!({ "cases": cases }),
        input(),
        json!({"small": numbers(&[1, 2]), "even": numbers(&[12]), "none": []}),
    );
    check(
        "switch",
        json!({"cases": cases, "fallback": "rest"}),
        input(),
        json!({"small": numbers(&[1, 2]), "even": numbers(&[12]), "none": [], "rest": numbers(&[77])}),
    );
    check(
        "switch",
        json!({"cases": cases, "fallback": "none", "all_matching": true}),
        input(),
        json!({"small": numbers(&[1, 2]), "even": numbers(&[2, 12]), "none": numbers(&[77])}),
    );
    check("switch", json!({ "cases": cases }), json!([]), json!({"small": [], "even": [], "none": []}));
}

#[test]
fn every_form_of_a_condition_may_be_asked() {
    let cases = json!([
        {"port": "js", "where": "{{ $json.n === 1 }}"},
        {"port": "any", "where": {"any": [case("", "eq", json!(2))["where"], case("", "eq", json!(3))["where"]]}},
        {"port": "text", "where": {"left": "{{ $json.t }}", "op": "matches", "right": "^a"}},
        {"port": "always", "where": true},
    ]);
    let input = json!([{"n": 1}, {"n": 3}, {"t": "Ab"}, {}]);
    check(
        "switch",
        json!({"cases": cases, "ignore_case": true}),
        input.clone(),
        json!({"js": [input[0]], "any": [input[1]], "text": [input[2]], "always": [input[3]]}),
    );
    check(
        "switch",
        json!({"cases": [case("a", "gt", json!("1"))], "types": "loose"}),
        json!([{"n": "2"}, {"n": 0}]),
        json!({"a": [{"n": "2"}]}),
    );
}

#[test]
fn a_case_that_cannot_be_asked_fails_its_item_by_name_and_one_that_is_not_reached_does_not() {
    let cases = json!([case("one", "eq", json!(1)), case("high", "gt", json!(5))]);
    let input = json!([{"n": 1}, {"n": "x"}, {"n": 7}]);
    let stopped = fails("switch", json!({"params": {"cases": cases}}), input.clone());
    assert_eq!(stopped.error.code, "invalid_comparison");
    assert!(
        stopped.error.message.starts_with("item 1: case \"high\": `gt` takes"),
        "{}",
        stopped.error.message
    );
    let throws = json!([{"port": "all", "where": true}, {"port": "b", "where": "{{ $json.a.b.c }}"}]);
    check("switch", json!({ "cases": throws }), json!([{"n": 1}]), json!({"all": [{"n": 1}], "b": []}));

    let parted =
        fails("switch", json!({"params": {"cases": cases}, "on_error": "error_port"}), input.clone());
    let left = ports(parted.fallback.as_ref().unwrap());
    assert_eq!((&left["one"], &left["high"]), (&json!([{"n": 1}]), &json!([{"n": 7}])));
    assert_eq!(left["error"][0]["error"]["code"], "invalid_comparison");
    // Without a `main` the last port is that of failed items.
    let params = json!({"cases": cases, "fallback": "rest"});
    let went_on = fails("switch", json!({"params": params, "on_error": "continue"}), input);
    assert_eq!(ports(went_on.fallback.as_ref().unwrap())["rest"][0]["n"], "x");
}

proptest! {
    #[test]
    fn the_first_case_that_holds_is_the_first_of_all_that_hold(
        input in prop::collection::vec(-20..20_i64, 0..20),
        bounds in prop::collection::vec(-20..20_i64, 1..5),
        all in any::<bool>(),
    ) {
        let cases: Vec<_> =
            bounds.iter().enumerate().map(|(i, bound)| case(&format!("p{i}"), "lt", json!(bound))).collect();
        let params = json!({"cases": cases, "fallback": "rest", "all_matching": all});
        let node = json!({"type": "switch", "data": {"params": params}});
        let Outcome::Succeeded(output) = run(&attempt(&node, &[(None, numbers(&input))])) else {
            return Err(TestCaseError::fail("it cannot fail"));
        };
        for i in 0..=bounds.len() {
            let leaves = |n: i64| {
                let mut holding = (0..bounds.len()).filter(|case| n < bounds[*case]);
                if all && i < bounds.len() { n < bounds[i] } else { holding.next().unwrap_or(bounds.len()) == i }
            };
            let port = if i == bounds.len() { "rest".to_owned() } else { format!("p{i}") };
            let expected: Vec<_> = input.iter().copied().filter(|n| leaves(*n)).collect();
            prop_assert_eq!(json!(output.ports[port.as_str()]), numbers(&expected));
        }
    }
}
