//! An attempt came to its end: the step is done, tried again, goes on later, or failed.

use std::sync::Arc;

use domain::{
    duration::HumanDuration,
    items::Output,
    limits::{MAX_KEPT_BYTES, MAX_KEPT_DEPTH, MAX_RUN_OUTPUT_BYTES},
    measure::value_bytes_within,
    retry::GiveUp,
    run::{FailedAttempt, NodeError, WaitsFor},
    timestamp::Timestamp,
    workflow::OnError,
};
use serde_json::{Value, json};

use super::{Deciding, fallback::inputs_with_error};
use crate::engine::{
    apply::given,
    command::{Later, Outcome, StepFailure, Timer},
    effect::Effect,
    event::{AttemptFailure, StepChange, Suspension, Wake},
    illegal::Illegal,
    key::StepKey,
    options::always,
    step_run::StepState,
};

impl Deciding<'_> {
    pub(in crate::engine) fn finish_step(
        &mut self,
        step: &StepKey,
        attempt: u32,
        outcome: Outcome,
        jitter: f64,
    ) -> Result<(), Illegal> {
        self.state.ensure_started()?;
        let run = self.step(step)?;
        if *run.state() != StepState::Running || run.attempts() != attempt {
            return Err(Illegal::StaleAttempt { step: step.clone(), attempt });
        }
        match outcome {
            Outcome::Succeeded(output) => {
                let output = always(&self.state.definition.nodes[step.node], self.answers_once(output));
                if let Err(above) = self.check_given(step, Some(&output), None) {
                    let mut error = above.clone();
                    error.history =
                        self.step(step)?.error().map_or_else(Vec::new, |error| error.history.clone());
                    return self.end_above_limit(step, attempt, error, above);
                }
                let output = Arc::new(output);
                self.change(step, attempt, StepChange::Succeeded { output })?;
                self.settle_ready()
            }
            Outcome::Failed(failure) => self.retry_or_fail(step, attempt, *failure, jitter),
            Outcome::Later(later) => self.go_on_later(step, attempt, *later),
        }
    }

    /// Retry first, then `on_error`: a failure that another attempt may heal is nobody's business yet.
    fn retry_or_fail(
        &mut self,
        step: &StepKey,
        attempt: u32,
        failure: StepFailure,
        jitter: f64,
    ) -> Result<(), Illegal> {
        let StepFailure { error, failure, partial, fallback } = failure;
        let mut error = error.within_limits();
        let node = &self.state.definition.nodes[step.node];
        error.node_id = Some(node.id.clone());
        let retry = node.retry;
        let run = self.step(step)?;
        // What it waited for on purpose is not time spent on retries.
        let elapsed = self.now.since(run.tried_since().unwrap_or(self.now));
        // Attempts that a restart cut off, or that were not made, count for nothing: the budget is one of failures.
        let failed = run.failures().saturating_add(1);
        let delay = match retry.delay(failed, failure, elapsed, jitter) {
            // The run would only wait for its own end.
            Ok(delay)
                if failure.asked() == Some(delay)
                    && self.state.deadline().is_some_and(|end| self.now.plus(delay) >= end) =>
            {
                let limit = self.state.definition.timeout;
                let error = asked_beyond(error, self.now.plus(delay), "the run's time limit", limit);
                return self.fail_step(step, attempt, error, fallback);
            }
            Ok(delay) => delay,
            Err(GiveUp::Asked { asked }) => {
                let error =
                    asked_beyond(error, self.now.plus(asked), "the time for attempts", retry.window());
                return self.fail_step(step, attempt, error, fallback);
            }
            Err(GiveUp::Permanent | GiveUp::Attempts(_) | GiveUp::Window(_)) => {
                return self.fail_step(step, attempt, error, fallback);
            }
        };
        if let Err(above) = check_kept(partial.as_ref()) {
            return self.fail_step(step, attempt, *above, fallback);
        }
        error.history = Vec::new();
        self.suspend(
            step,
            attempt,
            Suspension {
                waits_for: WaitsFor::moment(self.now.plus(delay)),
                kept: said(partial),
                failure: Some(AttemptFailure { error: Box::new(error), spared: !failure.is_attempt() }),
            },
        )
    }

    fn go_on_later(&mut self, step: &StepKey, attempt: u32, later: Later) -> Result<(), Illegal> {
        let Later { waits_for, kept } = later;
        if waits_for == WaitsFor::default() {
            let message = "the step waits for nothing, which is a bug of the worker";
            return self.fail_step(step, attempt, NodeError::new("waits_for_nothing", message), None);
        }
        if let Err(above) = check_kept(kept.as_ref()) {
            return self.fail_step(step, attempt, *above, None);
        }
        self.suspend(step, attempt, Suspension { waits_for, kept: said(kept), failure: None })
    }

    /// One way to wait, whatever for. What is due already is not waited for.
    fn suspend(&mut self, step: &StepKey, attempt: u32, suspension: Suspension) -> Result<(), Illegal> {
        let until = suspension.waits_for.until;
        self.change(step, attempt, StepChange::Suspended(Box::new(suspension)))?;
        match until {
            Some(until) if until <= self.now => self.resume(step.clone(), Wake::Moment)?,
            Some(until) => self.effect(Effect::SetTimer { timer: Timer::Wake(step.clone()), at: until }),
            None => {}
        }
        Ok(())
    }

    /// The failure is final: the run ends, or goes on with `fallback` as the step's output, else with what the step was
    /// given.
    pub(super) fn fail_step(
        &mut self,
        step: &StepKey,
        attempt: u32,
        mut error: NodeError,
        fallback: Option<Output>,
    ) -> Result<(), Illegal> {
        let node = &self.state.definition.nodes[step.node];
        let goes_on = node.on_error != OnError::Fail;
        let output = goes_on.then(|| {
            Arc::new(fallback.unwrap_or_else(|| inputs_with_error(node, &self.state.inputs(step), &error)))
        });
        error.node_id = Some(node.id.clone());
        let last = FailedAttempt::of(&error, attempt, self.now, None);
        error.history = self.step(step)?.error().map_or_else(Vec::new, |error| error.history.clone());
        error.history.push(last);
        let error = Box::new(error);
        if goes_on && let Err(above) = self.check_given(step, output.as_deref(), Some(&error)) {
            return self.end_above_limit(step, attempt, error, above);
        }
        self.change(step, attempt, StepChange::Failed { error: error.clone(), output })?;
        if goes_on { self.settle_ready() } else { self.fail_run(error) }
    }
}

