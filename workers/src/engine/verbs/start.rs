//! Start: the run begins at its trigger.

use super::Deciding;
use crate::engine::{command::Timer, effect::Effect, event::RunEvent, illegal::Illegal, state::Phase};

impl Deciding<'_> {
    pub(in crate::engine) fn start(&mut self) -> Result<(), Illegal> {
        if self.state.progress.phase != Phase::Queued {
            return Err(Illegal::AlreadyStarted);
        }
        if self.is_too_late() {
            return self.time_out();
        }
        self.emit(RunEvent::Started { at: self.now })?;
        if let Some(at) = self.state.deadline() {
            self.effect(Effect::SetTimer { timer: Timer::Deadline, at });
        }
        self.settle_all()
    }
}
