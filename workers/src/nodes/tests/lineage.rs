//! Where items come from.

use serde_json::{Value, json};

use super::{attempt, fails, run};
use crate::engine::Outcome;

/// The lineage of a node's output, as it is written.
pub(super) fn lineage(kind: &str, params: Value, inputs: &[(Option<&str>, Value)]) -> Value {
    match run(&attempt(&json!({"type": kind, "data": {"params": params}}), inputs)) {
        Outcome::Succeeded(output) => json!(output.lineage),
        other => panic!("{kind}: {other:?}"),
    }
}

#[test]
fn items_tell_which_item_of_which_input_they_came_from() {
    let three = || json!([{"n": 1}, {"n": 2}, {"n": 3}]);
    let odd = || json!({"where": "{{ $json.n % 2 }}"});
    let one = |list: Value| [(None, list)];
    assert_eq!(lineage("set", json!({"fields": {"a": 1}}), &one(three())), json!({}), "in their places");
    assert_eq!(lineage("noop", json!({}), &one(three())), json!({}));
    assert_eq!(
        lineage("if", odd(), &one(three())),
        json!({"true": [[[0, 0]], [[0, 2]]], "false": [[[0, 1]]]})
    );
    assert_eq!(lineage("filter", odd(), &one(three())), json!({"main": [[[0, 0]], [[0, 2]]]}));
    let two = || [(None, json!([{"n": 1}])), (None, json!([{"n": 2}, {"n": 3}]))];
    assert_eq!(lineage("noop", json!({}), &two()), json!({"main": [[[0, 0]], [[1, 0]], [[1, 1]]]}));
    assert_eq!(lineage("filter", odd(), &two()), json!({"main": [[[0, 0]], [[1, 1]]]}));

    let left = json!([{"k": 1}, {"k": 2}]);
    let right = json!([{"k": 2}, {"k": 3}]);
    let sides = || [(Some("left"), left.clone()), (Some("right"), right.clone())];
    let by_key = json!({"mode": "by_key", "by_key": {"left": "k"}, "join": "outer"});
    assert_eq!(lineage("merge", by_key, &sides()), json!({"main": [[[0, 0]], [[0, 1], [1, 0]], [[1, 1]]]}));
    assert_eq!(
        lineage("merge", json!({"mode": "by_position"}), &sides()),
        json!({"main": [[[0, 0], [1, 0]], [[0, 1], [1, 1]]]})
    );
    assert_eq!(
        lineage("merge", json!({"mode": "combinations"}), &sides()),
        json!({"main": [[[0, 0], [1, 0]], [[0, 0], [1, 1]], [[0, 1], [1, 0]], [[0, 1], [1, 1]]]})
    );
    let right_join = json!({"mode": "by_key", "by_key": {"left": "k"}, "join": "right"});
    assert_eq!(lineage("merge", right_join, &sides()), json!({"main": [[[0, 1], [1, 0]], [[1, 1]]]}));
    let case = |port: &str, n: u8| json!({"port": port, "where": {"left": "{{ $json.n }}", "op": "gte", "right": n}});
    let all = json!({"cases": [case("a", 2), case("b", 3)], "fallback": "rest", "all_matching": true});
    assert_eq!(
        lineage("switch", all, &one(three())),
        json!({"a": [[[0, 1]], [[0, 2]]], "b": [[[0, 2]]]}),
        "`rest` has the first item in its place"
    );
    assert_eq!(
        lineage("merge", json!({"mode": "choose", "input": "right"}), &sides()),
        json!({"main": [[[1, 0]], [[1, 1]]]})
    );
}

#[test]
fn failed_items_keep_their_lineage() {
    let params = json!({"fields": {"x": "{{ $json.n.toFixed(1) }}"}});
    let data = json!({"params": params, "on_error": "error_port"});
    let parted = fails("set", data, json!([{"n": 1}, {"n": null}, {"n": 3}]));
    assert_eq!(
        json!(parted.fallback.as_ref().unwrap().lineage),
        json!({"main": [[[0, 0]], [[0, 2]]], "error": [[[0, 1]]]})
    );
}
