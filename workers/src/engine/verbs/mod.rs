//! One verb a file: what follows from each command.

mod call;
mod cancel;
mod end;
mod fail;
mod fallback;
mod finish_step;
mod give_way;
mod queue;
mod recover;
mod settle;
mod start;
mod stop;
mod wake;

use domain::timestamp::Timestamp;

use super::{
    effect::{Decision, Effect, Execute},
    event::{RunEvent, StepChange, StepEvent},
    illegal::Illegal,
    key::StepKey,
    state::RunState,
    step_run::StepRun,
};

/// A decision in the making.
pub(super) struct Deciding<'s> {
    state: &'s mut RunState,
    now: Timestamp,
    pub(super) decision: Decision,
}

impl<'s> Deciding<'s> {
    pub(super) fn new(state: &'s mut RunState, now: Timestamp) -> Self {
        Self { state, now, decision: Decision::default() }
    }

    /// Adds an event and takes it into account. Verbs check first, so that it fits.
    fn emit(&mut self, event: RunEvent) -> Result<(), Illegal> {
        self.state.apply(&event)?;
        self.decision.events.push(event);
        Ok(())
    }

    /// Something happens to a step now. When it is settled, runs that it waited for are of no use any more.
    fn change(&mut self, step: &StepKey, attempt: u32, change: StepChange) -> Result<(), Illegal> {
        let settles = matches!(
            change,
            StepChange::Succeeded { .. } | StepChange::Failed { .. } | StepChange::Cancelled
        );
        let open = if settles { self.step(step)?.open_runs().to_vec() } else { Vec::new() };
        self.emit(RunEvent::Step(StepEvent { step: step.clone(), attempt, at: self.now, change }))?;
        if !open.is_empty() {
            self.effect(Effect::CancelRuns(open));
        }
        Ok(())
    }

    fn effect(&mut self, effect: Effect) {
        self.decision.effects.push(effect);
    }

    fn step(&self, step: &StepKey) -> Result<&StepRun, Illegal> {
        self.state.steps().get(step).ok_or_else(|| Illegal::UnknownStep(step.clone()))
    }

    /// Has the attempt executed that is under way.
    fn execute(&mut self, step: StepKey) -> Result<(), Illegal> {
        let run = self.step(&step)?;
        let (attempt, kept, woken) = (run.attempts(), run.kept().cloned(), run.woken().cloned());
        self.effect(Effect::Execute(Execute { step, attempt, kept, woken }));
        Ok(())
    }
}
