//! `noop`: passes its items on.

use super::declaration::{COMPUTES, Declaration, Example, Group};

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "noop",
    title: "No operation",
    group: Group::Flow,
    summary: "Passes its items on as they are.",
    docs: "A place where branches meet: the items of all its edges leave as one list, in the order of the edges.",
    icon: "circle-dot",
    error_port: false,
    example: Example { params: "{}", input: r#"[{"sku": "A1"}]"#, output: r#"{"main": [{"sku": "A1"}]}"# },
    ..COMPUTES
};
