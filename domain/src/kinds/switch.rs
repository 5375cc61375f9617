//! `switch`: sends every item to the port of a case that holds for it.

use serde_json::{Value, json};

use super::{
    declaration::{COMPUTES, Declaration, Example, Group, OutputPorts},
    params::{
        At, Parameter, Reader, Table,
        condition::{Condition, Types},
        params,
        port::PortName,
    },
};
use crate::{
    limits::{MAX_CASES, above},
    violation::ViolationCode as Code,
};

params! {
    /// Its parameters.
    pub struct Params {
        /// The cases, asked one after the other; each has a port of its own.
        cases: Cases, [fixed];
        /// The port of items for which no case holds: one of the cases', or a further one. Without it they are dropped.
        fallback: Option<PortName>, [fixed];
        /// Whether an item leaves by the ports of all cases that hold for it, or by that of the first.
        all_matching: bool = false, [fixed];
        /// What becomes of an operand that is not what its operator takes: an error (`strict`), or it is converted if
        /// it can be (`loose`).
        types: Types = Types::Strict, [fixed];
        /// Whether capital and small letters are the same in texts that are compared.
        ignore_case: bool = false, [fixed];
    }
}

params! {
    /// A case.
    pub struct Case {
        /// The name of its port: what an edge's `sourceHandle` says.
        port: PortName, [fixed];
        /// What is asked of every item: a condition.
        condition as "where": Condition<Value>;
    }
}

/// The cases, in the order in which they are asked: at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct Cases(pub Vec<Case>);

impl Parameter for Cases {
    const NAME: &'static str = "list of cases";
    const FIELDS: Option<&'static Table> = Some(&Case::TABLE);

    fn schema() -> Value {
        json!({ "type": "array", "items": Case::schema(), "minItems": 1, "maxItems": MAX_CASES })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Array(list) = value else {
            reader.wrong_type(at, "a list of cases", value);
            return None;
        };
        if list.is_empty() {
            reader.violation(at, Code::Required, "a switch has at least one case");
            return None;
        }
        if list.len() > MAX_CASES {
            reader.violation(at, Code::Limit, above(list.len(), "cases", MAX_CASES, "MAX_CASES"));
            return None;
        }
        let read: Vec<_> =
            list.iter().enumerate().filter_map(|(i, case)| Case::read(case, &at.index(i), reader)).collect();
        (read.len() == list.len()).then_some(Self(read))
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "switch",
    title: "Switch",
    group: Group::Flow,
    summary: "Sends every item to the port of the first case that holds for it, or of all that do.",
    docs: "Each case has a port; its name is what an edge's `sourceHandle` says. Names are different, and none is `error`. \
           With `on_error: continue` failed items leave by the last port: `fallback` if it is one of its own.\n\n\
           Different from n8n: ports have names, not numbers. The mode “expression” is a case a port that compares the \
           expression with the port's name. Items for which no case holds are dropped without `fallback`, as there; “send \
           data to all matching outputs” is `all_matching`. Conditions differ as those of `filter` do.",
    icon: "signpost",
    ports: OutputPorts::Each { list: "cases", name: "port", also: &["fallback"] },
    params: Params::TABLE,
    check: Params::check,
    example: Example {
        params: r#"{"cases": [{"port": "cheap", "where": {"left": "{{ $json.price }}", "op": "lt", "right": 10}}, {"port": "sale", "where": "{{ $json.sale }}"}], "fallback": "rest"}"#,
        input: r#"[{"sku": "A1", "price": 7}, {"sku": "B2", "price": 12, "sale": true}, {"sku": "C3", "price": 40}]"#,
        output: r#"{"cheap": [{"sku": "A1", "price": 7}], "sale": [{"sku": "B2", "price": 12, "sale": true}], "rest": [{"sku": "C3", "price": 40}]}"#,
    },
    ..COMPUTES
};
