//! `aggregate`: one item of many, with lists in it.

use super::*;

#[test]
fn aggregate_makes_lists_of_items_and_of_values() {
    let input = json!([
        {"g": "a", "n": 1, "c": {"m": "x"}, "t": ["p", null]},
        {"g": "b", "n": null, "c": {}, "t": ["q"]},
        {"g": "a", "n": 3, "t": "r"},
    ]);
    for (params, expected) in [
        (json!({}), json!([{ "data": input }])),
        (
            json!({"into": "x.y", "fields": ["n", "c.m"]}),
            json!([{"x": {"y": [{"n": 1, "c": {"m": "x"}}, {"n": null}, {"n": 3}]}}]),
        ),
        (json!({"into": "l", "except": ["c", "t", "g"]}), json!([{"l": [{"n": 1}, {"n": null}, {"n": 3}]}])),
        // Of the second and third item nothing is left.
        (json!({"into": "l", "fields": ["c.m"]}), json!([{"l": [{"c": {"m": "x"}}]}])),
        (
            json!({"into": "l", "fields": ["c.m"], "keep_missing": true}),
            json!([{"l": [{"c": {"m": "x"}}, {}, {}]}]),
        ),
        (json!({"values": {"ns": "n", "in.ms": "c.m"}}), json!([{"ns": [1, 3], "in": {"ms": ["x"]}}])),
        (json!({"values": {"ns": "n"}, "keep_missing": true}), json!([{"ns": [1, null, 3]}])),
        (json!({"values": {"ts": "t"}}), json!([{"ts": [["p", null], ["q"], "r"]}])),
        (json!({"values": {"ts": "t"}, "merge_lists": true}), json!([{"ts": ["p", "q", "r"]}])),
        (
            json!({"values": {"ts": "t"}, "merge_lists": true, "keep_missing": true}),
            json!([{"ts": ["p", null, "q", "r"]}]),
        ),
        (json!({"values": {"none": "missing"}}), json!([{"none": []}])),
        (
            json!({"values": {"ns": "n"}, "into": "l", "fields": ["t"], "group_by": ["g"]}),
            json!([
                {"g": "a", "l": [{"t": ["p", null]}, {"t": "r"}], "ns": [1, 3]},
                {"g": "b", "l": [{"t": ["q"]}], "ns": []},
            ]),
        ),
        // What is missing is the same as `null`.
        (
            json!({"values": {"gs": "g"}, "group_by": ["c.m", "missing"]}),
            json!([
                {"c": {"m": "x"}, "missing": null, "gs": ["a"]},
                {"c": {"m": null}, "missing": null, "gs": ["b", "a"]},
            ]),
        ),
        (
            json!({"into": "{{ $json.g }}", "fields": ["n"], "group_by": ["{{ 'g' + 'g' }}"]}),
            json!([{"gg": null, "a": [{"n": 1}, {"n": null}, {"n": 3}]}]),
        ),
    ] {
        check("aggregate", params, input.clone(), json!({ "main": expected }));
    }
}

#[test]
fn groups_are_told_apart_by_type_and_value() {
    let input = json!([{"k": 1}, {"k": "1"}, {"k": 1.0}, {"k": [{"a": 1, "b": 2}]}, {"k": [{"b": 2, "a": 1}]}, {"k": true}]);
    let output =
        made("aggregate", json!({"values": {"x": "k"}, "group_by": ["k"], "keep_missing": true}), input);
    let sizes: Vec<_> = output.ports["main"].iter().map(|item| item["x"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [2, 1, 2, 1]);
    assert_eq!(
        json!(output.lineage["main"]),
        json!([[[0, 0], [0, 2]], [[0, 1]], [[0, 3], [0, 4]], [[0, 5]]])
    );
}

#[test]
fn an_aggregated_item_comes_from_all_items_of_all_inputs() {
    let inputs = [(None, json!([{"n": 1}])), (None, json!([{"n": 2}, {"n": 3}]))];
    let node = json!({"type": "aggregate", "data": {"params": {"values": {"ns": "n"}}}});
    let Outcome::Succeeded(output) = run(&attempt(&node, &inputs)) else { panic!("it aggregates") };
    assert_eq!(ports(&output), json!({"main": [{"ns": [1, 2, 3]}]}));
    assert_eq!(json!(output.lineage), json!({"main": [[[0, 0], [1, 0], [1, 1]]]}));
}

#[test]
fn what_would_overwrite_each_other_is_refused() {
    for params in [
        json!({"into": "a", "group_by": ["{{ 'a' }}"]}),
        json!({"into": "{{ 'a' }}.b", "values": {"a": "x"}}),
        json!({"values": {"{{ 'a' }}.b.c": "x", "a.b": "y"}}),
    ] {
        let failed = fails("aggregate", json!({ "params": params }), json!([{"a": 1}]));
        assert_eq!(failed.error.code, "invalid_params", "{params}");
        assert!(failed.error.message.contains("overwrite each other"), "{}", failed.error.message);
    }
}

#[test]
fn no_more_is_copied_than_may_leave() {
    // 200 lists of a text of 100 kB: 20 MB.
    let values: Value = (0..200).map(|n| (format!("v{n}"), json!("big"))).collect::<Map<_, _>>().into();
    let input = json!([{"big": "x".repeat(100_000)}]);
    let failed = fails("aggregate", json!({"params": {"values": values}, "on_error": "continue"}), input);
    assert_eq!((failed.error.code.as_str(), failed.fallback), ("limit", None), "the items that came leave");
    assert!(failed.error.message.contains("MAX_STEP_OUTPUT_BYTES"), "{}", failed.error.message);
}