impl Deciding<'_> {
    /// A run has one response: what a step says after that is not kept, and its console tells.
    fn answers_once(&self, mut output: Output) -> Output {
        if self.state.progress.response.is_some() && output.response.take().is_some() {
            output.console.push("the run has its response already: this one is ignored".to_owned());
        }
        output
    }

    /// Whether all that the run's steps gave is within its limit when this is added.
    fn check_given(
        &self,
        step: &StepKey,
        output: Option<&Output>,
        error: Option<&NodeError>,
    ) -> Result<(), Box<NodeError>> {
        let bytes = self.state.progress.given.saturating_add(given(output, error));
        if bytes <= MAX_RUN_OUTPUT_BYTES {
            return Ok(());
        }
        let message = format!(
            "with this step, the steps of the run have given {bytes} bytes, above the limit of {MAX_RUN_OUTPUT_BYTES} \
             (MAX_RUN_OUTPUT_BYTES); hand on less data from step to step"
        );
        let details = json!({ "limit": "MAX_RUN_OUTPUT_BYTES", "most": MAX_RUN_OUTPUT_BYTES });
        let node_id = Some(self.state.definition.nodes[step.node].id.clone());
        Err(Box::new(NodeError { node_id, ..NodeError::new("limit", message).with_details(details) }))
    }

    /// The step fails without an output, and the run with it: there is no room for what would go on.
    fn end_above_limit(
        &mut self,
        step: &StepKey,
        attempt: u32,
        error: Box<NodeError>,
        above: Box<NodeError>,
    ) -> Result<(), Illegal> {
        self.change(step, attempt, StepChange::Failed { error, output: None })?;
        self.fail_run(above)
    }
}

/// What a step keeps must be found again when it goes on.
fn check_kept(kept: Option<&Value>) -> Result<(), Box<NodeError>> {
    let (what, most, limit) = match kept.map(|kept| value_bytes_within(kept, MAX_KEPT_DEPTH)) {
        None => return Ok(()),
        Some(Ok(bytes)) if bytes <= MAX_KEPT_BYTES => return Ok(()),
        Some(Ok(bytes)) => (format!("{bytes} bytes"), MAX_KEPT_BYTES, "MAX_KEPT_BYTES"),
        Some(Err(_)) => ("it is nested deeper".to_owned(), MAX_KEPT_DEPTH, "MAX_KEPT_DEPTH"),
    };
    let message = format!(
        "what the step has to keep until it goes on is above the limit of {most} ({limit}): {what}; give it fewer items"
    );
    Err(NodeError::new("limit", message).with_details(json!({ "limit": limit, "most": most })).into())
}

/// The error of a step that would have to wait until then, and has no time for it.
fn asked_beyond(mut error: NodeError, until: Timestamp, what: &str, limit: std::time::Duration) -> NodeError {
    /// The last moment that RFC 3339 can tell; whoever asks for more means never.
    const LAST: Timestamp = Timestamp::from_millis(253_402_300_799_999);
    let until = until.min(LAST);
    let limit = HumanDuration(limit);
    error.message =
        format!("{}; it wants no call before {until}, and {what}, {limit}, ends earlier", error.message);
    if let Value::Object(details) = error.details.get_or_insert_with(|| json!({})) {
        details.insert("retry_at".to_owned(), json!(until));
    }
    error
}

/// `null` says nothing: it would not be told from nothing when it is read back.
fn said(kept: Option<Value>) -> Option<Arc<Value>> {
    kept.filter(|kept| !kept.is_null()).map(Arc::new)
}
