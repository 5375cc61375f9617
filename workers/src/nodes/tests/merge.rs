//! What `merge` makes of its inputs.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{attempt, check_inputs, run};
use crate::engine::Outcome;

#[test]
fn merge_joins_what_two_branches_bring() {
    let left = json!([{"id": 1, "l": "a"}, {"id": 2, "l": "b"}, {"l": "no key"}]);
    let right = json!([{"id": 2.0, "r": "x"}, {"id": 2, "r": "y"}, {"id": "1", "r": "z"}]);
    let both = |params: Value, expected: Value| {
        let inputs = [(Some("left"), left.clone()), (Some("right"), right.clone())];
        check_inputs("merge", &params, &inputs, json!({ "main": expected }));
        // Edges without a name fill the places in edge order; a name comes first.
        let inputs = [(Some("right"), right.clone()), (None, left.clone())];
        if json!(params["mode"]) != json!("append") {
            check_inputs("merge", &params, &inputs, json!({ "main": expected }));
        }
    };
    let by_key = |join: &str| json!({"mode": "by_key", "by_key": {"left": "id"}, "join": join});
    let joined = [json!({"id": 2.0, "l": "b", "r": "x"}), json!({"id": 2, "l": "b", "r": "y"})];
    both(by_key("inner"), json!(joined));
    both(by_key("left"), json!([{"id": 1, "l": "a"}, joined[0], joined[1], {"l": "no key"}]));
    both(
        by_key("outer"),
        json!([{"id": 1, "l": "a"}, joined[0], joined[1], {"l": "no key"}, {"id": "1", "r": "z"}]),
    );
    both(by_key("anti"), json!([{"id": 1, "l": "a"}, {"l": "no key"}]));
    both(json!({"mode": "choose", "input": "right"}), right.clone());
    both(json!({"mode": "choose", "input": "left"}), left.clone());
    both(json!({"mode": "choose"}), left.clone());
    both(
        json!({"mode": "by_position"}),
        json!([{"id": 2.0, "l": "a", "r": "x"}, {"id": 2, "l": "b", "r": "y"}, {"l": "no key", "id": "1", "r": "z"}]),
    );
    both(
        json!({"mode": "append"}),
        left.as_array().unwrap().iter().chain(right.as_array().unwrap()).cloned().collect(),
    );
    let uneven = [(Some("left"), json!([{"a": 1}])), (Some("right"), json!([{"b": 1}, {"b": 2}]))];
    for (join, expected) in [
        ("inner", json!([{"a": 1, "b": 1}])),
        ("left", json!([{"a": 1, "b": 1}])),
        ("outer", json!([{"a": 1, "b": 1}, {"b": 2}])),
        ("anti", json!([])),
    ] {
        check_inputs(
            "merge",
            &json!({"mode": "by_position", "join": join}),
            &uneven,
            json!({ "main": expected }),
        );
    }
    let many = [(None, json!([{"n": 1}])), (None, json!([{"n": 2}])), (None, json!([{"n": 3}]))];
    check_inputs("merge", &json!({}), &many, json!({"main": [{"n": 1}, {"n": 2}, {"n": 3}]}));
}

/// Left and right items, merged.
fn merged(params: &Value, left: &Value, right: &Value, expected: Value) {
    let inputs = [(Some("left"), left.clone()), (Some("right"), right.clone())];
    check_inputs("merge", params, &inputs, json!({ "main": expected }));
}

