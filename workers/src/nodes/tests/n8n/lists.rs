//! Nodes that work on lists: Aggregate, Limit, Remove Duplicates, Sort, Split Out, Summarize.

use serde_json::json;

use super::{fails, main};

#[test]
fn split_out() {
    let order = || json!([{"id": 7, "by": {"name": "Ada"}, "lines": [{"sku": "A"}, {"sku": "B"}], "tags": ["x", "y"]}]);
    let both = || json!([[[0, 0]], [[0, 0]]]);
    for (params, expected) in [
        // No other fields; of texts the field stays, of objects it does not.
        (json!({"field": "lines"}), json!([{"sku": "A"}, {"sku": "B"}])),
        (json!({"field": "tags"}), json!([{"tags": "x"}, {"tags": "y"}])),
        // Selected other fields, and a destination.
        (
            json!({"field": "tags", "keep": ["id", "by.name"], "as": "tag"}),
            json!([{"id": 7, "by": {"name": "Ada"}, "tag": "x"}, {"id": 7, "by": {"name": "Ada"}, "tag": "y"}]),
        ),
        // All other fields.
        (
            json!({"field": "tags", "keep": "all", "as": "tag"}),
            json!([
                {"id": 7, "by": {"name": "Ada"}, "lines": [{"sku": "A"}, {"sku": "B"}], "tag": "x"},
                {"id": 7, "by": {"name": "Ada"}, "lines": [{"sku": "A"}, {"sku": "B"}], "tag": "y"},
            ]),
        ),
        // Several fields side by side.
        (
            json!({"field": ["lines", "tags"]}),
            json!([{"lines": {"sku": "A"}, "tags": "x"}, {"lines": {"sku": "B"}, "tags": "y"}]),
        ),
    ] {
        main("split", params, order(), expected, both());
    }
}

#[test]
fn aggregate() {
    let people = || json!([{"n": "Ada", "l": ["x"], "c": 1}, {"n": "Bob", "l": ["y", "z"], "c": null}, {"n": null, "l": []}]);
    for (params, expected) in [
        // Individual fields, under their name or another; what is null is left out unless it is kept.
        (json!({"values": {"n": "n"}}), json!({"n": ["Ada", "Bob"]})),
        (json!({"values": {"names": "n", "cs": "c"}}), json!({"names": ["Ada", "Bob"], "cs": [1]})),
        (
            json!({"values": {"n": "n", "c": "c"}, "keep_missing": true}),
            json!({"n": ["Ada", "Bob", null], "c": [1, null, null]}),
        ),
        (json!({"values": {"l": "l"}}), json!({"l": [["x"], ["y", "z"], []]})),
        (json!({"values": {"l": "l"}, "merge_lists": true}), json!({"l": ["x", "y", "z"]})),
        // All item data: all fields, some, all but some.
        (json!({}), json!({"data": people()})),
        (json!({"into": "all", "fields": ["n"]}), json!({"all": [{"n": "Ada"}, {"n": "Bob"}, {"n": null}]})),
        (json!({"except": ["l", "c"]}), json!({"data": [{"n": "Ada"}, {"n": "Bob"}, {"n": null}]})),
    ] {
        main("aggregate", params, people(), json!([expected]), json!([[[0, 0], [0, 1], [0, 2]]]));
    }
}

#[test]
fn limit() {
    let three = || json!([{"n": 1}, {"n": 2}, {"n": 3}]);
    main("limit", json!({}), three(), json!([{"n": 1}]), json!({}));
    main("limit", json!({"count": 2}), three(), json!([{"n": 1}, {"n": 2}]), json!({}));
    main(
        "limit",
        json!({"count": 2, "from": "last"}),
        three(),
        json!([{"n": 2}, {"n": 3}]),
        json!([[[0, 1]], [[0, 2]]]),
    );
    main("limit", json!({"count": 9}), three(), three(), json!({}));
}

