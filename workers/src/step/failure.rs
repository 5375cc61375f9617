//! How an attempt fails that could not say so itself.

use std::time::Duration;

use domain::{duration::HumanDuration, retry::Failure, run::NodeError};

use serde_json::json;

use super::StepTask;
use crate::{
    engine::{Outcome, StepFailure},
    expr::Unevaluated,
};

/// A failure of the whole step: under `on_error: continue | error_port` the items that it was given leave with the error.
pub(crate) fn failed(error: NodeError, failure: Failure) -> Outcome {
    Outcome::Failed(Box::new(StepFailure { error, failure, partial: None, fallback: None }))
}

/// A failure that no further attempt heals.
#[expect(clippy::boxed_local, reason = "boxed is how errors of nodes travel")]
pub(crate) fn failed_for_good(error: Box<NodeError>) -> Outcome {
    failed(*error, Failure::Permanent)
}

/// The attempt took longer than the node's time limit.
pub(crate) fn timed_out(limit: Duration) -> Outcome {
    failed(timeout_error(limit), Failure::Timeout)
}

pub(crate) fn timeout_error(limit: Duration) -> NodeError {
    let limit = HumanDuration(limit);
    NodeError::new("timeout", format!("the attempt took longer than the node's time limit of {limit}"))
}

/// A step whose JavaScript has no values. What was begun is not begun again: it would end as it did.
pub(crate) fn unevaluated(why: Unevaluated, limit: Duration) -> (Box<NodeError>, Failure) {
    let own = |code: &str| Box::new(NodeError::new(code, why.to_string()));
    match why {
        Unevaluated::Late => (timeout_error(limit).into(), Failure::Timeout),
        Unevaluated::OutOfTime => (timeout_error(limit).into(), Failure::Permanent),
        Unevaluated::Stuck(expression) => (expression.into(), Failure::Permanent),
        Unevaluated::Silent(_) | Unevaluated::Crashed(_) => (own("javascript_ended"), Failure::Permanent),
        Unevaluated::Busy(_) => (own("javascript_busy"), Failure::RateLimited { retry_after: None }),
        Unevaluated::Unavailable(_) => (own("javascript_unavailable"), Failure::Connection),
        Unevaluated::TooMuch(_) => (own("limit"), Failure::Permanent),
    }
}

/// The outcome with what was written to the console meanwhile.
pub(crate) fn with_console(mut outcome: Outcome, console: Vec<String>) -> Outcome {
    match &mut outcome {
        _ if console.is_empty() => {}
        Outcome::Succeeded(output) => output.console = console,
        Outcome::Failed(failed) => {
            let details = failed.error.details.get_or_insert_with(|| json!({}));
            if let Some(details) = details.as_object_mut() {
                details.insert("console".to_owned(), console.into());
            }
        }
        Outcome::Later(_) | Outcome::Calling(_) => {}
    }
    outcome
}

/// The step's code panicked. The log says where; what a panic says may hold anything, so nobody repeats it.
pub(crate) fn panicked() -> Outcome {
    internal("the node's code panicked, which is a bug of the worker; its log says where")
}

/// A bug of the worker, which no further attempt heals.
pub(crate) fn internal(message: &str) -> Outcome {
    failed(NodeError::new("internal_error", message), Failure::Permanent)
}

pub(crate) fn unknown_node(task: &StepTask) -> Outcome {
    let message = format!("the workflow has no node {}", task.step.node);
    failed(NodeError::new("unknown_node", message), Failure::Permanent)
}
