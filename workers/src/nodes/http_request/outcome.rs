//! What a step's calls come to.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    definition::Node,
    items::{Item, MAIN},
    retry::Failure,
    workflow::OnError,
};
use serde_json::Value;

use super::{
    failure::CallFailure,
    partial::{Partial, Settled},
};
use crate::{
    engine::{Outcome, StepFailure},
    nodes::{
        items::Failures,
        output::{CameFrom, OutputBuilder},
    },
    step::{Inputs, failed_for_good},
};

/// What the step comes to. Items that may be tried again make the whole step so, with all others in `partial`.
pub(super) fn outcome(
    node: &Node,
    inputs: &Inputs,
    input: &[Item],
    partial: Partial,
    again: Vec<(usize, CallFailure)>,
) -> Outcome {
    let decided = node.on_error == OnError::Fail
        && partial.items.values().any(|settled| matches!(settled, Settled::Failed(_)));
    let retry = if decided {
        None
    } else {
        again.iter().map(|(_, failed)| failed.failure).max_by_key(|f| patience(*f))
    };
    let kept: Option<Value> = retry.and_then(|_| partial.to_value());

    let mut failures = Failures::of(node);
    let mut output = OutputBuilder::of(node, inputs);
    let main = MAIN.into();
    let mut retryable = Failures::of(node);
    let mut again: BTreeMap<usize, CallFailure> = again.into_iter().collect();
    let mut settled = partial.items;
    for (index, item) in input.iter().enumerate() {
        let pushed = match (settled.remove(&index), again.remove(&index)) {
            (Some(Settled::Done(items)), _) => {
                items.into_iter().try_for_each(|made| output.push(&main, made, CameFrom::Item(index)))
            }
            (Some(Settled::Failed(error)), _) => match failures.note(index, item, *error) {
                Some((port, left)) => output.push(port, left, CameFrom::Item(index)),
                None => Ok(()),
            },
            (None, Some(failed)) => match retryable.note(index, item, *failed.error) {
                Some((port, left)) => output.push(port, left, CameFrom::Item(index)),
                None => Ok(()),
            },
            (None, None) => Ok(()),
        };
        if let Err(above) = pushed {
            return failed_for_good(above);
        }
    }
    let output = output.finish();
    let Some(failure) = retry else { return failures.finish(input.len(), output) };
    match retryable.error(input.len()) {
        None => failures.finish(input.len(), output),
        Some((error, goes_on)) => Outcome::Failed(Box::new(StepFailure {
            error,
            failure,
            partial: kept,
            fallback: goes_on.then_some(output),
        })),
    }
}

/// Of several failures the step waits for the one that asks for most: the others gain by it, never lose.
fn patience(failure: Failure) -> (u8, Duration) {
    match failure {
        Failure::Permanent => (0, Duration::ZERO),
        // Only a step of which nothing was called has made no attempt.
        Failure::Rejected { retry_after } => (1, retry_after.unwrap_or_default()),
        Failure::Connection | Failure::Timeout => (2, Duration::ZERO),
        Failure::RateLimited { retry_after } | Failure::Server { retry_after } => {
            (3, retry_after.unwrap_or_default())
        }
    }
}
