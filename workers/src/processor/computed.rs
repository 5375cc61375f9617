//! What steps came to, as commands.

use metrics::counter;
use minireipaz::telemetry::names;

use super::{active::Active, weight};
use crate::{
    engine::{Command, Effect, Outcome, StepKey},
    runner::Runner,
    step::internal,
};

/// Computes what an effect asks for, if that takes microseconds; also about how many bytes came of it. Computing is no
/// effect on the world, so it need not wait for the commit.
pub(super) fn compute(runner: &Runner, active: &Active, effect: &Effect) -> Option<(Command, usize)> {
    let Effect::Execute(execute) = effect else { return None };
    if !active.is_pure(&execute.step) {
        return None;
    }
    let attempt = active.attempt(execute.clone());
    let outcome = runner.run_inline(&attempt)?;
    let bytes = weight::of_outcome(&outcome);
    Some((finished(attempt.task.step, attempt.task.attempt, outcome), bytes))
}

pub(super) fn finished(step: StepKey, attempt: u32, outcome: Outcome) -> Command {
    counter!(names::WORKER_STEPS, names::OUTCOME => outcome.name()).increment(1);
    Command::StepFinished { step, attempt, outcome, jitter: rand::random() }
}

/// The outcome of a step whose task ended without one.
pub(super) fn lost() -> Outcome {
    internal("the step's task ended without a result, which is a bug of the worker")
}
