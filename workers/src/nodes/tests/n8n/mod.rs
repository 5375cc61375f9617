//! What n8n's documentation (docs.n8n.io, and `n8n` itself where that is silent) says of its nodes, said of ours: one row for
//! each mode and option. Where ours does something else, its page says so behind "Different from n8n".

mod calls;
mod flow;
mod lists;
mod values;

use domain::kinds::Kind;
use serde_json::{Value, json};

use super::{attempt, ports, run};
use crate::engine::Outcome;

/// A node with these parameters makes this of its inputs: items by port, and where they come from (`{}`: each from the one
/// in its place).
fn row(kind: &str, params: Value, inputs: &[Value], expected: Value, lineage: Value) {
    let named: Vec<_> = inputs.iter().map(|items| (None, items.clone())).collect();
    let node = json!({"type": kind, "data": {"params": params}});
    match run(&attempt(&node, &named)) {
        Outcome::Succeeded(output) => {
            assert_eq!(ports(&output), expected, "{kind} {params}");
            assert_eq!(json!(output.lineage), lineage, "lineage of {kind} {params}");
        }
        other => panic!("{kind} {params}: {other:?}"),
    }
}

/// The same of a kind with one input and the port `main`.
fn main(kind: &str, params: Value, input: Value, expected: Value, lineage: Value) {
    let lineage = if lineage == json!({}) { lineage } else { json!({ "main": lineage }) };
    row(kind, params, &[input], json!({ "main": expected }), lineage);
}

/// A node that fails: the error's code, and with `on_error: error_port` what leaves by the ports.
fn fails(kind: &str, params: Value, input: Value, code: &str, left: Option<(Value, usize)>) {
    let node = json!({"type": kind, "data": {"params": params, "on_error": "error_port"}});
    let Outcome::Failed(failed) = run(&attempt(&node, &[(None, input)])) else { panic!("{kind} {params}") };
    assert_eq!(failed.error.code, code, "{kind} {params}: {}", failed.error.message);
    let found = failed.fallback.map(|output| {
        let all = ports(&output);
        (all["main"].clone(), all["error"].as_array().map_or(0, Vec::len))
    });
    assert_eq!(found, left, "{kind} {params}");
}

#[test]
fn every_kinds_page_says_what_is_different_from_n8n() {
    for kind in Kind::ALL.iter().map(|kind| kind.declaration()) {
        let says =
            kind.docs.contains("\n\nDifferent from n8n: ") || kind.docs.contains("\n## Different from n8n\n");
        assert!(says, "the page of {} says nothing of n8n", kind.name);
    }
}
