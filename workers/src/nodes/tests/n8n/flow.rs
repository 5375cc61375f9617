//! Nodes that decide where items go: Filter, If, Switch, Merge, No Operation, Stop and Error, Respond to Webhook, Manual
//! Trigger, Wait. (Loop Over Items and Execute Workflow have files of their own, `loop_.rs` and `call_workflow.rs`.)

use std::slice::from_ref;

use serde_json::{Value, json};

use super::{fails, row};

/// People with their language.
fn people() -> Value {
    json!([{"name": "Nora", "language": "de"}, {"name": "Kim", "language": "en"}, {"name": "Jan", "language": "de"}])
}

/// Words by language.
fn words() -> Value {
    json!([{"word": "good day", "language": "en"}, {"word": "guten Tag", "language": "de"}])
}

#[test]
fn merge() {
    let greeted =
        |name: &str, language: &str, word: &str| json!({"name": name, "language": language, "word": word});
    let inputs = || [people(), words()];
    for (params, expected, lineage) in [
        (
            json!({"mode": "append"}),
            people().as_array().unwrap().iter().chain(words().as_array().unwrap()).cloned().collect(),
            json!([[[0, 0]], [[0, 1]], [[0, 2]], [[1, 0]], [[1, 1]]]),
        ),
        // Keep matches.
        (
            json!({"mode": "by_key", "by_key": {"left": "language"}}),
            json!([
                greeted("Nora", "de", "guten Tag"),
                greeted("Kim", "en", "good day"),
                greeted("Jan", "de", "guten Tag")
            ]),
            json!([[[0, 0], [1, 1]], [[0, 1], [1, 0]], [[0, 2], [1, 1]]]),
        ),
        // By position: of fields that both have the second input's stay; who has no partner is dropped, or kept.
        (
            json!({"mode": "by_position"}),
            json!([greeted("Nora", "en", "good day"), greeted("Kim", "de", "guten Tag")]),
            json!([[[0, 0], [1, 0]], [[0, 1], [1, 1]]]),
        ),
        (
            json!({"mode": "by_position", "join": "outer"}),
            json!([greeted("Nora", "en", "good day"), greeted("Kim", "de", "guten Tag"), {"name": "Jan", "language": "de"}]),
            json!([[[0, 0], [1, 0]], [[0, 1], [1, 1]], [[0, 2]]]),
        ),
        // All possible combinations.
        (
            json!({"mode": "combinations"}),
            json!([
                greeted("Nora", "en", "good day"),
                greeted("Nora", "de", "guten Tag"),
                greeted("Kim", "en", "good day"),
                greeted("Kim", "de", "guten Tag"),
                greeted("Jan", "en", "good day"),
                greeted("Jan", "de", "guten Tag"),
            ]),
            json!([
                [[0, 0], [1, 0]],
                [[0, 0], [1, 1]],
                [[0, 1], [1, 0]],
                [[0, 1], [1, 1]],
                [[0, 2], [1, 0]],
                [[0, 2], [1, 1]],
            ]),
        ),
        // Choose branch: as it came.
        (json!({"mode": "choose", "input": "left"}), people(), json!([[[0, 0]], [[0, 1]], [[0, 2]]])),
        (json!({"mode": "choose", "input": "right"}), words(), json!([[[1, 0]], [[1, 1]]])),
    ] {
        row("merge", params, &inputs(), json!({ "main": expected }), json!({ "main": lineage }));
    }
    // The output types of matching fields, where one of each side has no partner.
    let (left, right) =
        (json!([{"k": 1, "l": 1}, {"k": 2, "l": 2}]), json!([{"k": 2, "r": 2}, {"k": 3, "r": 3}]));
    let joined = json!({"k": 2, "l": 2, "r": 2});
    for (join, expected) in [
        ("inner", json!([joined])),
        ("unmatched", json!([left[0], right[1]])),
        ("outer", json!([left[0], joined, right[1]])),
        ("left", json!([left[0], joined])),
        ("right", json!([joined, right[1]])),
        ("semi", json!([left[1]])),
        ("anti", json!([left[0]])),
    ] {
        let params = json!({"mode": "by_key", "by_key": {"left": "k"}, "join": join});
        let from = |item: &Value| match (item.get("l"), item.get("r")) {
            (Some(l), Some(r)) => json!([[0, l.as_u64().unwrap() - 1], [1, r.as_u64().unwrap() - 2]]),
            (Some(l), None) => json!([[0, l.as_u64().unwrap() - 1]]),
            (None, r) => json!([[1, r.unwrap().as_u64().unwrap() - 2]]),
        };
        let lineage: Value = expected.as_array().unwrap().iter().map(from).collect();
        row(
            "merge",
            params,
            &[left.clone(), right.clone()],
            json!({ "main": expected }),
            json!({ "main": lineage }),
        );
    }
}

