//! What is checked of a document as a whole: its limits and its settings.

use serde_json::{Map, Value};

use crate::{
    kinds::params::path::FieldPath,
    limits, measure,
    violation::{ViolationCode as Code, Violations},
    workflow::WorkflowDocument,
};

pub(super) fn check_document(document: &WorkflowDocument, violations: &mut Violations) {
    let length = document.name.chars().count();
    if document.name.trim().is_empty() || length > 200 {
        violations.add("name", Code::InvalidValue, "a workflow's name has 1 to 200 characters");
    }
    for (path, count, limit, name) in [
        ("nodes", document.nodes.len(), limits::MAX_NODES, "MAX_NODES"),
        ("edges", document.edges.len(), limits::MAX_EDGES, "MAX_EDGES"),
    ] {
        if count > limit {
            violations.add(path, Code::Limit, limits::above(count, path, limit, name));
        }
    }
    let settings = &document.settings;
    for (path, limit) in
        [("settings.timeout", settings.timeout), ("settings.start_timeout", settings.start_timeout)]
    {
        if limit.is_some_and(|limit| limit.0.is_zero()) {
            violations.add(path, Code::InvalidValue, "a run's time limit must be longer than zero");
        }
    }
    if settings.max_iterations.is_some_and(|most| !(1..=limits::MAX_ITERATIONS).contains(&most)) {
        let message = format!("iterations are 1 to {} (MAX_ITERATIONS)", limits::MAX_ITERATIONS);
        violations.add("settings.max_iterations", Code::InvalidValue, message);
    }
    let allowed = 1..=limits::MAX_CONCURRENCY;
    if settings.concurrency.as_ref().is_some_and(|concurrency| !allowed.contains(&concurrency.limit)) {
        let message = format!("a concurrency limit is 1 to {} (MAX_CONCURRENCY)", limits::MAX_CONCURRENCY);
        violations.add("settings.concurrency.limit", Code::InvalidValue, message);
    }
    let key = settings.concurrency.as_ref().and_then(|concurrency| concurrency.key.as_deref());
    if let Some(Err(error)) = key.map(FieldPath::parse) {
        violations.add("settings.concurrency.key", Code::InvalidValue, error.to_string());
    }
}

/// What the author wrote must not be nested so deeply that it cannot be read where it travels inside other documents.
pub(super) fn check_depth(document: &WorkflowDocument, violations: &mut Violations) {
    let mut check = |path: &str, fields: &Map<String, Value>| {
        for (name, value) in fields {
            if let Err(too_deep) = measure::value_bytes(value) {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                violations.add(path, Code::Limit, too_deep.to_string());
            }
        }
    };
    check("", &document.extra);
    check("settings", &document.settings.extra);
    for (i, node) in document.nodes.iter().enumerate() {
        check(&format!("nodes[{i}]"), &node.extra);
        check(&format!("nodes[{i}].data"), &node.data.extra);
        check(&format!("nodes[{i}].data.params"), &node.data.params);
    }
    for (i, edge) in document.edges.iter().enumerate() {
        check(&format!("edges[{i}]"), &edge.extra);
    }
}
