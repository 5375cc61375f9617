//! `if`: sends every item to the port `true` or `false`.

use super::{
    declaration::{COMPUTES, Declaration, Example, Group, OutputPorts},
    params::condition::Params,
};

/// The port of items for which the condition holds.
pub const TRUE: &str = "true";

/// The port of the others.
pub const FALSE: &str = "false";

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "if",
    title: "If",
    group: Group::Flow,
    summary: "Sends every item to the port `true` or to the port `false`.",
    docs: "A port without items skips the nodes behind it.\n\n\
           Different from n8n: the ports have names, `true` and `false`; both sides may run at the same time. Conditions \
           differ as those of `filter` do. With `on_error: continue` an item that cannot be compared leaves by `false`.",
    icon: "split",
    ports: OutputPorts::Fixed(&[TRUE, FALSE]),
    params: Params::TABLE,
    check: Params::check,
    example: Example {
        params: r#"{"where": {"left": "{{ $json.price }}", "op": "lte", "right": 29}}"#,
        input: r#"[{"sku": "A1", "price": 12.5}, {"sku": "B2", "price": 40}]"#,
        output: r#"{"true": [{"sku": "A1", "price": 12.5}], "false": [{"sku": "B2", "price": 40}]}"#,
    },
    ..COMPUTES
};
