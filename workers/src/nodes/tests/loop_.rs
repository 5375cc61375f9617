//! `loop`: what an iteration is handed, and what is given when all have been.

use std::sync::Arc;

use domain::items::Output;
use serde_json::{Value, json};

use super::{attempt, fails, ports, run};
use crate::{
    engine::{Brought, Outcome, Round},
    expr::tests::items,
};

/// What a `loop` gives of its items when that many are handed out and these came back, by edge.
fn gives(
    params: &Value,
    inputs: &[(Option<&str>, Value)],
    taken: usize,
    returned: &[(u32, Value)],
) -> Output {
    let mut attempt = attempt(&json!({"type": "loop", "data": {"params": params}}), inputs);
    let pieces = attempt.task.inputs.0.iter().map(|input| (input.place, input.items.len())).collect();
    let returned =
        returned.iter().map(|(place, list)| Brought { place: *place, items: Arc::new(items(list.clone())) });
    attempt.task.round = Some(Round { taken, pieces, returned: returned.collect() });
    match run(&attempt) {
        Outcome::Succeeded(output) => output,
        other => panic!("{params}: {other:?}"),
    }
}

fn five() -> Value {
    (0..5).map(|n| json!({ "n": n })).collect()
}

#[test]
fn each_iteration_gets_the_next_batch_and_the_last_one_what_is_left() {
    for (params, taken, expected, lineage) in [
        (json!({}), 0, json!([{"n": 0}]), json!({})),
        (json!({}), 4, json!([{"n": 4}]), json!({"loop": [[[0, 4]]]})),
        (json!({"batch": 2}), 0, json!([{"n": 0}, {"n": 1}]), json!({})),
        (json!({"batch": 2}), 2, json!([{"n": 2}, {"n": 3}]), json!({"loop": [[[0, 2]], [[0, 3]]]})),
        (json!({"batch": 2}), 4, json!([{"n": 4}]), json!({"loop": [[[0, 4]]]})),
        (json!({"batch": 10_000}), 0, five(), json!({})),
        (json!({"batch": "{{ $json.n + 3 }}"}), 0, json!([{"n": 0}, {"n": 1}, {"n": 2}]), json!({})),
    ] {
        let output = gives(&params, &[(None, five())], taken, &[]);
        assert_eq!(ports(&output), json!({"loop": expected, "done": []}), "{params} after {taken}");
        assert_eq!(json!(output.lineage), lineage, "{params} after {taken}");
    }
}

#[test]
fn the_items_of_several_edges_are_one_list_whose_items_know_their_edge() {
    let inputs = [(None, json!([{"a": 1}, {"a": 2}])), (None, json!([{"b": 1}]))];
    let output = gives(&json!({"batch": 2}), &inputs, 1, &[]);
    assert_eq!(ports(&output), json!({"loop": [{"a": 2}, {"b": 1}], "done": []}));
    assert_eq!(json!(output.lineage), json!({"loop": [[[0, 1]], [[1, 0]]]}));
}

#[test]
fn done_has_everything_that_came_back_in_its_order_and_nothing_else() {
    for (returned, expected, lineage) in [
        (vec![], json!([]), json!({})),
        (
            vec![(1, json!([{"r": 0}])), (1, json!([{"r": 1}, {"r": 2}]))],
            json!([{"r": 0}, {"r": 1}, {"r": 2}]),
            json!({"done": [[[1, 0]], [[1, 1]], [[1, 2]]]}),
        ),
        // Two edges lead back: items of an edge are counted by themselves.
        (
            vec![(1, json!([{"r": 0}])), (2, json!([{"s": 0}])), (1, json!([{"r": 1}]))],
            json!([{"r": 0}, {"s": 0}, {"r": 1}]),
            json!({"done": [[[1, 0]], [[2, 0]], [[1, 1]]]}),
        ),
    ] {
        let output = gives(&json!({"batch": 2}), &[(None, five())], 5, &returned);
        assert_eq!(ports(&output), json!({"loop": [], "done": expected}));
        assert_eq!(json!(output.lineage), lineage);
    }
}

#[test]
fn a_batch_that_is_no_number_of_items_is_an_error() {
    for batch in ["{{ 0 }}", "{{ 1.5 }}", "{{ 10001 }}", "{{ 'two' }}", "{{ $json.n.x.y }}"] {
        let failed = fails("loop", json!({"params": {"batch": batch}}), five());
        let code = if batch.contains('x') { "expression" } else { "invalid_params" };
        assert_eq!(failed.error.code, code, "{batch}: {}", failed.error.message);
        assert_eq!(failed.fallback, None, "all that it was given leaves with the error");
    }
}
