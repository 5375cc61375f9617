//! `limit`: some items, from the front or from the end.

use super::*;

#[test]
fn limit_lets_the_first_or_the_last_items_through() {
    let input = json!([{"n": 1}, {"n": 2}, {"n": 3}]);
    for (params, expected, lineage) in [
        (json!({}), json!([{"n": 1}]), json!({})),
        (json!({"count": 2}), json!([{"n": 1}, {"n": 2}]), json!({})),
        (
            json!({"count": 2, "from": "last"}),
            json!([{"n": 2}, {"n": 3}]),
            json!({"main": [[[0, 1]], [[0, 2]]]}),
        ),
        (json!({"count": 4_000_000_000u32, "from": "last"}), input.clone(), json!({})),
        (json!({"count": 0}), json!([]), json!({})),
        (json!({"count": "{{ $json.n + 1 }}"}), json!([{"n": 1}, {"n": 2}]), json!({})),
    ] {
        let output = made("limit", params.clone(), input.clone());
        assert_eq!(
            (ports(&output), json!(output.lineage)),
            (json!({ "main": expected }), lineage),
            "{params}"
        );
    }
}

#[test]
fn a_count_that_is_none_is_an_error() {
    let failed = fails("limit", json!({"params": {"count": "{{ $json.n }}"}}), json!([{"n": -1}]));
    assert_eq!(failed.error.code, "invalid_params");
    assert!(failed.error.message.contains("params.count"), "{}", failed.error.message);
}
