//! `split`: an item of each element of a list.

use super::*;

#[test]
fn split_makes_an_item_of_each_element() {
    let one = json!([{"id": 7, "o": {"l": [{"a": 1}, {"a": 2}], "x": true}, "m": ["p", null, [3]], "n": 5, "z": null}]);
    for (params, expected) in [
        // An object is the item; whatever else stands where its list was.
        (json!({"field": "o.l"}), json!([{"a": 1}, {"a": 2}])),
        (json!({"field": "m"}), json!([{"m": "p"}, {"m": null}, {"m": [3]}])),
        (json!({"field": "o.l", "as": "line"}), json!([{"line": {"a": 1}}, {"line": {"a": 2}}])),
        (
            json!({"field": "o.l", "as": "in.line"}),
            json!([{"in": {"line": {"a": 1}}}, {"in": {"line": {"a": 2}}}]),
        ),
        // What stays beside them.
        (
            json!({"field": "m", "keep": ["id", "o.x", "missing"]}),
            json!([
                {"id": 7, "o": {"x": true}, "m": "p"},
                {"id": 7, "o": {"x": true}, "m": null},
                {"id": 7, "o": {"x": true}, "m": [3]},
            ]),
        ),
        (
            json!({"field": "o.l", "keep": "all"}),
            json!([
                {"id": 7, "o": {"x": true, "l": {"a": 1}}, "m": ["p", null, [3]], "n": 5, "z": null},
                {"id": 7, "o": {"x": true, "l": {"a": 2}}, "m": ["p", null, [3]], "n": 5, "z": null},
            ]),
        ),
        // Several fields side by side; the shorter list has nothing for the last item.
        (
            json!({"field": ["o.l", "m"], "as": ["line", "mark"]}),
            json!([{"line": {"a": 1}, "mark": "p"}, {"line": {"a": 2}, "mark": null}, {"mark": [3]}]),
        ),
        (
            json!({"field": ["m"], "as": "mark", "keep": ["id"]}),
            json!([{"id": 7, "mark": "p"}, {"id": 7, "mark": null}, {"id": 7, "mark": [3]}]),
        ),
        // An object's values; one value; nothing.
        (json!({"field": "o"}), json!([{"o": [{"a": 1}, {"a": 2}]}, {"o": true}])),
        (json!({"field": "n"}), json!([{"n": 5}])),
        (json!({"field": "z"}), json!([])),
        (json!({"field": "missing"}), json!([])),
        (
            json!({"field": "{{ 'm' }}", "as": "{{ 'x' + $json.id }}"}),
            json!([{"x7": "p"}, {"x7": null}, {"x7": [3]}]),
        ),
    ] {
        check("split", params, one.clone(), json!({ "main": expected }));
    }
}

#[test]
fn what_is_split_comes_from_its_item() {
    let input = json!([{"l": [1, 2]}, {"l": []}, {"l": [3]}]);
    let output = made("split", json!({"field": "l"}), input);
    assert_eq!(json!(output.lineage), json!({"main": [[[0, 0]], [[0, 0]], [[0, 2]]]}));
}

#[test]
fn an_item_that_cannot_be_split_fails_as_a_whole_and_by_itself() {
    // The second element has no place: the list in `k` has only one element after the first.
    let input = json!([{"l": [1]}, {"a": [1], "b": [1, 2], "k": []}, {"l": [2]}]);
    let params = json!({"field": ["l", "a", "b"], "as": ["x", "k.0", "k.1"], "keep": ["k"]});
    let failed = fails("split", json!({"params": params, "on_error": "error_port"}), input.clone());
    assert_eq!(failed.error.code, "invalid_path");
    assert!(failed.error.message.starts_with("item 1: "), "{}", failed.error.message);
    let left = failed.fallback.unwrap();
    assert_eq!(json!(left.ports["main"]), json!([{"x": 1}, {"x": 2}]));
    assert_eq!((left.ports["error"].len(), &left.ports["error"][0]["b"]), (1, &json!([1, 2])));
    assert_eq!(json!(left.lineage), json!({"main": [[[0, 0]], [[0, 2]]], "error": [[[0, 1]]]}));
    assert_eq!(fails("split", json!({ "params": params }), input).fallback, None);
}

#[test]
fn split_stops_at_the_limits_of_an_output() {
    let many: Vec<Value> = vec![json!(1); 10_001];
    let failed = fails("split", json!({"params": {"field": "l"}}), json!([{ "l": many }]));
    assert!(failed.error.message.contains("MAX_ITEMS"), "{}", failed.error.message);
    let big = json!([{"l": vec![1; 1_000], "b": "x".repeat(1_000_000)}]);
    let failed = fails("split", json!({"params": {"field": "l", "keep": "all"}}), big);
    assert!(failed.error.message.contains("MAX_STEP_OUTPUT_BYTES"), "{}", failed.error.message);
}
