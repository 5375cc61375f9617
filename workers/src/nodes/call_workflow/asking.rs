//! Which workflow is called for an item.

use std::sync::Arc;

use domain::{ids::WorkflowId, kinds::call_workflow::Params, retry::Failure, run::NodeError};

use super::CallWorkflow;
use crate::{
    engine::Outcome,
    expr::{Ask, Evaluator, Form, Values, javascript_of},
    nodes::{CallContext, read_evaluated},
    step::{failed, unevaluated},
};

/// The workflow for each of these items, or what is wrong with its parameters.
///
/// # Errors
/// The step's outcome, when its JavaScript has no values at all.
pub(super) async fn workflows(
    node: &CallWorkflow,
    context: &CallContext,
    items: &[usize],
) -> Result<Vec<Result<WorkflowId, Box<NodeError>>>, Box<Outcome>> {
    let (scope, task) = (&context.scope, &context.task);
    let mut sources: Vec<Arc<str>> = Vec::new();
    javascript_of(&node.params, &mut sources);
    let mut values = Values::default();
    if !sources.is_empty() {
        let (sources, deadline) = (&*sources, context.deadline);
        let ask = Ask { scope, form: Form::Expression, sources, stop_at_limit: false, deadline };
        values = context.facilities.javascript.all(ask, items).await.map_err(|why| {
            let limit = task.node().map(|node| node.timeout).unwrap_or_default();
            let (error, failure): (Box<NodeError>, Failure) = unevaluated(why, limit);
            Box::new(failed(*error, failure))
        })?;
    }
    let mut evaluator = Evaluator::new(scope, values);
    let mut workflow = |item: usize| {
        let value = node.params.evaluate(&mut evaluator, item).map_err(Box::<NodeError>::from);
        let read = value.and_then(|value| read_evaluated(&value, Params::read_object));
        read.map(|params| params.workflow_id).map_err(|error| scope.without_env(error))
    };
    Ok(items.iter().map(|item| workflow(*item)).collect())
}
