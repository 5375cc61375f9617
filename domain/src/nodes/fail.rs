//! `fail`: ends the run with an error of the author's.

use serde_json::Value;

use super::{KindInfo, computes, fields::Fields};

/// Its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    /// What the error says.
    pub message: String,
    /// What the error carries.
    pub details: Option<Value>,
}

/// Reads the parameters.
pub fn read(fields: &mut Fields<'_>) -> Option<Params> {
    let (message, details) = (fields.required("message"), fields.optional("details"));
    Some(Params { message: message?, details })
}

/// The kind.
pub static KIND: KindInfo = KindInfo {
    ports: |_| Vec::new(),
    error_port: false,
    check: |fields| {
        read(fields);
    },
    ..computes("fail")
};
