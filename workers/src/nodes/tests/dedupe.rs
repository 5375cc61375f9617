//! `dedupe`: items that are the same as others are dropped.

use proptest::prelude::*;

use super::*;

#[test]
fn dedupe_drops_what_is_the_same() {
    let input = json!([
        {"id": 0, "a": 1, "b": {"x": 1, "y": [2]}},
        {"id": 1, "a": 1.0, "b": {"y": [2.0], "x": 1}},
        {"id": 2, "a": "1", "b": {"x": 1, "y": [2]}},
        {"id": 3, "a": 1},
        {"id": 4},
        {"id": 5, "a": null},
        {"id": 0, "a": 1, "b": {"x": 1, "y": [2]}},
    ]);
    for (params, places) in [
        (json!({}), &[0, 1, 2, 3, 4, 5][..]),
        (json!({"keep": "last"}), &[1, 2, 3, 4, 5, 6]),
        (json!({"except": ["id"]}), &[0, 2, 3, 4, 5]),
        // Who has none of the fields is nobody's duplicate.
        (json!({"fields": ["a"]}), &[0, 2, 4, 5]),
        (json!({"fields": ["a"], "keep": "last"}), &[2, 4, 5, 6]),
        (json!({"fields": ["a", "b.x"]}), &[0, 2, 3, 4, 5]),
        (json!({"fields": ["b"], "except": ["b.y"]}), &[0, 3, 4, 5]),
        (json!({"fields": ["{{ 'b.y' }}", "b.y.0"]}), &[0, 3, 4, 5]),
    ] {
        let output = made("dedupe", params.clone(), input.clone());
        let expected: Value = places.iter().map(|&place: &usize| input[place].clone()).collect();
        assert_eq!(ports(&output), json!({ "main": expected }), "{params}");
        let origins: Value = places.iter().map(|place| json!([[0, place]])).collect();
        let from_the_front = places.iter().enumerate().all(|(place, from)| place == *from);
        let lineage = if from_the_front { json!({}) } else { json!({ "main": origins }) };
        assert_eq!(json!(output.lineage), lineage, "{params}");
    }
}

#[test]
fn a_field_that_no_item_has_is_an_error() {
    let failed =
        fails("dedupe", json!({"params": {"fields": ["emial"]}}), json!([{"email": "a"}, {"email": "b"}]));
    assert_eq!(failed.error.code, "field_not_found");
}

proptest! {
    #[test]
    fn what_stays_is_each_value_once_and_in_order(values in prop::collection::vec(0u8..9, 0..60)) {
        let input: Value = values.iter().map(|value| json!({ "v": value })).collect();
        let output = made("dedupe", json!({}), input);
        let mut expected = Vec::new();
        values.iter().for_each(|value| if !expected.contains(value) { expected.push(*value) });
        let expected: Value = expected.iter().map(|value| json!({ "v": value })).collect();
        prop_assert_eq!(ports(&output)["main"].clone(), expected);
    }
}
