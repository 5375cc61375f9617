//! `summarize`: fields are counted, added up and compared over many items.

use super::*;

/// What one operation gives over all items.
fn summary(of: Value, input: &Value) -> Value {
    made("summarize", json!({"values": {"x": of}}), input.clone()).ports["main"][0]["x"].clone()
}

#[test]
fn each_operation_computes_what_it_says() {
    let input = json!([
        {"n": 9, "t": "b", "m": 1},
        {"n": 12.5, "t": "", "m": "1"},
        {"n": null, "t": null, "m": {"a": 1.0}},
        {"n": 9.0, "t": "B", "m": [true]},
    ]);
    for (of, expected) in [
        (json!({"op": "sum", "field": "n"}), json!(30.5)),
        (json!({"op": "avg", "field": "n"}), json!(10.166666666666666)),
        (json!({"op": "min", "field": "n"}), json!(9)),
        (json!({"op": "max", "field": "n"}), json!(12.5)),
        (json!({"op": "min", "field": "t"}), json!("B")),
        (json!({"op": "max", "field": "m"}), json!({"a": 1.0})),
        (json!({"op": "count"}), json!(4)),
        (json!({"op": "count_values", "field": "t"}), json!(2)),
        (json!({"op": "count_unique", "field": "n"}), json!(2)),
        (json!({"op": "count_unique", "field": "m"}), json!(4)),
        (json!({"op": "append", "field": "t"}), json!(["b", "B"])),
        (json!({"op": "append", "field": "t", "include_empty": true}), json!(["b", "", null, "B"])),
        (json!({"op": "concatenate", "field": "t"}), json!("b,B")),
        (
            json!({"op": "concatenate", "field": "t", "separator": "; ", "include_empty": true}),
            json!("b; ; ; B"),
        ),
        (json!({"op": "concatenate", "field": "m", "separator": " "}), json!(r#"1 1 {"a":1} [true]"#)),
        // Of no value.
        (json!({"op": "sum", "field": "z"}), json!(0)),
        (json!({"op": "avg", "field": "z"}), json!(null)),
        (json!({"op": "max", "field": "z"}), json!(null)),
        (json!({"op": "count_values", "field": "z"}), json!(0)),
        (json!({"op": "append", "field": "z"}), json!([])),
        (json!({"op": "concatenate", "field": "z"}), json!("")),
    ] {
        assert_eq!(summary(of.clone(), &input), expected, "{of}");
    }
}

#[test]
fn whole_numbers_keep_their_digits_in_a_sum() {
    let input: Value = serde_json::from_str(r#"[{"n": 9007199254740993}, {"n": 2}]"#).unwrap();
    assert_eq!(summary(json!({"op": "sum", "field": "n"}), &input).to_string(), "9007199254740995");
    assert_eq!(summary(json!({"op": "max", "field": "n"}), &input).to_string(), "9007199254740993");
}

#[test]
fn a_value_that_cannot_be_added_is_named_with_its_item() {
    let params = json!({"values": {"x": {"op": "sum", "field": "o.n"}}, "group_by": ["g"]});
    let input = json!([{"g": 1, "o": {"n": 1}}, {"g": 2, "o": {"n": 2}}, {"g": 1, "o": {"n": "12.50"}}]);
    let failed = fails("summarize", json!({ "params": params }), input);
    assert_eq!(failed.error.code, "invalid_value");
    assert!(
        failed.error.message.starts_with("item 2: `o.n` is a string, not a number"),
        "{}",
        failed.error.message
    );
    let huge = json!([{"n": 1e308}, {"n": 1e308}, {"n": 0.5}]);
    let params = json!({"values": {"x": {"op": "avg", "field": "n"}}});
    assert_eq!(fails("summarize", json!({ "params": params }), huge).error.code, "invalid_value");
}

#[test]
fn groups_leave_as_items_or_in_one() {
    let input = json!([
        {"c": "IT", "o": {"t": 1}, "n": 1},
        {"c": "DE", "o": {"t": 1}, "n": 2},
        {"c": "IT", "o": {"t": "1"}, "n": 3},
        {"n": 4},
        {"c": "", "o": {"t": null}, "n": 5},
    ]);
    let params = |more: Value| {
        let mut params = json!({"values": {"x.sum": {"op": "sum", "field": "n"}}});
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        params
    };
    for (more, expected, lineage) in [
        (json!({}), json!([{"x": {"sum": 15}}]), json!([[[0, 0], [0, 1], [0, 2], [0, 3], [0, 4]]])),
        (
            json!({"group_by": ["c"]}),
            json!([
                {"c": "IT", "x": {"sum": 4}},
                {"c": "DE", "x": {"sum": 2}},
                {"c": null, "x": {"sum": 4}},
                {"c": "", "x": {"sum": 5}},
            ]),
            json!([[[0, 0], [0, 2]], [[0, 1]], [[0, 3]], [[0, 4]]]),
        ),
        (
            json!({"group_by": ["c", "o.t"], "skip_missing": true}),
            json!([
                {"c": "IT", "o": {"t": 1}, "x": {"sum": 1}},
                {"c": "DE", "o": {"t": 1}, "x": {"sum": 2}},
                {"c": "IT", "o": {"t": "1"}, "x": {"sum": 3}},
            ]),
            json!([[[0, 0]], [[0, 1]], [[0, 2]]]),
        ),
        // By texts `1` and `"1"` are one group.
        (
            json!({"group_by": ["c", "o.t"], "output": "one_item"}),
            json!([{
                "IT": {"1": {"x": {"sum": 4}}},
                "DE": {"1": {"x": {"sum": 2}}},
                "null": {"null": {"x": {"sum": 4}}},
                "": {"null": {"x": {"sum": 5}}},
            }]),
            json!([[[0, 0], [0, 1], [0, 2], [0, 3], [0, 4]]]),
        ),
        (
            json!({"group_by": ["c"], "output": "one_item", "skip_missing": true}),
            json!([{"IT": {"x": {"sum": 4}}, "DE": {"x": {"sum": 2}}}]),
            json!([[[0, 0], [0, 1], [0, 2]]]),
        ),
        (
            json!({"output": "one_item"}),
            json!([{"x": {"sum": 15}}]),
            json!([[[0, 0], [0, 1], [0, 2], [0, 3], [0, 4]]]),
        ),
    ] {
        let output = made("summarize", params(more.clone()), input.clone());
        assert_eq!(
            (ports(&output), json!(output.lineage)),
            (json!({ "main": expected }), json!({ "main": lineage })),
            "{more}"
        );
    }
}

#[test]
fn no_longer_text_is_made_than_may_leave() {
    let input: Value = (0..10).map(|_| json!({"t": "x"})).collect();
    let params = json!({"values": {"x": {"op": "concatenate", "field": "t", "separator": "{{ 'y'.repeat(600000) }}"}}});
    let failed = fails("summarize", json!({ "params": params }), input);
    assert!(failed.error.message.contains("MAX_STEP_OUTPUT_BYTES"), "{}", failed.error.message);
}
