//! A node that is disabled, whatever its kind.

use domain::kinds::{Kind, OutputPorts};
use serde_json::{Value, json};

use super::{attempt, ports, run};
use crate::engine::Outcome;

#[test]
fn what_is_disabled_passes_on_what_it_is_given_by_its_first_port() {
    for kind in Kind::ALL.iter().map(|kind| kind.declaration()).filter(|kind| !kind.trigger) {
        let params: Value = serde_json::from_str(kind.example.params).unwrap();
        let node =
            json!({"type": kind.name, "data": {"params": params, "disabled": true, "execute_once": true}});
        let inputs = [(None, json!([{"n": 1}, {"n": 2}])), (None, json!([{"n": 3}]))];
        let Outcome::Succeeded(output) = run(&attempt(&node, &inputs)) else { panic!("{}", kind.name) };
        let mut expected: Vec<_> = match kind.ports {
            OutputPorts::Fixed(ports) => ports.iter().map(|port| ((*port).to_owned(), json!([]))).collect(),
            OutputPorts::Each { .. } => {
                let cases = params["cases"].as_array().unwrap().iter().map(|case| &case["port"]);
                let all = cases.chain([&params["fallback"]]).filter_map(Value::as_str);
                all.map(|port| (port.to_owned(), json!([]))).collect()
            }
        };
        // What a `loop` hands out would come back to it.
        let first = if kind.name == "loop" { expected.last_mut() } else { expected.first_mut() };
        if let Some((_, first)) = first {
            *first = json!([{"n": 1}, {"n": 2}, {"n": 3}]);
        }
        assert_eq!(ports(&output), Value::Object(expected.into_iter().collect()), "{}", kind.name);
    }
}

#[test]
fn what_is_disabled_shares_the_items_of_its_only_input() {
    let node = json!({"type": "if", "data": {"params": {"where": false}, "disabled": true}});
    let attempt = attempt(&node, &[(None, json!([{"n": 1}]))]);
    let Outcome::Succeeded(output) = run(&attempt) else { panic!("it passes on") };
    assert!(std::sync::Arc::ptr_eq(&output.ports["true"], &attempt.task.inputs.0[0].items));
    assert!(output.lineage.is_empty(), "each item came from the one in its place");
}
