//! One verb a file: what follows from each command.

mod cancel;
mod end;
mod finish_step;
mod recover;
mod settle;
mod start;
mod stop;
mod timer;

use std::sync::Arc;

use domain::timestamp::Timestamp;

use super::{
    effect::{Decision, Effect},
    event::RunEvent,
    illegal::Illegal,
    state::RunState,
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

    fn effect(&mut self, effect: Effect) {
        self.decision.effects.push(effect);
    }

    /// Begins an attempt of a node that is ready or whose retry is due.
    fn begin_attempt(&mut self, node: usize, attempt: u32) -> Result<(), Illegal> {
        self.emit(RunEvent::StepStarted { node, attempt, at: self.now })?;
        self.execute(node, attempt);
        Ok(())
    }

    fn execute(&mut self, node: usize, attempt: u32) {
        let partial = self.state.nodes()[node].partial().map(Arc::clone);
        self.effect(Effect::Execute { node, attempt, partial });
    }
}
