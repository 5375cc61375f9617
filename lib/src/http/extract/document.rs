//! The documents that clients send: what each field of a workflow may be.

use http::StatusCode;
use serde_json::Value;

use super::{
    super::problem::ApiError,
    shape::{self, Fields, Shape, chosen, parsed},
};
use domain::{
    duration::HumanDuration,
    ids::{NodeId, WorkflowId},
    json::{self, NotJson},
    measure::levels_of_text,
    violation::{Violation, ViolationCode, Violations},
    workflow::{
        AboveLimit, Concurrency, EdgeDocument, NodeData, NodeDocument, OnError, RetryDocument, Settings,
        WorkflowDocument,
    },
};

/// Reads JSON; halves of surrogate pairs become U+FFFD.
///
/// # Errors
/// 400 with line and column for what is not JSON; 422 for what is nested deeper than a reader can take.
pub(super) fn json(bytes: &[u8]) -> Result<Value, ApiError> {
    json::parse(bytes).map_err(|error| match NotJson::of(bytes, &error) {
        NotJson::TooDeep(too_deep) => {
            let message = format!("{too_deep}; it has {}", levels_of_text(bytes));
            let detail = format!("the body cannot be read: {message}");
            let violation = Violation { path: String::new(), code: ViolationCode::Limit, message };
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "too_deep", detail)
                .with_violations(vec![violation])
        }
        NotJson::Syntax(said) => {
            ApiError::new(StatusCode::BAD_REQUEST, "invalid_json", format!("the body is not JSON: {said}"))
        }
    })
}

/// Reads a workflow document.
///
/// # Errors
/// 400 for what is not JSON; 422 with all that does not fit.
pub(super) fn workflow(bytes: &[u8]) -> Result<WorkflowDocument, ApiError> {
    shape::read(json(bytes)?).map_err(super::invalid_workflow)
}

impl Shape for WorkflowDocument {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let mut fields = Fields::of(value, at, misfits)?;
        let name = fields.required("name");
        let active = fields.or_default("active");
        let nodes = fields.required("nodes");
        let edges = fields.or_default("edges");
        let settings = fields.or_default("settings");
        Some(Self {
            name: name?,
            active: active?,
            nodes: nodes?,
            edges: edges?,
            settings: settings?,
            extra: fields.rest(),
        })
    }
}

impl Shape for NodeDocument {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let mut fields = Fields::of(value, at, misfits)?;
        let id = fields.required("id");
        let kind = fields.required("type");
        let data = fields.or_default("data");
        Some(Self { id: id?, kind: kind?, data: data?, extra: fields.rest() })
    }
}

impl Shape for NodeData {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let mut fields = Fields::of(value, at, misfits)?;
        let label = fields.optional("label");
        let params = fields.or_default("params");
        let timeout = fields.optional("timeout");
        let retry = fields.optional("retry");
        let on_error = fields.optional("on_error");
        let always_output = fields.or_default("always_output");
        let execute_once = fields.or_default("execute_once");
        let disabled = fields.or_default("disabled");
        Some(Self {
            label: label?,
            params: params?,
            timeout: timeout?,
            retry: retry?,
            on_error: on_error?,
            always_output: always_output?,
            execute_once: execute_once?,
            disabled: disabled?,
            extra: fields.rest(),
        })
    }
}

impl Shape for RetryDocument {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let mut fields = Fields::of(value, at, misfits)?;
        let max_attempts = fields.optional("max_attempts");
        let base = fields.optional("base");
        let max_delay = fields.optional("max_delay");
        fields.nothing_else("known are: max_attempts, base, max_delay")?;
        Some(Self { max_attempts: max_attempts?, base: base?, max_delay: max_delay? })
    }
}

impl Shape for EdgeDocument {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let mut fields = Fields::of(value, at, misfits)?;
        let id = fields.optional("id");
        let source = fields.required("source");
        let source_handle = fields.optional("sourceHandle");
        let target = fields.required("target");
        let target_handle = fields.optional("targetHandle");
        Some(Self {
            id: id?,
            source: source?,
            source_handle: source_handle?,
            target: target?,
            target_handle: target_handle?,
            extra: fields.rest(),
        })
    }
}

impl Shape for Settings {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let mut fields = Fields::of(value, at, misfits)?;
        let timeout = fields.optional("timeout");
        let start_timeout = fields.optional("start_timeout");
        let max_iterations = fields.optional("max_iterations");
        let concurrency = fields.optional("concurrency");
        let error_workflow = fields.optional("error_workflow");
        let alert_workflow = fields.optional("alert_workflow");
        Some(Self {
            timeout: timeout?,
            start_timeout: start_timeout?,
            max_iterations: max_iterations?,
            concurrency: concurrency?,
            error_workflow: error_workflow?,
            alert_workflow: alert_workflow?,
            extra: fields.rest(),
        })
    }
}

impl Shape for Concurrency {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let mut fields = Fields::of(value, at, misfits)?;
        let limit = fields.required("limit");
        let key = fields.optional("key");
        let above = fields.or_default("above");
        fields.nothing_else("known are: limit, key, above")?;
        Some(Self { limit: limit?, key: key?, above: above? })
    }
}

impl Shape for OnError {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let choices = [("fail", Self::Fail), ("continue", Self::Continue), ("error_port", Self::ErrorPort)];
        chosen(value, at, misfits, &choices)
    }
}

impl Shape for AboveLimit {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let choices = [("queue", Self::Queue), ("skip", Self::Skip), ("cancel_oldest", Self::CancelOldest)];
        chosen(value, at, misfits, &choices)
    }
}

impl Shape for HumanDuration {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        parsed(value, at, misfits, str::parse)
    }
}

impl Shape for NodeId {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        parsed(value, at, misfits, str::parse)
    }
}

impl Shape for WorkflowId {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let id =
            |text: &str| text.parse().map_err(|_| format!("a workflow's id is a UUID, and {text:?} is not"));
        parsed(value, at, misfits, id)
    }
}

#[cfg(test)]
mod tests;
