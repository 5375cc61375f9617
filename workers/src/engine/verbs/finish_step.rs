//! An attempt came to its end: the step is done, tried again, or failed.

use std::sync::Arc;

use domain::{items::Ports, run::NodeError, workflow::OnError};

use super::Deciding;
use crate::engine::{
    apply::failed_attempt,
    command::{Outcome, StepFailure, Timer},
    effect::Effect,
    event::RunEvent,
    illegal::Illegal,
    node::NodeState,
};

impl Deciding<'_> {
    pub(in crate::engine) fn finish_step(
        &mut self,
        node: usize,
        attempt: u32,
        outcome: Outcome,
        jitter: f64,
    ) -> Result<(), Illegal> {
        self.state.ensure_started()?;
        let run = self.state.nodes().get(node).ok_or(Illegal::UnknownNode(node))?;
        if run.state != (NodeState::Running { attempt }) {
            return Err(Illegal::StaleAttempt { node, attempt });
        }
        match outcome {
            Outcome::Succeeded(output) => {
                let output = Arc::new(output);
                self.emit(RunEvent::StepSucceeded { node, attempt, at: self.now, output })?;
                self.settle_after(node)
            }
            Outcome::Failed(failure) => self.retry_or_fail(node, attempt, *failure, jitter),
        }
    }

    /// Retry first, then `on_error`: a failure that another attempt may heal is nobody's business yet.
    fn retry_or_fail(
        &mut self,
        node: usize,
        attempt: u32,
        failure: StepFailure,
        jitter: f64,
    ) -> Result<(), Illegal> {
        let StepFailure { mut error, failure, partial, fallback } = failure;
        error.node_id = Some(self.state.definition.nodes[node].id.clone());
        let run = &self.state.nodes()[node];
        let elapsed = self.now.since(run.started_at.unwrap_or(self.now));
        // Attempts that a restart cut off, or that were not made, count for nothing: the budget is one of failures.
        let failed = run.failures().saturating_add(1);
        let Some(delay) = self.state.definition.nodes[node].retry.delay(failed, failure, elapsed, jitter)
        else {
            return self.fail_step(node, attempt, error, fallback);
        };
        error.history = Vec::new();
        let due = self.now.plus(delay);
        self.emit(RunEvent::StepRetryScheduled {
            node,
            attempt,
            at: self.now,
            due,
            error: Box::new(error),
            partial: partial.map(Arc::new),
            spared: !failure.is_attempt(),
        })?;
        let next = attempt.saturating_add(1);
        if due <= self.now {
            return self.begin_attempt(node, next);
        }
        self.effect(Effect::SetTimer { timer: Timer::Retry { node, attempt: next }, at: due });
        Ok(())
    }

    /// The failure is final: the run ends, or goes on with `fallback` as the step's output.
    pub(super) fn fail_step(
        &mut self,
        node: usize,
        attempt: u32,
        mut error: NodeError,
        fallback: Ports,
    ) -> Result<(), Illegal> {
        let last = failed_attempt(&error, attempt, self.now, None);
        error.history = self.state.nodes()[node].error().map_or_else(Vec::new, |error| error.history.clone());
        error.history.push(last);
        let output = match self.state.definition.nodes[node].on_error {
            OnError::Fail => None,
            OnError::Continue | OnError::ErrorPort => Some(Arc::new(fallback)),
        };
        let goes_on = output.is_some();
        let error = Box::new(error);
        self.emit(RunEvent::StepFailed { node, attempt, at: self.now, error: error.clone(), output })?;
        if goes_on { self.settle_after(node) } else { self.fail_run(error) }
    }
}
