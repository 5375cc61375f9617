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
    many_of_each(step, |evaluator, index, item| Ok(work(evaluator, index, item)?.into_iter().map(Ok)))
}

/// As [`each_item`], of which one may become many. When one of them cannot be made, none leaves.
pub(crate) fn many_of_each<'v, Made>(
    step: PureStep<'v>,
    mut work: impl FnMut(&mut Evaluator<'v>, usize, &'v Item) -> Result<Made, Box<NodeError>>,
) -> Outcome
where
    Made: IntoIterator<Item = Result<(&'v Port, Item), Box<NodeError>>>,
{
    let PureStep { node, task, scope, mut evaluator, deadline } = step;
    let mut output = OutputBuilder::of(node, &task.inputs);
    let mut failures = Failures::of(node);
    for (index, item) in scope.input.iter().enumerate() {
        if Instant::now() >= deadline {
            return timed_out(node.timeout);
        }
        let mark = output.mark();
        let made = work(&mut evaluator, index, item);
        let stopped = made.map_err(Stopped::Item).and_then(|made| {
            made.into_iter().enumerate().try_for_each(|(place, one)| {
                let (port, made) = one.map_err(Stopped::Item)?;
                if place > 0 && Instant::now() >= deadline {
                    return Err(Stopped::Late);
                }
                output.push(port, made, CameFrom::Item(index)).map_err(Stopped::Above)
            })
        });
        match stopped {
            Ok(()) => {}
            Err(Stopped::Late) => return timed_out(node.timeout),
            Err(Stopped::Above(above)) => return failed_for_good(above),
            Err(Stopped::Item(error)) => {
                output.back_to(&mark);
                let Some((port, left)) = failures.note(index, item, *scope.without_env(error)) else { break };
                if let Err(above) = output.push(port, left, CameFrom::Item(index)) {
                    return failed_for_good(above);
                }
            }
        }
    }
    failures.finish(scope.input.len(), output.finish())
}

/// Why an item's work ended before it was done.
enum Stopped {
    /// It failed.
    Item(Box<NodeError>),
    /// The step's output is above a limit.
    Above(Box<NodeError>),
    /// The step's time is up.
    Late,
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
