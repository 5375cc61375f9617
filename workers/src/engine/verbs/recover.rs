//! Recover: the worker has restarted.
//!
//! It starts from whatever prefix of the events has survived, and leads to what they would have led to: what was
//! decided but not yet written is decided again.

use domain::run::NodeError;

use super::Deciding;
use crate::engine::{
    command::Timer,
    effect::Effect,
    event::{StepChange, Wake},
    illegal::Illegal,
    key::StepKey,
    state::{Phase, RunState},
    step_state::StepState,
};

/// How often a crash may cut off one step. A step that takes its worker down with it would do so for ever.
const MAX_INTERRUPTIONS: u32 = 5;

impl Deciding<'_> {
    pub(in crate::engine) fn recover(&mut self) -> Result<(), Illegal> {
        if self.state.progress.phase == Phase::Queued {
            return self.start();
        }
        if let Some(error) = fatal_error(self.state) {
            return self.fail_run(error);
        }
        if self.is_too_late() {
            return self.time_out();
        }
        // Neither of the above, but steps were being cancelled: what would come next was above a limit, or else it is a
        // cancel.
        if self.state.steps().iter().any(|(_, step)| *step.state() == StepState::Cancelled) {
            let next = self.state.progress.ready.front().copied();
            return match next.and_then(|node| self.above_limit(node)) {
                Some(error) => self.fail_run(error),
                None => self.cancel("the run was cancelled, and its worker stopped meanwhile".to_owned()),
            };
        }
        let running: Vec<_> = self.state.running().collect();
        let timers: Vec<_> = self.state.timers().collect();
        let suspended: Vec<_> = self.state.suspended().map(|(step, _)| step).collect();
        // Those that end first: what they lead to is not begun twice, and a run that fails begins nothing.
        let (crashing, cut_off): (Vec<_>, Vec<_>) = running.into_iter().partition(|(step, _)| {
            let run = self.state.steps().get(step);
            run.is_some_and(|run| !run.is_put_aside() && run.interruptions() >= MAX_INTERRUPTIONS)
        });
        for (step, attempt) in crashing {
            self.give_up(&step, attempt)?;
            if self.state.is_terminal() {
                return Ok(());
            }
        }
        for (step, attempt) in cut_off {
            self.change(&step, attempt, StepChange::Interrupted)?;
            self.execute(step)?;
        }
        for (timer, at) in timers {
            match timer {
                Timer::Wake(step) if at <= self.now => self.resume(step, Wake::Moment)?,
                timer => self.effect(Effect::SetTimer { timer, at }),
            }
        }
        for step in suspended {
            self.resume_if_runs_ended(step)?;
        }
        self.settle_all()
    }

    fn give_up(&mut self, step: &StepKey, attempt: u32) -> Result<(), Illegal> {
        let times = self.step(step)?.interruptions() + 1;
        let message = format!(
            "the worker crashed {times} times while this step was running; it may need more memory than there is"
        );
        let error = NodeError::new("worker_crashed", message);
        self.fail_step(step, attempt, error, None)
    }
}

/// The error of a step that has failed the run, when that end itself was not written.
fn fatal_error(state: &RunState) -> Option<Box<NodeError>> {
    state.steps().iter().find_map(|(_, step)| match step.state() {
        StepState::Failed { error, output: None } => Some(error.clone()),
        _ => None,
    })
}
