//! `noop`: passes its items on.

use super::declaration::{COMPUTES, Declaration, Example, Group};

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "noop",
    title: "No operation",
    group: Group::Flow,
    summary: "Passes its items on as they are.",
    docs: "A place where branches meet: the items of all its edges leave as one list, in the order of the edges.\n\n\
           Different from n8n: edges that meet are one list and one step, where there each edge makes the node and all \
           behind it run again.",
    icon: "circle-dot",
    error_port: false,
    example: Example { params: "{}", input: r#"[{"sku": "A1"}]"#, output: r#"{"main": [{"sku": "A1"}]}"# },
    ..COMPUTES
};
