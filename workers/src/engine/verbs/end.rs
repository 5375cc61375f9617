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
    step_run::StepState,
};

impl Deciding<'_> {
    pub(super) fn fail_run(&mut self, error: Box<NodeError>) -> Result<(), Illegal> {
        self.end(RunStatus::Failed, Some(error))
    }

    pub(super) fn is_too_late(&self) -> bool {
        self.now >= self.state.deadline()
    }

    pub(super) fn time_out(&mut self) -> Result<(), Illegal> {
        let limit = HumanDuration(self.state.definition.timeout);
        let message = format!(
            "the run did not end within its time limit of {limit}; `settings.timeout` of the workflow sets it"
        );
        self.end(RunStatus::TimedOut, Some(Box::new(NodeError::new("run_timeout", message))))
    }

    /// Stops all that is under way or due, and ends the run.
    pub(super) fn end(&mut self, status: RunStatus, error: Option<Box<NodeError>>) -> Result<(), Illegal> {
        if matches!(self.state.progress.phase, Phase::Started { .. }) {
            if self.state.progress.unsettled > 0 {
                self.cancel_steps()?;
            }
            self.effect(Effect::CancelTimer(Timer::Deadline));
        }
        self.emit(RunEvent::Finished { status, error, at: self.now })
    }

    fn cancel_steps(&mut self) -> Result<(), Illegal> {
        let live = |state: &StepState| matches!(state, StepState::Running | StepState::Suspended { .. });
        for step in self.state.steps().keys(|step| live(step.state())) {
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
