//! The node kinds at work. A kind is one file here and one with its declaration in `domain::kinds`.

mod aggregate;
mod call_workflow;
mod code;
mod condition;
mod crypto;
mod date_time;
mod dedupe;
mod fail;
mod filter;
mod groups;
mod html;
mod html_document;
mod http_request;
mod if_;
mod items;
mod limit;
mod loop_;
mod manual;
mod markdown;
mod merge;
mod noop;
mod output;
mod prepared;
mod rename;
mod respond;
mod same;
mod set;
mod sort;
mod split;
mod summarize;
mod summary;
mod switch;
mod transform;
mod wait;
mod whole;
mod xml;

use std::{ops::Range, sync::Arc, time::Instant};

use domain::violation::ViolationCode as Code;
use domain::{
    definition::{Definition, Node},
    items::Port,
    kinds::{
        self, Kind,
        params::{At, Reader, path::PathError},
    },
    run::NodeError,
    template::InvalidTemplate,
    trace::TraceContext,
    violation::{Violation, Violations},
};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use self::{
    output::{CameFrom, OutputBuilder},
    transform::EachItem,
    whole::Whole,
};
use crate::{
    engine::Outcome,
    expr::{Evaluator, Expression, Form, Param, Scope, javascript_of},
    step::{Facilities, StepTask, failed_for_good},
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
    /// Visits its parameters, in the order in which they are evaluated.
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param));
    /// The places of the items for which an attempt evaluates them.
    fn evaluates(&self, task: &StepTask) -> Range<usize> {
        0..task.inputs.len()
    }
    /// How many items it goes through.
    fn works_on(&self, task: &StepTask) -> usize {
        task.inputs.len()
    }
    /// What its sources in JavaScript are.
    fn form(&self) -> Form {
        Form::Expression
    }
    /// Whether it may take milliseconds for a few items: it compiles regular expressions, reads markup, or makes many
    /// items of one.
    fn takes_long(&self) -> bool {
        false
    }
    fn run<'v>(&'v self, step: PureStep<'v>) -> Outcome;
}

/// A node that calls somebody.
pub(crate) trait Call: Send + Sync + std::fmt::Debug {
    /// Visits its parameters, in the order in which they are evaluated.
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param));
    /// Runs it. It must end at the deadline by itself, with what it has done so far.
    fn call(&self, context: CallContext) -> BoxFuture<'_, Outcome>;
}

/// What the runner asks of a node before it runs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traits {
    pub(crate) needs_javascript: bool,
    pub(crate) reads_outputs: bool,
    pub(crate) takes_long: bool,
    /// Values that are evaluated or set for each item.
    pub(crate) values: usize,
}

/// What a computing node works with.
pub(crate) struct PureStep<'v> {
    pub(crate) node: &'v Node,
    pub(crate) task: &'v StepTask,
    pub(crate) scope: &'v Arc<Scope>,
    pub(crate) evaluator: Evaluator<'v>,
    pub(crate) deadline: Instant,
}

/// What a calling node works with.
pub(crate) struct CallContext {
    pub(crate) facilities: Arc<Facilities>,
    pub(crate) scope: Arc<Scope>,
    pub(crate) task: StepTask,
    pub(crate) deadline: Instant,
    /// The attempt's span.
    pub(crate) trace: TraceContext,
}

impl Executable {
    pub(crate) fn traits(&self) -> Traits {
        let takes_long = matches!(self, Self::Pure(pure) if pure.takes_long());
        let mut traits = Traits { values: 1, takes_long, ..Traits::default() };
        self.params(&mut |param| {
            traits.values += 1;
            param.expressions(&mut |expression: &Expression| {
                traits.values += 1;
                traits.needs_javascript |= expression.needs_javascript();
                traits.reads_outputs |= expression.reads_outputs();
            });
        });
        traits
    }

    /// The texts of its expressions that need JavaScript.
    pub(crate) fn javascript(&self) -> Vec<Arc<str>> {
        let mut sources = Vec::new();
        self.params(&mut |param| javascript_of(param, &mut sources));
        sources
    }

    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        match self {
            Self::Pure(pure) => pure.params(visit),
            Self::Call(call) => call.params(visit),
        }
    }
}

/// Why a node cannot be made ready.
#[derive(Debug)]
enum Unready {
    Expression(InvalidTemplate),
    /// As it was read here; the validation of the definition should have said so.
    Params(Vec<Violation>),
}

impl std::convert::From<InvalidTemplate> for Unready {
    fn from(error: InvalidTemplate) -> Self {
        Self::Expression(error)
    }
}

/// Compiles every node of a workflow.
pub(crate) fn compile(definition: &Definition) -> Result<Vec<Executable>, Vec<Violation>> {
    let mut violations = Violations::new();
    let mut nodes = Vec::with_capacity(definition.nodes.len());
    for (i, node) in definition.nodes.iter().enumerate() {
        match compile_node(node, definition) {
            Ok(executable) => nodes.push(executable),
            Err(Unready::Expression(error)) => {
                violations.add(format!("nodes[{i}].data.params"), Code::InvalidExpression, error.to_string());
            }
            Err(Unready::Params(found)) => {
                for Violation { path, code, message } in found {
                    violations.add(format!("nodes[{i}].data.{path}"), code, message);
                }
            }
        }
    }
    violations.or(nodes)
}

