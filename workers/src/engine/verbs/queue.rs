//! Queue: the run begins once there is room for it, or once it may.

use domain::{
    duration::HumanDuration,
    run::{NodeError, RunStatus},
};
use serde_json::json;

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

    /// One that still waits for its seat has no more time to begin: it ends, and says what it waited for.
    pub(in crate::engine) fn no_seat(&mut self) -> Result<(), Illegal> {
        if self.state.progress.phase != Phase::Queued {
            return Err(Illegal::AlreadyStarted);
        }
        let definition = &self.state.definition;
        let Some(concurrency) = &definition.concurrency else { return self.time_out() };
        let (limit, key) = (concurrency.limit, &concurrency.key);
        let same = key.as_ref().map_or_else(String::new, |key| format!(" with the same `{key}`"));
        let within = HumanDuration(definition.start_timeout);
        let message = format!(
            "the run waited for a seat and had none within {within} of its acceptance: `settings.concurrency` of the \
             workflow lets {limit} of its runs{same} run at once, and `settings.start_timeout` sets how long one may \
             wait to begin"
        );
        let details = json!({ "limit": limit, "key": key });
        let error = NodeError::new("start_timeout", message).with_details(details);
        self.end(RunStatus::TimedOut, Some(Box::new(error)))
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
