//! The node kinds: what each is called, which parameters it takes and which ports it has.
//!
//! A kind is one file here with its parameters and one in `workers::nodes` with its execution, same name. Its name
//! is for ever. The same `read` serves twice: when a document is saved (values that hold expressions are left
//! unchecked) and when the worker has evaluated the expressions.

pub mod condition;
pub mod fail;
pub mod fields;
pub mod http_request;
pub mod if_;
pub mod manual;
pub mod merge;
pub mod noop;
pub mod path;
pub mod set;

use std::time::Duration;

use fields::Fields;
use serde_json::{Map, Value};

use super::{retry::RetryPolicy, violation::Violations};

/// What the engine and the validation know of a kind.
#[derive(Debug)]
pub struct KindInfo {
    /// Its name in documents.
    pub name: &'static str,
    /// Whether it starts runs; a trigger has no incoming edges.
    pub trigger: bool,
    /// Whether it only computes: such a step has no effect outside, so it may run before its start is durable.
    pub pure: bool,
    /// Whether a workflow may have only one.
    pub single: bool,
    /// Its output ports, given its parameters; without `error`, which comes from `on_error: error_port`.
    pub ports: fn(&Map<String, Value>) -> Vec<String>,
    /// The inputs it tells apart (`targetHandle`); empty: it does not.
    pub inputs: &'static [&'static str],
    /// Whether it can fail item by item, and so has the port `error` under `on_error: error_port`.
    pub error_port: bool,
    /// Time limit of one attempt when the node has none.
    pub timeout: Duration,
    /// Retries when the node has no policy of its own.
    pub retry: RetryPolicy,
    /// Checks the parameters of a saved document.
    pub check: fn(&mut Fields<'_>),
}

/// Every kind.
pub static KINDS: [&KindInfo; 7] =
    [&manual::KIND, &http_request::KIND, &set::KIND, &if_::KIND, &merge::KIND, &noop::KIND, &fail::KIND];

/// The kind with that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static KindInfo> {
    KINDS.into_iter().find(|kind| kind.name == name)
}

/// Checks a node's parameters; `path` is where they stand in the document.
pub fn check(kind: &KindInfo, params: &Map<String, Value>, path: &str, violations: &mut Violations) {
    let mut fields = Fields::of_document(params, path, violations);
    (kind.check)(&mut fields);
    fields.finish();
}

const fn computes(name: &'static str) -> KindInfo {
    KindInfo {
        name,
        trigger: false,
        pure: true,
        single: false,
        ports: |_| vec![super::items::MAIN.to_owned()],
        inputs: &[],
        error_port: true,
        timeout: Duration::from_secs(30),
        retry: RetryPolicy::standard(1, Duration::ZERO),
        check: |_| {},
    }
}

#[cfg(test)]
mod tests;
