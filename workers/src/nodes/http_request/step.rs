//! A step's calls: all items that are not settled yet, several at a time, and what becomes of them.

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use domain::{
    definition::Node,
    items::{Item, MAIN},
    iteration::Iteration,
    kinds::http_request::Params,
    retry::Failure,
    workflow::OnError,
};
use futures_util::{
    FutureExt, StreamExt,
    future::{Fuse, FusedFuture},
    select_biased,
    stream::FuturesUnordered,
};
use serde_json::Value;

use super::{
    ahead::Ahead,
    call::Caller,
    failure::CallFailure,
    partial::{Partial, Settled},
    response,
    room::Room,
    used::Used,
};
use crate::{
    engine::{Outcome, StepFailure},
    expr::{Param, Scope},
    nodes::{
        CallContext,
        items::Failures,
        output::{CameFrom, OutputBuilder},
    },
    step::{Inputs, failed_for_good, unknown_node},
};

/// How one item's call ended.
enum Ended {
    Settled(Settled),
    /// It may be tried again.
    Again(CallFailure),
    /// It was not made: the step has failed already.
    NotMade,
}

pub(super) async fn run(params: &Param, context: CallContext) -> Outcome {
    let CallContext { facilities, scope, task, deadline, trace } = context;
    let Some(node) = task.node() else {
        return unknown_node(&task);
    };
    let mut partial = Partial::read(task.kept.as_deref());
    let mut pending: VecDeque<usize> =
        (0..scope.input.len()).filter(|item| !partial.items.contains_key(item)).collect();
    let ahead = Ahead::new(&facilities.javascript, &scope, params, node, deadline);
    let calls = Calls {
        caller: Caller {
            http: &facilities.http,
            tenant: &task.run.tenant,
            deadline: deadline.into(),
            now: facilities.clock.now(),
            trace,
        },
        scope: &scope,
        iteration: &task.step.iteration,
        node,
        decided: AtomicBool::new(false),
    };
    let (mut again, mut room) = (Vec::new(), Room::default());
    let most = facilities.http.settings.concurrency_per_step.max(1);
    let mut ready = VecDeque::new();
    let mut under_way = FuturesUnordered::new();
    let mut evaluating = pin!(Fuse::terminated());
    loop {
        while under_way.len() < most
            && let Some((item, params)) = ready.pop_front()
        {
            under_way.push(calls.one(item, params));
        }
        if ready.is_empty() && !pending.is_empty() && evaluating.is_terminated() && !calls.is_decided() {
            evaluating.set(ahead.next(std::mem::take(&mut pending)).fuse());
        }
        // Side by side: calls under way must not stand still while others wait for their parameters.
        let (item, ended) = select_biased! {
            (evaluated, left) = evaluating => {
                (ready, pending) = (evaluated, left);
                continue;
            }
            ended = under_way.select_next_some() => ended,
            complete => break,
        };
        match ended {
            Ended::Settled(settled) => {
                if let Err(above) = room.settled(&settled) {
                    return failed_for_good(above);
                }
                partial.items.insert(item, settled);
            }
            Ended::Again(mut failure) => {
                room.waiting(&mut failure.error);
                again.push((item, failure));
            }
            Ended::NotMade => {}
        }
    }
    outcome(node, &task.inputs, &scope.input, partial, again)
}

fn settle(called: Result<Vec<Item>, CallFailure>) -> Ended {
    match called {
        Ok(items) => Ended::Settled(Settled::Done(items)),
        Err(failed) if failed.failure.is_retryable() => Ended::Again(failed),
        Err(failed) => Ended::Settled(Settled::Failed(failed.error)),
    }
}

/// One step's calls.
struct Calls<'s> {
    caller: Caller<'s>,
    scope: &'s Scope,
    iteration: &'s Iteration,
    node: &'s Node,
    /// Under `fail` one permanent failure decides the step. Calls under way are not cut off: they may have effects.
    decided: AtomicBool,
}

impl Calls<'_> {
    fn is_decided(&self) -> bool {
        self.decided.load(Ordering::Relaxed)
    }

    async fn one(&self, item: usize, params: Result<Arc<Params>, CallFailure>) -> (usize, Ended) {
        if self.is_decided() {
            return (item, Ended::NotMade);
        }
        let ended = match params {
            Ok(params) => settle(self.call(&params, item).await),
            Err(failed) => settle(Err(failed)),
        };
        if self.node.on_error == OnError::Fail && matches!(ended, Ended::Settled(Settled::Failed(_))) {
            self.decided.store(true, Ordering::Relaxed);
        }
        (item, ended)
    }

    async fn call(&self, params: &Params, item: usize) -> Result<Vec<Item>, CallFailure> {
        let (run, node) = (self.scope.run.run_id, header_safe(self.node.id.as_str()));
        let key = if self.iteration.is_outside() {
            format!("{run}:{node}:{item}")
        } else {
            format!("{run}:{node}:{}:{item}", self.iteration)
        };
        let mut used = Used::by(params, &self.scope.env);
        let called = self.caller.call(params, &key, &mut used).await;
        let items = called.and_then(|answer| response::items(&answer, params, &used));
        items.map_err(|failed| failed.without(&used))
    }
}

/// A header holds visible ASCII only; a node's id may hold anything.
fn header_safe(id: &str) -> String {
    let mut safe = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    safe
}

/// What the step comes to. Items that may be tried again make the whole step so, with all others in `partial`.
fn outcome(
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
    let mut again: std::collections::BTreeMap<usize, CallFailure> = again.into_iter().collect();
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
fn patience(failure: Failure) -> (u8, std::time::Duration) {
    match failure {
        Failure::Permanent => (0, std::time::Duration::ZERO),
        // Only a step of which nothing was called has made no attempt.
        Failure::Rejected { retry_after } => (1, retry_after.unwrap_or_default()),
        Failure::Connection | Failure::Timeout => (2, std::time::Duration::ZERO),
        Failure::RateLimited { retry_after } | Failure::Server { retry_after } => {
            (3, retry_after.unwrap_or_default())
        }
    }
}
