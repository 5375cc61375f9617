//! The parameters of the next items, evaluated before their calls.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{kinds::http_request::Params, run::NodeError};
use serde_json::Value;

use super::used::keep_out_evaluated;
use crate::{
    engine::Outcome,
    expr::{Evaluator, JavaScriptLimits, Param, Scope},
    nodes::{output::measure_item, read_evaluated},
    step::{Facilities, timeout_error},
};

/// Parameters that are evaluated ahead of their calls: so many items, and no more bytes than this.
const AHEAD_ITEMS: usize = 64;
const AHEAD_BYTES: usize = 8 * 1024 * 1024;

/// An item's place, and its parameters.
pub(super) type Evaluated = (usize, Result<Arc<Params>, Box<NodeError>>);

/// Evaluates the parameters of one step.
pub(super) struct Ahead<'s> {
    pub(super) facilities: &'s Facilities,
    pub(super) scope: &'s Arc<Scope>,
    pub(super) params: &'s Arc<Param>,
    pub(super) needs_javascript: bool,
    pub(super) deadline: Instant,
    /// The node's time limit, whose end the deadline is.
    pub(super) limit: Duration,
}

impl Ahead<'_> {
    /// The parameters of the next items of `pending`, and the items that are left. On a thread of its own when they
    /// need the engine. At the deadline all items are given, with an error.
    pub(super) async fn next(&self, mut pending: VecDeque<usize>) -> (VecDeque<Evaluated>, VecDeque<usize>) {
        let (params, scope) = (Arc::clone(self.params), Arc::clone(self.scope));
        let (limits, deadline) = (self.facilities.javascript.limits, self.deadline);
        if !self.needs_javascript {
            return (evaluate(&params, &scope, &mut pending, limits, deadline), pending);
        }
        let all = pending.clone();
        let work = move || (evaluate(&params, &scope, &mut pending, limits, deadline), pending);
        // The wait for a place counts too: other steps may hold all of them for long.
        let done = tokio::time::timeout_at(deadline.into(), self.facilities.on_thread(true, work)).await;
        let error = match done {
            Ok(Ok(evaluated)) => return evaluated,
            // What ended the thread ends all items that are left, and says so.
            Ok(Err(Outcome::Failed(ended))) => Box::new(ended.error),
            Ok(Err(Outcome::Succeeded(_) | Outcome::Later(_))) | Err(_) => {
                Box::new(timeout_error(self.limit))
            }
        };
        (all.into_iter().map(|item| (item, Err(error.clone()))).collect(), VecDeque::new())
    }
}

/// Evaluates the parameters of the next items and takes these items from `pending`.
fn evaluate(
    params: &Param,
    scope: &Arc<Scope>,
    pending: &mut VecDeque<usize>,
    limits: JavaScriptLimits,
    deadline: Instant,
) -> VecDeque<Evaluated> {
    let mut evaluator = Evaluator::new(scope, limits, deadline);
    let mut evaluated = VecDeque::new();
    let mut same: Option<Result<Arc<Params>, Box<NodeError>>> = None;
    let mut bytes = 0;
    while evaluated.len() < AHEAD_ITEMS && bytes < AHEAD_BYTES {
        let Some(item) = pending.pop_front() else { break };
        if let Some(same) = &same {
            evaluated.push_back((item, same.clone()));
            continue;
        }
        let keep_out = |value: Option<&Value>, error| keep_out_evaluated(value, &scope.env, error);
        let evaluated_params =
            params.evaluate(&mut evaluator, item).map_err(|error| keep_out(None, error.into()));
        let read = evaluated_params.and_then(|value| {
            bytes += value.as_object().map_or(Ok(0), measure_item)?;
            let read = read_evaluated(&value, Params::read_object).map(Arc::new);
            read.map_err(|error| keep_out(Some(&value), error))
        });
        if params.is_constant() {
            same = Some(read.clone());
        }
        evaluated.push_back((item, read));
    }
    evaluated
}
