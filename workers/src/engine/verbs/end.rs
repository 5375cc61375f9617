//! The end of a run, however it comes.

use domain::{
    duration::HumanDuration,
    run::{NodeError, RunStatus},
};

use super::Deciding;
use crate::engine::{
    command::Timer,
    effect::Effect,
    event::{RunEvent, StepChange},
    illegal::Illegal,
    state::Phase,
    step_state::StepState,
};

impl Deciding<'_> {
    pub(super) fn fail_run(&mut self, error: Box<NodeError>) -> Result<(), Illegal> {
        self.end(RunStatus::Failed, Some(error))
    }

    pub(super) fn is_too_late(&self) -> bool {
        self.state.deadline().is_some_and(|deadline| self.now >= deadline)
    }

    /// Ends the run, and says which of its two limits it was.
    pub(super) fn time_out(&mut self) -> Result<(), Illegal> {
        let definition = &self.state.definition;
        let error = if self.state.progress.phase == Phase::Queued {
            let limit = HumanDuration(definition.start_timeout);
            let message = format!(
                "no worker began the run within {limit} of its acceptance; `settings.start_timeout` of the workflow \
                 sets this limit"
            );
            NodeError::new("start_timeout", message)
        } else {
            let limit = HumanDuration(definition.timeout);
            let message = format!(
                "the run did not end within its time limit of {limit}, counted from when it began; \
                 `settings.timeout` of the workflow sets it"
            );
            NodeError::new("run_timeout", message)
        };
        self.end(RunStatus::TimedOut, Some(Box::new(error)))
    }

    /// Stops all that is under way or due, and ends the run.
    pub(super) fn end(&mut self, status: RunStatus, error: Option<Box<NodeError>>) -> Result<(), Illegal> {
        if matches!(self.state.progress.phase, Phase::Started { .. }) {
            self.cancel_steps()?;
            self.effect(Effect::CancelTimer(Timer::Deadline));
        }
        let error = error.map(|error| Box::new(error.within_limits()));
        self.emit(RunEvent::Finished { status, error, at: self.now })
    }

    fn cancel_steps(&mut self) -> Result<(), Illegal> {
        let live: Vec<_> = self.state.live().map(|(step, _)| step).collect();
        for step in live {
            let run = self.step(&step)?;
            let (attempt, running) = (run.attempts(), *run.state() == StepState::Running);
            if !running {
                self.cancel_timer(&step)?;
            }
            self.change(&step, attempt, StepChange::Cancelled)?;
            if running {
                self.effect(Effect::Abort(step));
            }
        }
        Ok(())
    }
}