#[test]
fn if_and_filter() {
    let items = json!([{"n": 5, "t": "Ada", "b": true, "l": [1, 2], "o": {}, "d": "2026-03-05T10:00:00Z"}]);
    let left = |field: &str| json!(format!("{{{{ $json.{field} }}}}"));
    for (field, op, right, holds) in [
        ("t", "exists", None, true),
        ("none", "exists", None, false),
        ("none", "not_exists", None, true),
        ("o", "empty", None, true),
        ("l", "not_empty", None, true),
        ("t", "eq", Some(json!("Ada")), true),
        ("t", "eq", Some(json!("ada")), false),
        ("t", "ne", Some(json!("Bob")), true),
        ("t", "contains", Some(json!("d")), true),
        ("t", "not_contains", Some(json!("d")), false),
        ("t", "starts_with", Some(json!("A")), true),
        ("t", "not_starts_with", Some(json!("A")), false),
        ("t", "ends_with", Some(json!("a")), true),
        ("t", "not_ends_with", Some(json!("a")), false),
        ("t", "matches", Some(json!("^A.a$")), true),
        ("t", "not_matches", Some(json!("^A")), false),
        ("n", "eq", Some(json!(5)), true),
        ("n", "gt", Some(json!(5)), false),
        ("n", "gte", Some(json!(5)), true),
        ("n", "lt", Some(json!(6)), true),
        ("n", "lte", Some(json!(4)), false),
        ("d", "after", Some(json!("2026-03-05T09:00:00Z")), true),
        ("d", "before", Some(json!("2026-03-05T09:00:00Z")), false),
        ("d", "at_or_after", Some(json!("2026-03-05T10:00:00Z")), true),
        ("d", "at_or_before", Some(json!("2026-03-05T10:00:00Z")), true),
        ("d", "same_time", Some(json!("2026-03-05T11:00:00+01:00")), true),
        ("b", "is_true", None, true),
        ("b", "is_false", None, false),
        ("l", "contains", Some(json!(2)), true),
        ("l", "length_eq", Some(json!(2)), true),
        ("l", "length_ne", Some(json!(2)), false),
        ("l", "length_gt", Some(json!(1)), true),
        ("l", "length_lt", Some(json!(2)), false),
        ("l", "length_gte", Some(json!(3)), false),
        ("l", "length_lte", Some(json!(2)), true),
    ] {
        let mut condition = json!({"left": left(field), "op": op});
        if let Some(right) = right {
            condition["right"] = right;
        }
        let (yes, no) = if holds { (items.clone(), json!([])) } else { (json!([]), items.clone()) };
        row("filter", json!({ "where": condition }), from_ref(&items), json!({ "main": yes }), json!({}));
        row(
            "if",
            json!({ "where": condition }),
            from_ref(&items),
            json!({"true": yes, "false": no}),
            json!({}),
        );
    }
    // Strict by default, converted where it is asked for; with or without regard to case.
    let text = json!([{"n": "5"}, {"n": 7}]);
    let above = json!({"left": "{{ $json.n }}", "op": "gt", "right": 4});
    fails(
        "filter",
        json!({ "where": above }),
        text.clone(),
        "invalid_comparison",
        Some((json!([{"n": 7}]), 1)),
    );
    row(
        "filter",
        json!({"where": above, "types": "loose"}),
        from_ref(&text),
        json!({"main": text}),
        json!({}),
    );
    let ada = json!({"where": {"left": "{{ $json.t }}", "op": "eq", "right": "ADA"}, "ignore_case": true});
    row("filter", ada, from_ref(&items), json!({"main": items}), json!({}));
}

#[test]
fn switch() {
    let case = |port: &str, n: u32| json!({"port": port, "where": {"left": "{{ $json.n }}", "op": "gte", "right": n}});
    let cases = json!([case("two", 2), case("one", 1)]);
    let items = json!([{"n": 0}, {"n": 1}, {"n": 2}]);
    // The first that matches; without a fallback the others are dropped.
    row(
        "switch",
        json!({ "cases": cases }),
        from_ref(&items),
        json!({"two": [{"n": 2}], "one": [{"n": 1}]}),
        json!({"two": [[[0, 2]]], "one": [[[0, 1]]]}),
    );
    // An output of its own for the others, and one of the rules'.
    row(
        "switch",
        json!({"cases": cases, "fallback": "rest"}),
        from_ref(&items),
        json!({"two": [{"n": 2}], "one": [{"n": 1}], "rest": [{"n": 0}]}),
        json!({"two": [[[0, 2]]], "one": [[[0, 1]]]}),
    );
    row(
        "switch",
        json!({"cases": cases, "fallback": "one"}),
        from_ref(&items),
        json!({"two": [{"n": 2}], "one": [{"n": 0}, {"n": 1}]}),
        json!({"two": [[[0, 2]]]}),
    );
    // All that match.
    row(
        "switch",
        json!({"cases": cases, "all_matching": true}),
        &[items],
        json!({"two": [{"n": 2}], "one": [{"n": 1}, {"n": 2}]}),
        json!({"two": [[[0, 2]]], "one": [[[0, 1]], [[0, 2]]]}),
    );
}

#[test]
fn no_operation_stop_and_error_and_respond() {
    row("noop", json!({}), &[people()], json!({"main": people()}), json!({}));
    let params = json!({"message": "{{ $json.name }}", "details": {"a": 1}});
    let error = super::super::fails("fail", json!({ "params": params }), people()).error;
    assert_eq!((error.code.as_str(), error.message.as_str()), ("failed", "Nora"));
    assert_eq!(error.details, Some(json!({"a": 1})));
    // It passes on what it is given, whatever it answers.
    row("respond", json!({"body": "{{ $json }}"}), &[people()], json!({"main": people()}), json!({}));
}
