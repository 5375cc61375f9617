//! A step's calls: all items that are not settled yet, several at a time, and what becomes of them.

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{Mutex, PoisonError, atomic::AtomicBool},
};

use futures_util::{
    FutureExt, StreamExt,
    future::{Fuse, FusedFuture},
    select_biased,
    stream::FuturesUnordered,
};

use super::{
    HttpRequest,
    ahead::Ahead,
    batches::{Batches, rest},
    call::Caller,
    calls::{Calls, Ended},
    credential::Presented,
    failure::CallFailure,
    outcome::outcome,
    pages::Asking,
    partial::Partial,
    room::Room,
};
use crate::{
    engine::Outcome,
    nodes::CallContext,
    step::{failed_for_good, unknown_node},
};

pub(super) async fn run(request: &HttpRequest, context: CallContext) -> Outcome {
    let CallContext { facilities, scope, task, deadline, trace } = context;
    let Some(node) = task.node() else {
        return unknown_node(&task);
    };
    let mut partial = Partial::read(task.kept.as_deref());
    let mut pending: VecDeque<usize> =
        (0..scope.input.len()).filter(|item| !partial.items.contains_key(item)).collect();
    let ahead = Ahead::new(&facilities.javascript, &scope, &request.params, node, deadline);
    let room = match Room::with(&partial) {
        Ok(room) => Mutex::new(room),
        Err(above) => return failed_for_good(above),
    };
    let calls = Calls {
        caller: Caller {
            http: &facilities.http,
            files: facilities.files.as_ref(),
            tenant: &task.run.tenant,
            deadline: deadline.into(),
            now: facilities.clock.now(),
            trace,
        },
        asking: Asking { javascript: &facilities.javascript, scope: &scope, node, deadline },
        pages: request.pages.as_ref(),
        iteration: &task.step.iteration,
        room: &room,
        decided: AtomicBool::new(false),
        credential: Presented::of(request.credential, &facilities, &task.run.tenant, deadline).await,
    };
    let count = || room.lock().unwrap_or_else(PoisonError::into_inner);
    let mut again: Vec<(usize, CallFailure)> = Vec::new();
    let most = facilities.http.settings.concurrency_per_step.max(1);
    let mut batches = Batches::of(request.batch.as_ref());
    let mut ready = VecDeque::new();
    let mut under_way = FuturesUnordered::new();
    let mut evaluating = pin!(Fuse::terminated());
    let mut resting = pin!(Fuse::terminated());
    loop {
        while under_way.len() < most
            && !ready.is_empty()
            && (calls.is_decided() || batches.begin_one())
            && let Some((item, params)) = ready.pop_front()
        {
            let pages = partial.pages.remove(&item).inspect(|pages| count().release(pages));
            under_way.push(calls.one(item, params, pages));
        }
        if ready.is_empty() && !pending.is_empty() && evaluating.is_terminated() && !calls.is_decided() {
            evaluating.set(ahead.next(std::mem::take(&mut pending)).fuse());
        }
        if under_way.is_empty()
            && !ready.is_empty()
            && resting.is_terminated()
            && let Some(pause) = batches.pause()
        {
            resting.set(rest(pause, deadline, node.timeout).fuse());
        }
        // Side by side: calls under way must not stand still while others wait for their parameters.
        let (item, ended) = select_biased! {
            (evaluated, left) = evaluating => {
                (ready, pending) = (evaluated, left);
                continue;
            }
            ended = under_way.select_next_some() => ended,
            rested = resting => match rested {
                Ok(()) => {
                    batches.begin_batch();
                    continue;
                }
                Err(late) => {
                    let left = ready.drain(..).map(|(item, _)| item).chain(pending.drain(..));
                    again.extend(left.map(|item| (item, late.clone())));
                    continue;
                }
            },
            complete => break,
        };
        match ended {
            Ended::Settled(settled) => {
                if let Err(above) = count().settled(&settled) {
                    return failed_for_good(above);
                }
                partial.items.insert(item, settled);
            }
            Ended::Again(mut failure, pages) => {
                count().waiting(&mut failure.error);
                if let Some(pages) = pages.filter(|pages| count().keep(pages)) {
                    partial.pages.insert(item, pages);
                }
                again.push((item, failure));
            }
            Ended::TooMuch(above) => return failed_for_good(above),
            Ended::NotMade => {}
        }
    }
    outcome(node, &task.inputs, &scope.input, partial, again)
}