#[test]
fn remove_duplicates() {
    let people = || json!([{"n": "Ada", "c": "IT"}, {"n": "Bob", "c": "IT"}, {"n": "Ada", "c": "IT"}, {"n": "Ada", "c": "DE"}]);
    for (params, places) in [
        (json!({}), vec![0, 1, 3]),
        (json!({"fields": ["n"]}), vec![0, 1]),
        (json!({"fields": ["c"]}), vec![0, 3]),
        (json!({"except": ["c"]}), vec![0, 1]),
    ] {
        let expected = places.iter().map(|place: &usize| people()[*place].clone()).collect();
        let from_the_front = places.iter().enumerate().all(|(place, from)| place == *from);
        let lineage =
            if from_the_front { json!({}) } else { places.iter().map(|place| json!([[0, place]])).collect() };
        main("dedupe", params, people(), expected, lineage);
    }
    fails("dedupe", json!({"fields": ["nobody"]}), people(), "field_not_found", None);
}

#[test]
fn sort() {
    let people =
        || json!([{"n": "Bob", "a": {"y": 9}}, {"n": "ada", "a": {"y": 40}}, {"n": "Cy", "a": {"y": 9}}]);
    for (params, order) in [
        (json!({"by": [{"field": "n"}]}), [1, 0, 2]),
        (json!({"by": [{"field": "n", "order": "descending"}]}), [2, 0, 1]),
        // Numbers are no texts: 9 is before 40.
        (json!({"by": [{"field": "a.y"}]}), [0, 2, 1]),
        (json!({"by": [{"field": "a.y", "order": "descending"}, {"field": "n"}]}), [1, 0, 2]),
    ] {
        let expected = order.iter().map(|place: &usize| people()[*place].clone()).collect();
        let lineage = order.iter().map(|place| json!([[0, place]])).collect();
        main("sort", params, people(), expected, lineage);
    }
    fails("sort", json!({"by": [{"field": "nobody"}]}), people(), "field_not_found", None);
}

#[test]
fn summarize() {
    let deals = || {
        json!([
            {"rep": "Ada", "deal": 5, "t": "a"}, {"rep": "Bob", "deal": 7, "t": "b"}, {"rep": "Ada", "deal": 10, "t": "a"}, {"rep": "Bob", "t": ""},
        ])
    };
    for (op, expected) in [
        (json!({"op": "sum", "field": "deal"}), json!(22)),
        (json!({"op": "avg", "field": "deal"}), json!(7.333333333333333)),
        (json!({"op": "min", "field": "deal"}), json!(5)),
        (json!({"op": "max", "field": "deal"}), json!(10)),
        (json!({"op": "count_values", "field": "deal"}), json!(3)),
        (json!({"op": "count_unique", "field": "t"}), json!(2)),
        (json!({"op": "append", "field": "t"}), json!(["a", "b", "a"])),
        (json!({"op": "append", "field": "t", "include_empty": true}), json!(["a", "b", "a", ""])),
        (json!({"op": "concatenate", "field": "t", "separator": "; "}), json!("a; b; a")),
    ] {
        let params = json!({"values": {"x": op}});
        main(
            "summarize",
            params,
            deals(),
            json!([{"x": expected}]),
            json!([[[0, 0], [0, 1], [0, 2], [0, 3]]]),
        );
    }
    // Each split in an item of its own, and all splits in one.
    let by = |more| json!({"values": {"sum": {"op": "sum", "field": "deal"}}, "group_by": ["rep"], "output": more});
    main(
        "summarize",
        by("items"),
        deals(),
        json!([{"rep": "Ada", "sum": 15}, {"rep": "Bob", "sum": 7}]),
        json!([[[0, 0], [0, 2]], [[0, 1], [0, 3]]]),
    );
    main(
        "summarize",
        by("one_item"),
        deals(),
        json!([{"Ada": {"sum": 15}, "Bob": {"sum": 7}}]),
        json!([[[0, 0], [0, 1], [0, 2], [0, 3]]]),
    );
    fails(
        "summarize",
        json!({"values": {"x": {"op": "sum", "field": "rep"}}}),
        deals(),
        "invalid_value",
        None,
    );
}
