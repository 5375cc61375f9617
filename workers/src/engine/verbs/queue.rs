//! Queue: the run begins once there is room for it, or once it may.

use super::Deciding;
use crate::engine::{command::Timer, effect::Effect, illegal::Illegal, state::Phase};

impl Deciding<'_> {
    /// Nothing happens to the run, so there is no event: it is as it was accepted. Only what is due is set.
    pub(in crate::engine) fn queue(&mut self) -> Result<(), Illegal> {
        self.set_timers(|_| true)
    }

    /// The same for one that may not begin yet: only its time to begin is due.
    pub(in crate::engine) fn await_seat(&mut self) -> Result<(), Illegal> {
        self.set_timers(|timer| *timer != Timer::Begin)
    }

    fn set_timers(&mut self, is_due: impl Fn(&Timer) -> bool) -> Result<(), Illegal> {
        if self.state.progress.phase != Phase::Queued {
            return Err(Illegal::AlreadyStarted);
        }
        if self.is_too_late() {
            return self.time_out();
        }
        for (timer, at) in self.state.timers().filter(|(timer, _)| is_due(timer)).collect::<Vec<_>>() {
            self.effect(Effect::SetTimer { timer, at });
        }
        Ok(())
    }
}
