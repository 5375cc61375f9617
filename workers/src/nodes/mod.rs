//! The node kinds at work. A kind is one file here and one with its parameters in `domain::nodes`.

mod fail;
mod http_request;
mod if_;
mod items;
mod manual;
mod merge;
mod noop;
mod output;
mod set;

use std::{sync::Arc, time::Instant};

use domain::{
    definition::{Definition, Node},
    items::{ERROR, Item, Items, MAIN, Ports},
    nodes::fields::Fields,
    retry::Failure,
    run::NodeError,
    template::InvalidTemplate,
    trace::TraceContext,
    violation::{Violation, Violations},
    workflow::OnError,
};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

pub(crate) use http_request::HttpClient;
pub use http_request::{Allow, HttpSettings, HttpSetupError, InvalidAllow};

use crate::{
    engine::{Outcome, StepFailure},
    expr::{Evaluator, Expression, Param, Scope},
    runner::{Shared, StepTask},
};

/// A node of a workflow, ready to run.
#[derive(Debug)]
pub(crate) enum Executable {
    /// It only computes.
    Pure(Box<dyn Pure>),
    /// It calls somebody.
    Call(Box<dyn Call>),
}

/// A node that only computes.
pub(crate) trait Pure: Send + Sync + std::fmt::Debug {
    fn traits(&self) -> Traits;
    fn run<'v>(&'v self, step: PureStep<'v>) -> Outcome;
}

/// A node that calls somebody.
pub(crate) trait Call: Send + Sync + std::fmt::Debug {
    fn traits(&self) -> Traits;
    /// Runs it. It must end at the deadline by itself, with what it has done so far.
    fn call(&self, context: CallContext) -> BoxFuture<'_, Outcome>;
}

/// What the runner asks of a node before it runs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traits {
    pub(crate) needs_javascript: bool,
    pub(crate) reads_outputs: bool,
    /// Values that are evaluated or set for each item.
    pub(crate) values: usize,
}

impl Traits {
    /// The traits of a node with these parameters.
    fn of<'p>(params: impl IntoIterator<Item = &'p Param>) -> Self {
        let mut traits = Self { values: 1, ..Self::default() };
        for param in params {
            traits.values += 1;
            param.expressions(&mut |expression: &Expression| {
                traits.values += 1;
                traits.needs_javascript |= expression.needs_javascript();
                traits.reads_outputs |= expression.reads_outputs();
            });
        }
        traits
    }
}

/// What a computing node works with.
pub(crate) struct PureStep<'v> {
    pub(crate) node: &'v Node,
    pub(crate) scope: &'v Arc<Scope>,
    pub(crate) inputs: &'v [(Option<String>, Items)],
    pub(crate) evaluator: Evaluator<'v>,
    pub(crate) deadline: Instant,
}

/// What a calling node works with.
pub(crate) struct CallContext {
    pub(crate) shared: Arc<Shared>,
    pub(crate) scope: Arc<Scope>,
    pub(crate) task: StepTask,
    pub(crate) deadline: Instant,
    /// The attempt's span.
    pub(crate) trace: TraceContext,
}

impl Executable {
    pub(crate) fn traits(&self) -> Traits {
        match self {
            Self::Pure(pure) => pure.traits(),
            Self::Call(call) => call.traits(),
        }
    }
}

/// Compiles every node of a workflow.
pub(crate) fn compile(definition: &Definition) -> Result<Vec<Executable>, Vec<Violation>> {
    let mut violations = Violations::new();
    let mut nodes = Vec::with_capacity(definition.nodes.len());
    for (i, node) in definition.nodes.iter().enumerate() {
        match compile_node(node, definition) {
            Ok(Some(executable)) => nodes.push(executable),
            Ok(None) => {
                let message =
                    format!("this worker cannot run {:?}; it is older than the workflow", node.kind.name);
                violations.add(format!("nodes[{i}].type"), "unknown_kind", message);
            }
            Err(error) => {
                violations.add(format!("nodes[{i}].data.params"), "invalid_expression", error.to_string());
            }
        }
    }
    violations.or(nodes)
}

/// `None`: no such kind.
fn compile_node(node: &Node, definition: &Definition) -> Result<Option<Executable>, InvalidTemplate> {
    Ok(Some(match node.kind.name {
        "manual" => Executable::Pure(Box::new(manual::Manual)),
        "noop" => Executable::Pure(Box::new(noop::Noop)),
        "set" => Executable::Pure(Box::new(set::Set::compile(node, definition)?)),
        "if" => Executable::Pure(Box::new(if_::If::compile(node, definition)?)),
        "merge" => Executable::Pure(Box::new(merge::Merge::compile(node, definition)?)),
        "fail" => Executable::Pure(Box::new(fail::Fail::compile(node, definition)?)),
        "http_request" => Executable::Call(Box::new(http_request::HttpRequest::compile(node, definition)?)),
        _ => return Ok(None),
    }))
}

/// All parameters of a node, compiled.
fn compile_params(node: &Node, definition: &Definition) -> Result<Param, InvalidTemplate> {
    Param::compile(&Value::Object(node.params.clone()), definition)
}

/// A failure of the whole step, with nothing to go on with.
pub(crate) fn failed(error: NodeError, failure: Failure) -> Outcome {
    Outcome::Failed(Box::new(StepFailure { error, failure, partial: None, fallback: Ports::new() }))
}

/// A permanent failure of the whole step; under `on_error: continue | error_port` one item tells of it.
fn failed_as_a_whole(node: &Node, error: Box<NodeError>) -> Outcome {
    let mut item = Item::new();
    item.insert(ERROR.to_owned(), error_field(&error));
    let port = failed_items_port(node);
    let fallback = if node.on_error == OnError::Fail {
        Ports::new()
    } else {
        Ports::from([(port.into(), Arc::new(vec![item]))])
    };
    Outcome::Failed(Box::new(StepFailure {
        error: *error,
        failure: Failure::Permanent,
        partial: None,
        fallback,
    }))
}

/// By which port failed items leave: `error` if the node has it, else `main`, else (an `if`) its last one.
fn failed_items_port(node: &Node) -> String {
    if node.on_error == OnError::ErrorPort {
        return ERROR.to_owned();
    }
    let mut ports = (node.kind.ports)(&node.params);
    if ports.iter().any(|port| port == MAIN) {
        MAIN.to_owned()
    } else {
        ports.pop().unwrap_or_else(|| MAIN.to_owned())
    }
}

/// What a failed item carries in its field `error`.
fn error_field(error: &NodeError) -> Value {
    let mut field = json!({ "code": error.code, "message": error.message });
    if let Some(details) = &error.details {
        field["details"] = details.clone();
    }
    field
}

/// Reads evaluated parameters.
fn read_evaluated<T>(
    params: &Value,
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Result<T, Box<NodeError>> {
    let Some(object) = params.as_object() else {
        return Err(NodeError::new("invalid_params", "the parameters are not an object").into());
    };
    let mut violations = Violations::new();
    let mut fields = Fields::evaluated(object, &mut violations);
    let read = read(&mut fields);
    match (read, violations.into_vec()) {
        (Some(read), violations) if violations.is_empty() => Ok(read),
        (_, violations) => Err(Box::new(invalid_params(&violations))),
    }
}

fn invalid_params(violations: &[Violation]) -> NodeError {
    let said: Vec<_> = violations.iter().map(|one| format!("{}: {}", one.path, one.message)).collect();
    NodeError::new("invalid_params", said.join("; ")).with_details(json!({ "violations": violations }))
}

#[cfg(test)]
mod tests;
