//! The parameters of the next items, evaluated before their calls.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{definition::Node, kinds::http_request::Params, retry::Failure};
use serde_json::Value;

use super::{failure::CallFailure, used::keep_out_evaluated};
use crate::{
    expr::{Ask, Evaluator, Form, JavaScript, Param, Scope, Values, javascript_of},
    nodes::{output::measure_item, read_evaluated},
    step::unevaluated,
};

/// Parameters that are evaluated ahead of their calls: so many items, more where a message brings them, and no more
/// bytes than this.
const AHEAD_ITEMS: usize = 64;
const AHEAD_ITEMS_OF_A_MESSAGE: usize = 1_000;
const AHEAD_BYTES: usize = 8 * 1024 * 1024;

/// An item's place, and its parameters.
pub(super) type Evaluated = (usize, Result<Arc<Params>, CallFailure>);

/// Evaluates the parameters of one step.
pub(super) struct Ahead<'s> {
    javascript: &'s JavaScript,
    scope: &'s Arc<Scope>,
    params: &'s Param,
    sources: Vec<Arc<str>>,
    deadline: Instant,
    /// The node's time limit, whose end the deadline is.
    limit: Duration,
}

impl<'s> Ahead<'s> {
    pub(super) fn new(
        javascript: &'s JavaScript,
        scope: &'s Arc<Scope>,
        params: &'s Param,
        node: &Node,
        deadline: Instant,
    ) -> Self {
        let mut sources = Vec::new();
        javascript_of(params, &mut sources);
        Self { javascript, scope, params, sources, deadline, limit: node.timeout }
    }

    /// The parameters of the next items of `pending`, and the items that are left. What ends JavaScript ends all items
    /// that are left, and says so.
    pub(super) async fn next(&self, mut pending: VecDeque<usize>) -> (VecDeque<Evaluated>, VecDeque<usize>) {
        if self.sources.is_empty() {
            let next = pending.drain(..pending.len().min(AHEAD_ITEMS)).collect();
            return self.evaluate(next, Values::default(), pending);
        }
        let (scope, sources, deadline) = (self.scope, &*self.sources, self.deadline);
        // The others go on when an item fails: its call may be the only one that does.
        let ask = Ask { scope, form: Form::Expression, sources, stop_at_limit: false, deadline };
        let most = pending.len().min(AHEAD_ITEMS_OF_A_MESSAGE);
        match self.javascript.some(ask, &pending.make_contiguous()[..most], AHEAD_BYTES).await {
            Ok(values) => {
                let next = pending.drain(..values.items()).collect();
                self.evaluate(next, values, pending)
            }
            Err(why) => {
                let (error, failure) = unevaluated(why, self.limit);
                let failed = CallFailure { error, failure };
                (pending.into_iter().map(|item| (item, Err(failed.clone()))).collect(), VecDeque::new())
            }
        }
    }

    /// Evaluates the parameters of `next`; what is above the bound in bytes goes back to the items that are left.
    fn evaluate(
        &self,
        mut next: VecDeque<usize>,
        values: Values,
        mut left: VecDeque<usize>,
    ) -> (VecDeque<Evaluated>, VecDeque<usize>) {
        let mut evaluator = Evaluator::new(self.scope, values);
        let mut evaluated = VecDeque::with_capacity(next.len());
        let mut same: Option<Result<Arc<Params>, CallFailure>> = None;
        let mut bytes = 0;
        while bytes < AHEAD_BYTES
            && let Some(item) = next.pop_front()
        {
            if let Some(same) = &same {
                evaluated.push_back((item, same.clone()));
                continue;
            }
            let keep_out = |value: Option<&Value>, error| keep_out_evaluated(value, &self.scope.env, error);
            let value =
                self.params.evaluate(&mut evaluator, item).map_err(|error| keep_out(None, error.into()));
            let read = value.and_then(|value| {
                bytes += value.as_object().map_or(Ok(0), measure_item)?;
                let read = read_evaluated(&value, Params::read_object).map(Arc::new);
                read.map_err(|error| keep_out(Some(&value), error))
            });
            let read = read.map_err(|error| CallFailure { error, failure: Failure::Permanent });
            if self.params.is_constant() {
                same = Some(read.clone());
            }
            evaluated.push_back((item, read));
        }
        next.append(&mut left);
        (evaluated, next)
    }
}