#[test]
fn each_join_by_key_lets_its_items_leave() {
    let left = json!([{"k": 1, "l": "a"}, {"k": 2, "l": "b"}, {"l": "c"}]);
    let right = json!([{"k": 3, "r": "x"}, {"k": 2, "r": "y"}, {"k": 2, "r": "z"}, {"k": null, "r": "w"}]);
    let pairs = [json!({"k": 2, "l": "b", "r": "y"}), json!({"k": 2, "l": "b", "r": "z"})];
    for (join, expected) in [
        ("inner", json!(pairs)),
        ("left", json!([left[0], pairs[0], pairs[1], left[2]])),
        ("right", json!([right[0], pairs[0], pairs[1], right[3]])),
        ("outer", json!([left[0], pairs[0], pairs[1], left[2], right[0], right[3]])),
        ("semi", json!([left[1]])),
        ("anti", json!([left[0], left[2]])),
        ("unmatched", json!([left[0], left[2], right[0], right[3]])),
    ] {
        let params = json!({"mode": "by_key", "by_key": {"left": "k"}, "join": join});
        merged(&params, &left, &right, expected);
        // With nothing to join, what stays is what has no partner.
        let stays =
            |side: &Value, joins: &[&str]| if joins.contains(&join) { side.clone() } else { json!([]) };
        let only_left = [(Some("left"), left.clone())];
        let expected = stays(&left, &["left", "outer", "anti", "unmatched"]);
        check_inputs("merge", &params, &only_left, json!({ "main": expected }));
        let only_right = [(Some("right"), right.clone())];
        let expected = stays(&right, &["right", "outer", "unmatched"]);
        check_inputs("merge", &params, &only_right, json!({ "main": expected }));
    }
    let first =
        |join: &str| json!({"mode": "by_key", "by_key": {"left": "k"}, "join": join, "matches": "first"});
    merged(&first("inner"), &left, &right, json!([pairs[0]]));
    merged(&first("right"), &left, &right, json!([right[0], pairs[0], pairs[1], right[3]]));
    merged(&first("outer"), &left, &right, json!([left[0], pairs[0], left[2], right[0], right[3]]));
}

#[test]
fn a_key_may_be_made_of_several_fields() {
    let left = json!([{"a": 1, "b": {"c": "x"}}, {"a": 1, "b": {"c": "y"}}, {"a": 1}]);
    let right = json!([{"p": "y", "q": 1.0, "r": 5}]);
    let keys = json!({"left": ["a", "b.c"], "right": ["q", "p"]});
    let params = json!({"mode": "by_key", "by_key": keys});
    merged(&params, &left, &right, json!([{"a": 1, "b": {"c": "y"}, "p": "y", "q": 1.0, "r": 5}]));
    let evaluated = json!({"mode": "by_key", "by_key": {"left": ["a", "{{ 'b.c' }}"], "right": "q"}});
    let node = json!({"type": "merge", "data": {"params": evaluated}});
    let inputs = [(Some("left"), left), (Some("right"), right)];
    let Outcome::Failed(failed) = run(&attempt(&node, &inputs)) else { panic!("keys of 2 and 1 fields") };
    assert_eq!(failed.error.code, "invalid_params");
    assert!(failed.error.message.contains("2 and 1 fields"), "{}", failed.error.message);
}

#[test]
fn each_join_by_position_lets_its_items_leave() {
    let left = json!([{"a": 1}, {"a": 2}]);
    let right = json!([{"b": 1}]);
    for (join, expected, exchanged) in [
        ("inner", json!([{"a": 1, "b": 1}]), json!([{"b": 1, "a": 1}])),
        ("left", json!([{"a": 1, "b": 1}, {"a": 2}]), json!([{"b": 1, "a": 1}])),
        ("right", json!([{"a": 1, "b": 1}]), json!([{"b": 1, "a": 1}, {"a": 2}])),
        ("outer", json!([{"a": 1, "b": 1}, {"a": 2}]), json!([{"b": 1, "a": 1}, {"a": 2}])),
        ("semi", json!([{"a": 1}]), json!([{"b": 1}])),
        ("anti", json!([{"a": 2}]), json!([])),
        ("unmatched", json!([{"a": 2}]), json!([{"a": 2}])),
    ] {
        let params = json!({"mode": "by_position", "join": join});
        merged(&params, &left, &right, expected);
        merged(&params, &right, &left, exchanged);
    }
}

#[test]
fn fields_that_several_items_have_are_the_later_ones_the_earlier_ones_or_all() {
    let (left, right) = (json!([{"id": 1, "n": "l", "x": 0}]), json!([{"id": 1, "n": "r", "y": 0}]));
    for mode in [
        json!({"mode": "by_position"}),
        json!({"mode": "combinations"}),
        json!({"mode": "by_key", "by_key": {"left": "id"}}),
    ] {
        for (clash, expected) in [
            ("right", json!([{"id": 1, "n": "r", "x": 0, "y": 0}])),
            ("left", json!([{"id": 1, "n": "l", "x": 0, "y": 0}])),
            ("suffix", json!([{"id_1": 1, "n_1": "l", "x_1": 0, "id_2": 1, "n_2": "r", "y_2": 0}])),
        ] {
            let mut params = mode.clone();
            params["clash"] = json!(clash);
            merged(&params, &left, &right, expected);
        }
    }
    // Names do not depend on whether there was a partner; what leaves as it came keeps its names.
    let other = json!([{"id": 2}]);
    let by_key =
        |join: &str| json!({"mode": "by_key", "by_key": {"left": "id"}, "join": join, "clash": "suffix"});
    merged(&by_key("outer"), &left, &other, json!([{"id_1": 1, "n_1": "l", "x_1": 0}, {"id_2": 2}]));
    merged(&by_key("unmatched"), &left, &other, json!([left[0], other[0]]));
}

