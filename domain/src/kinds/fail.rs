//! `fail`: ends the run with an error of the author's.

use serde_json::Value;

use super::{
    declaration::{COMPUTES, Declaration, Example, Group, OutputPorts},
    params::params,
};

params! {
    /// Its parameters.
    pub struct Params {
        /// What the error says.
        message: String;
        /// What the error carries for programs.
        details: Option<Value>;
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "fail",
    title: "Fail",
    group: Group::Flow,
    summary: "Ends the run as failed, with an error of the author's.",
    docs: "Its expressions see the first item. The error's code is `failed`.\n\n\
           Different from n8n: an error with an object is `message` and `details`. It has no port: what should go on is \
           decided before it.",
    icon: "octagon-x",
    ports: OutputPorts::Fixed(&[]),
    error_port: false,
    params: Params::TABLE,
    check: Params::check,
    example: Example {
        params: r#"{"message": "order {{ $json.id }} has no lines", "details": {"order": "{{ $json.id }}"}}"#,
        input: r#"[{"id": 7}]"#,
        output: "{}",
    },
    ..COMPUTES
};
