//! What a suspended step waits for has come: its moment, its signal, or the ends of its runs.

use std::sync::Arc;

use domain::{
    ids::{RunId, SignalId, SignalName},
    limits::{MAX_SIGNAL_BYTES, above},
    measure::input_bytes,
};
use serde_json::Value;

use super::Deciding;
use crate::engine::{
    command::Timer,
    effect::Effect,
    event::{StepChange, Wake},
    illegal::Illegal,
    key::StepKey,
    step_run::StepRun,
};

impl Deciding<'_> {
    /// The clock is the caller's: what fires is due. A deadline ends the run even before it has begun.
    pub(in crate::engine) fn fire(&mut self, timer: Timer) -> Result<(), Illegal> {
        match timer {
            Timer::Deadline => self.time_out(),
            Timer::Begin => self.start(),
            Timer::Wake(step) => {
                self.state.ensure_started()?;
                let waits_for = self.step(&step)?.waits_for();
                // One that was set for an earlier wait of the step is nobody's.
                if waits_for.is_none_or(|waits| waits.until.is_none_or(|until| until > self.now)) {
                    return Err(Illegal::StaleTimer(Timer::Wake(step)));
                }
                self.resume(step, Wake::Moment)
            }
        }
    }

    /// A step waits for a signal once: a second one, or the same one again, finds nobody. Nor does one that was sent once
    /// more for a later iteration, as far as steps are kept.
    pub(in crate::engine) fn signal(
        &mut self,
        step: StepKey,
        id: SignalId,
        name: &SignalName,
        data: Arc<Value>,
    ) -> Result<(), Illegal> {
        self.state.ensure_started()?;
        check_signal(&data)?;
        let is_known = |step: &StepRun| step.signal().is_some_and(|given| given.id == id);
        if !self.state.waits_for_signal(&step, name) || self.state.steps().of(step.node).any(is_known) {
            return Err(Illegal::NobodyWaits(format!("the signal {:?}", name.as_str())));
        }
        self.cancel_timer(&step)?;
        self.resume(step, Wake::Signal { id, data })
    }

    pub(in crate::engine) fn run_ended(&mut self, run: RunId, end: &Arc<Value>) -> Result<(), Illegal> {
        self.state.ensure_started()?;
        let waiting = self.state.live().find(|(_, step)| step.open_runs().contains(&run));
        let Some((step, _)) = waiting else { return Err(Illegal::NobodyWaits(format!("run {run}"))) };
        let attempt = self.step(&step)?.attempts();
        self.change(&step, attempt, StepChange::RunEnded { run, end: Arc::clone(end) })?;
        self.resume_if_runs_ended(step)
    }

    /// Goes on with a step whose runs have all ended, or enough of them.
    pub(super) fn resume_if_runs_ended(&mut self, step: StepKey) -> Result<(), Illegal> {
        if !self.step(&step)?.runs_have_ended() {
            return Ok(());
        }
        self.cancel_timer(&step)?;
        self.resume(step, Wake::Runs)
    }

    /// Goes on with a suspended step.
    pub(super) fn resume(&mut self, step: StepKey, by: Wake) -> Result<(), Illegal> {
        let attempt = self.step(&step)?.next_attempt();
        self.change(&step, attempt, StepChange::Resumed { by })?;
        self.execute(step)
    }

    /// Forgets the timer of a step that goes on earlier.
    pub(super) fn cancel_timer(&mut self, step: &StepKey) -> Result<(), Illegal> {
        if self.step(step)?.waits_for().is_some_and(|waits_for| waits_for.until.is_some()) {
            self.effect(Effect::CancelTimer(Timer::Wake(step.clone())));
        }
        Ok(())
    }
}

fn check_signal(data: &Value) -> Result<(), Illegal> {
    let bytes = input_bytes(data).map_err(|too_deep| Illegal::Signal(too_deep.to_string()))?;
    if bytes > MAX_SIGNAL_BYTES {
        return Err(Illegal::Signal(above(bytes, "bytes", MAX_SIGNAL_BYTES, "MAX_SIGNAL_BYTES")));
    }
    Ok(())
}