#[test]
fn combinations_are_all_of_all_inputs_within_the_limits() {
    let list = |field: &str, count: usize| -> Value { (0..count).map(|i| json!({ field: i })).collect() };
    let params = json!({"mode": "combinations"});
    let inputs = [(None, list("a", 2)), (None, list("b", 2)), (None, list("c", 2))];
    let expected: Vec<_> = (0..8).map(|i| json!({"a": i / 4, "b": i / 2 % 2, "c": i % 2})).collect();
    check_inputs("merge", &params, &inputs, json!({ "main": expected }));
    check_inputs("merge", &params, &[(None, list("a", 2))], json!({"main": []}));
    let node = json!({"type": "merge", "data": {"params": params}});
    let many = [(None, list("a", 1_000)), (None, list("b", 1_000)), (None, list("c", 1_000))];
    let Outcome::Failed(failed) = run(&attempt(&node, &many)) else { panic!("a billion items are too many") };
    assert!(failed.error.message.contains("MAX_ITEMS"), "{}", failed.error.message);
}

#[test]
fn more_inputs_than_two_cannot_be_joined_by_key() {
    let node = json!({"type": "merge", "data": {"params": {"mode": "by_key", "by_key": {"left": "k"}}}});
    let one = || (None, json!([{"k": 1}]));
    let Outcome::Failed(failed) = run(&attempt(&node, &[one(), one(), one()])) else {
        panic!("three inputs")
    };
    assert_eq!(failed.error.code, "invalid_inputs");
}

proptest! {
    /// Against nested loops over all pairs.
    #[test]
    fn joins_are_those_of_a_nested_loop(
        left in prop::collection::vec(0..5_u8, 0..8),
        right in prop::collection::vec(0..5_u8, 0..8),
        join in prop::sample::select(vec!["inner", "left", "right", "outer", "semi", "anti", "unmatched"]),
        first in any::<bool>(),
    ) {
        let list = |side: &str, keys: &[u8]| -> Vec<Value> {
            // 0 is no key.
            keys.iter().enumerate().map(|(i, &key)| json!({"k": (key > 0).then_some(key), side: i})).collect()
        };
        let (lefts, rights) = (list("l", &left), list("r", &right));
        let meets = |l: &u8, r: &u8| l == r && *l > 0;
        let pair = |l: usize, r: usize| json!({"k": right[r], "l": l, "r": r});
        let most = if first { 1 } else { usize::MAX };
        let mut expected = Vec::new();
        if join == "right" {
            for (r, key) in right.iter().enumerate() {
                let found: Vec<_> = (0..left.len()).filter(|l| meets(&left[*l], key)).collect();
                expected.extend(found.iter().take(most).map(|l| pair(*l, r)));
                if found.is_empty() { expected.push(rights[r].clone()); }
            }
        } else {
            for (l, key) in left.iter().enumerate() {
                let found: Vec<_> = (0..right.len()).filter(|r| meets(key, &right[*r])).collect();
                match join {
                    "inner" | "left" | "outer" => expected.extend(found.iter().take(most).map(|r| pair(l, *r))),
                    "semi" if !found.is_empty() => expected.push(lefts[l].clone()),
                    _ => {}
                }
                if found.is_empty() && !matches!(join, "inner" | "semi") { expected.push(lefts[l].clone()); }
            }
            if matches!(join, "outer" | "unmatched") {
                let alone = (0..right.len()).filter(|r| !left.iter().any(|l| meets(l, &right[*r])));
                expected.extend(alone.map(|r| rights[r].clone()));
            }
        }
        let matches = if first { "first" } else { "all" };
        let params = json!({"mode": "by_key", "by_key": {"left": "k"}, "join": join, "matches": matches});
        let inputs = [(Some("left"), json!(lefts)), (Some("right"), json!(rights))];
        let node = json!({"type": "merge", "data": {"params": params}});
        let Outcome::Succeeded(output) = run(&attempt(&node, &inputs)) else {
            return Err(TestCaseError::fail("it cannot fail"));
        };
        prop_assert_eq!(json!(output.ports["main"]), json!(expected));
    }
}