fn compile_node(node: &Node, definition: &Definition) -> Result<Executable, Unready> {
    if node.disabled {
        return Ok(Executable::Pure(Box::new(noop::Noop)));
    }
    Ok(match node.kind {
        // What started the run gave it its input: a schedule its item, a webhook the request.
        Kind::Manual | Kind::Schedule | Kind::Webhook => Executable::Pure(Box::new(manual::Manual)),
        Kind::HttpRequest => {
            Executable::Call(Box::new(http_request::HttpRequest::compile(node, definition)?))
        }
        Kind::Set => Executable::Pure(Box::new(set::Set::compile(node, definition)?)),
        Kind::If => Executable::Pure(Box::new(if_::If::compile(node, definition)?)),
        Kind::Switch => Executable::Pure(Box::new(switch::Switch::compile(node, definition)?)),
        Kind::Filter => Executable::Pure(Box::new(filter::Filter::compile(node, definition)?)),
        Kind::Merge => Executable::Pure(Box::new(merge::Merge::compile(node, definition)?)),
        Kind::Split => computing(split::Split::compile(node, definition)?),
        Kind::Aggregate => {
            let read = kinds::aggregate::Params::read;
            computing(Whole::compile(node, definition, read, aggregate::work)?.taking_long())
        }
        Kind::Sort => computing(Whole::compile(node, definition, kinds::sort::Params::read, sort::work)?),
        Kind::Limit => {
            computing(Whole::compile(node, definition, kinds::limit::Params::read_object, limit::work)?)
        }
        Kind::Dedupe => {
            let read = kinds::dedupe::Params::read_object;
            computing(Whole::compile(node, definition, read, dedupe::work)?.taking_long())
        }
        Kind::Summarize => {
            let read = kinds::summarize::Params::read;
            computing(Whole::compile(node, definition, read, summarize::work)?.taking_long())
        }
        Kind::Rename => computing(rename::Rename::compile(node, definition)?),
        Kind::Code => computing(code::Code::compile(node)?),
        Kind::DateTime => computing(EachItem::<date_time::Dates>::compile(node, definition)?),
        Kind::Crypto => computing(EachItem::<crypto::Crypto>::compile(node, definition)?),
        Kind::Html => Executable::Pure(html::compile(node, definition)?),
        Kind::Xml => computing(EachItem::<xml::Xml>::compile(node, definition)?),
        Kind::Markdown => computing(EachItem::<markdown::Markdown>::compile(node, definition)?),
        Kind::Wait => Executable::Pure(Box::new(wait::Wait::compile(node, definition)?)),
        Kind::Loop => Executable::Pure(Box::new(loop_::Loop::compile(node, definition)?)),
        Kind::CallWorkflow => {
            Executable::Call(Box::new(call_workflow::CallWorkflow::compile(node, definition)?))
        }
        Kind::Respond => computing(respond::Respond::compile(node, definition)?),
        Kind::Noop => Executable::Pure(Box::new(noop::Noop)),
        Kind::Fail => Executable::Pure(Box::new(fail::Fail::compile(node, definition)?)),
    })
}

fn computing(pure: impl Pure + 'static) -> Executable {
    Executable::Pure(Box::new(pure))
}

/// All parameters of a node, compiled.
fn compile_params(node: &Node, definition: &Definition) -> Result<Param, InvalidTemplate> {
    Param::compile(&Value::Object(node.params.clone()), definition)
}

/// Everything that came in leaves by the node's first port as it is.
fn pass_on(step: &PureStep<'_>) -> Outcome {
    match step.node.first_port() {
        Some(port) => pass_on_by(step, port),
        None => Outcome::Succeeded(OutputBuilder::of(step.node, &step.task.inputs).finish()),
    }
}

/// Everything that came in leaves by that port as it is.
fn pass_on_by(step: &PureStep<'_>, port: &Port) -> Outcome {
    let mut output = OutputBuilder::of(step.node, &step.task.inputs);
    // What one port emitted is within the limits already.
    if let [only] = step.task.inputs.0.as_slice() {
        let mut output = output.finish();
        output.ports.insert(Arc::clone(port), Arc::clone(&only.items));
        return Outcome::Succeeded(output);
    }
    for (index, item) in step.scope.input.iter().enumerate() {
        if let Err(above) = output.push(port, item.clone(), CameFrom::Item(index)) {
            return failed_for_good(above);
        }
    }
    Outcome::Succeeded(output.finish())
}

/// A path that does not fit its item.
fn misfit(error: &PathError) -> Box<NodeError> {
    Box::new(NodeError::new("invalid_path", error.to_string()))
}

/// Reads evaluated parameters.
fn read_evaluated<T>(
    params: &Value,
    read: impl FnOnce(&Map<String, Value>, &At<'_>, &mut Reader<'_>) -> Option<T>,
) -> Result<T, Box<NodeError>> {
    let Some(object) = params.as_object() else {
        return Err(NodeError::new("invalid_params", "the parameters are not an object").into());
    };
    let mut violations = Violations::new();
    let read = read(object, &At::root("params"), &mut Reader::evaluated(&mut violations));
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
