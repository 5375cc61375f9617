//! `manual`: starts a run on request and emits the run's input.

use super::declaration::{COMPUTES, Declaration, Example, Group};

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "manual",
    title: "Manual start",
    group: Group::Triggers,
    summary: "Starts a run when somebody asks for it, and gives the run's input.",
    docs: "An object as input is one item, a list of objects one item each. A run without input gets one empty item.\n\n\
           Different from n8n: nothing. What a workflow is started with through the API is its input here; there it is what \
           a test run has pinned.",
    icon: "play",
    trigger: true,
    single: true,
    error_port: false,
    example: Example { params: "{}", input: r#"[{"sku": "A1"}]"#, output: r#"{"main": [{"sku": "A1"}]}"# },
    ..COMPUTES
};
