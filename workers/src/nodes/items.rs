//! Kinds that work item by item: one loop over the items, and what becomes of those that fail.

use std::time::Instant;

use domain::{
    definition::Node,
    items::{ERROR, Item, Output, Port, error_field},
    retry::Failure,
    run::NodeError,
    workflow::OnError,
};
use serde_json::json;

use super::{
    PureStep,
    output::{CameFrom, OutputBuilder},
};
use crate::{
    engine::{Outcome, StepFailure},
    expr::Evaluator,
    step::{failed_for_good, timed_out},
};

/// Works on every item, of which one, several or none leave. Under `on_error: fail` the first failure ends it, else the
/// others go on.
pub(crate) fn each_item<'v, M: IntoIterator<Item = (&'v Port, Item)>>(
    step: PureStep<'v>,
    mut work: impl FnMut(&mut Evaluator<'v>, usize, &'v Item) -> Result<M, Box<NodeError>>,
) -> Outcome {
    let PureStep { node, task, scope, mut evaluator, deadline } = step;
    let mut output = OutputBuilder::of(node, &task.inputs);
    let mut failures = Failures::of(node);
    for (index, item) in scope.input.iter().enumerate() {
        if Instant::now() >= deadline {
            return timed_out(node.timeout);
        }
        let pushed = match work(&mut evaluator, index, item) {
            Ok(made) => {
                made.into_iter().try_for_each(|(port, made)| output.push(port, made, CameFrom::Item(index)))
            }
            Err(error) => match failures.note(index, item, *scope.without_env(error)) {
                Some((port, left)) => output.push(port, left, CameFrom::Item(index)),
                None => break,
            },
        };
        if let Err(above) = pushed {
            return failed_for_good(above);
        }
    }
    failures.finish(scope.input.len(), output.finish())
}

/// Items that failed for good.
#[derive(Debug)]
pub(crate) struct Failures<'n> {
    node: &'n Node,
    first: Option<(usize, NodeError)>,
    count: usize,
}

impl<'n> Failures<'n> {
    pub(crate) fn of(node: &'n Node) -> Self {
        Self { node, first: None, count: 0 }
    }

    /// Notes a failed item. What leaves in its place, and by which port; `None`: nothing does, for the whole step fails
    /// with it.
    pub(crate) fn note(&mut self, index: usize, item: &Item, error: NodeError) -> Option<(&'n Port, Item)> {
        self.count += 1;
        let left = self.node.failed_port().map(|port| {
            let mut left = item.clone();
            left.insert(ERROR.to_owned(), error_field(&error));
            (port, left)
        });
        if self.first.is_none() {
            self.first = Some((index, error));
        }
        left
    }

    /// The outcome: `output` is everything, failed items in their places.
    pub(crate) fn finish(self, items: usize, output: Output) -> Outcome {
        match self.error(items) {
            None => Outcome::Succeeded(output),
            Some((error, fallback)) => Outcome::Failed(Box::new(StepFailure {
                error,
                failure: Failure::Permanent,
                partial: None,
                fallback: fallback.then_some(output),
            })),
        }
    }

    /// The step's error, and whether the run may go on with what there is.
    pub(crate) fn error(self, items: usize) -> Option<(NodeError, bool)> {
        let (index, mut error) = self.first?;
        if items > 1 {
            let mut details = error.details.take().unwrap_or_else(|| json!({}));
            if let Some(details) = details.as_object_mut() {
                details.insert("item".to_owned(), index.into());
                details.insert("failed_items".to_owned(), self.count.into());
            }
            error.details = Some(details);
            error.message = match self.count {
                1 => format!("item {index}: {}", error.message),
                count => {
                    format!("{count} of {items} items failed; the first, item {index}: {}", error.message)
                }
            };
        }
        Some((error, self.node.on_error != OnError::Fail))
    }
}
