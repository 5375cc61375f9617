//! Queue: the run begins once there is room for it.

use super::Deciding;
use crate::engine::{effect::Effect, illegal::Illegal, state::Phase};

impl Deciding<'_> {
    /// Nothing happens to the run, so there is no event: it is as it was accepted. Only what is due is set.
    pub(in crate::engine) fn queue(&mut self) -> Result<(), Illegal> {
        if self.state.progress.phase != Phase::Queued {
            return Err(Illegal::AlreadyStarted);
        }
        if self.is_too_late() {
            return self.time_out();
        }
        for (timer, at) in self.state.timers().collect::<Vec<_>>() {
            self.effect(Effect::SetTimer { timer, at });
        }
        Ok(())
    }
}
