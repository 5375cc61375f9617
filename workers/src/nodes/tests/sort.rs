//! `sort`: the items in another order.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// The field `id` of what comes out, in its order.
fn order(params: Value, input: &Value) -> Value {
    let output = made("sort", params, input.clone());
    output.ports["main"].iter().map(|item| item["id"].clone()).collect()
}

#[test]
fn sort_orders_by_fields_and_keeps_the_order_of_equals() {
    let input = json!([
        {"id": 0, "city": "Rome", "price": 9},
        {"id": 1, "city": "berlin", "price": 10},
        {"id": 2, "city": "rome", "price": 12.5},
        {"id": 3, "city": "Berlin", "price": "10"},
        {"id": 4, "price": null},
        {"id": 5, "city": "Rome", "price": -1},
    ]);
    for (params, expected) in [
        (json!({"by": [{"field": "city"}]}), json!([1, 3, 0, 2, 5, 4])),
        (json!({"by": [{"field": "city", "order": "descending"}]}), json!([0, 2, 5, 1, 3, 4])),
        (json!({"by": [{"field": "city", "case_sensitive": true}]}), json!([3, 0, 5, 1, 2, 4])),
        // A text is no number; what is `null` comes last either way.
        (json!({"by": [{"field": "price"}]}), json!([5, 0, 1, 2, 3, 4])),
        (json!({"by": [{"field": "price", "order": "descending"}]}), json!([3, 2, 1, 0, 5, 4])),
        (
            json!({"by": [{"field": "city"}, {"field": "price", "order": "descending"}]}),
            json!([3, 1, 2, 0, 5, 4]),
        ),
        (
            json!({"by": [{"field": "{{ 'pri' + 'ce' }}", "order": "{{ 'descending' }}"}]}),
            json!([3, 2, 1, 0, 5, 4]),
        ),
    ] {
        assert_eq!(order(params.clone(), &input), expected, "{params}");
    }
}

#[test]
fn numbers_are_sorted_exactly() {
    let text = r#"[{"id": 0, "n": 9007199254740993}, {"id": 1, "n": 9007199254740992.5}, {"id": 2, "n": 9007199254740992}, {"id": 3, "n": 1e400}]"#;
    let input: Value = serde_json::from_str(text).unwrap();
    assert_eq!(order(json!({"by": [{"field": "n"}]}), &input), json!([2, 1, 0, 3]));
}

#[test]
fn sorted_items_know_where_they_came_from() {
    let input = json!([{"n": 3}, {"n": 1}, {"n": 2}]);
    let output = made("sort", json!({"by": [{"field": "n"}]}), input);
    assert_eq!(json!(output.lineage), json!({"main": [[[0, 1]], [[0, 2]], [[0, 0]]]}));
}

#[test]
fn a_random_order_is_the_same_when_the_step_is_made_again() {
    let input: Value = (0..50).map(|id| json!({ "id": id })).collect();
    let one = order(json!({"by": "random"}), &input);
    assert_eq!(order(json!({"by": "random"}), &input), one);
    let sorted: BTreeSet<_> = one.as_array().unwrap().iter().filter_map(Value::as_u64).collect();
    assert_eq!(sorted.len(), 50, "each is there once");
    assert_ne!(one, (0..50).collect::<Value>());

    let node = json!({"type": "sort", "data": {"params": {"by": "random"}}});
    let mut other = attempt(&node, &[(None, input)]);
    other.task.run = Arc::new(crate::engine::RunHeader {
        run_id: domain::ids::RunId::at(header().created_at, 7),
        ..header()
    });
    let Outcome::Succeeded(output) = run(&other) else { panic!("it sorts") };
    assert_ne!(
        json!(output.ports["main"].iter().map(|item| &item["id"]).collect::<Vec<_>>()),
        one,
        "another run"
    );
}

#[test]
fn a_field_that_no_item_has_and_one_that_is_there_twice_are_errors() {
    let failed = fails("sort", json!({"params": {"by": [{"field": "pirce"}]}}), json!([{"price": 1}]));
    assert_eq!(failed.error.code, "field_not_found");
    assert!(failed.error.message.contains("pirce"), "{}", failed.error.message);
    let twice = json!({"by": [{"field": "a"}, {"field": "{{ 'a' }}"}]});
    let failed = fails("sort", json!({ "params": twice }), json!([{"a": 1}]));
    assert!(failed.error.message.contains("params.by[1].field"), "{}", failed.error.message);
}

proptest! {
    #[test]
    fn sorting_is_what_a_stable_sort_of_the_numbers_is(numbers in prop::collection::vec(-5i64..5, 0..60)) {
        let input: Value = numbers.iter().enumerate().map(|(id, n)| json!({"id": id, "n": n})).collect();
        let mut expected: Vec<_> = numbers.iter().enumerate().collect();
        expected.sort_by_key(|(_, n)| **n);
        let expected: Value = expected.into_iter().map(|(id, _)| json!(id)).collect();
        prop_assert_eq!(order(json!({"by": [{"field": "n"}]}), &input), expected);
    }
}
