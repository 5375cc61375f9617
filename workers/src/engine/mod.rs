//! The engine: what a run does next, given what has happened so far.
//!
//! It is pure: no I/O, no clock, no randomness, no tasks. [`step`] takes a [`Command`] and gives a [`Decision`]: the
//! events to write and, only then, the effects to perform. [`RunState::apply`] is the only mutation, so a run is a
//! fold over its events, and recovery is that fold followed by [`Command::Recover`].
//!
//! `step` takes the state mutably and applies each event as it decides it: one finished step may settle hundreds of
//! nodes, each of which decides about the next, so deciding against an unchanged state would need a second copy of
//! the same bookkeeping. The price: until the events are durable the state is ahead of the journal. Who cannot write
//! a decision must drop the state and fold it again.

mod apply;
mod command;
mod crossings;
mod effect;
mod event;
pub mod facts;
mod flow;
mod header;
mod illegal;
pub(crate) mod kept;
mod key;
mod options;
mod scope_run;
mod state;
mod step_calls;
mod step_run;
mod step_state;
mod steps;
#[cfg(test)]
mod tests;
mod verbs;

pub use domain::definition::inputs::Input;
use domain::timestamp::Timestamp;

pub use command::{Call, CalledRun, Calling, Command, Later, Outcome, StepFailure, Timer};
pub use crossings::Crossings;
pub use effect::{Decision, Effect, Execute, Woken};
pub use event::{AttemptFailure, Called, RunEvent, StepChange, StepEvent, Suspension, Wake};
pub use header::RunHeader;
pub use illegal::Illegal;
pub use key::StepKey;
pub use scope_run::{Brought, Round};
pub use state::RunState;
pub use step_run::StepRun;
pub use step_state::StepState;
pub use steps::Steps;
use verbs::Deciding;

/// Decides what follows from `command`, and brings `state` up to date with it.
///
/// # Errors
/// When the command does not fit the state: then nothing has changed.
pub fn step(state: &mut RunState, command: Command, now: Timestamp) -> Result<Decision, Illegal> {
    state.ensure_not_ended()?;
    let mut deciding = Deciding::new(state, now);
    match command {
        Command::Start => deciding.start()?,
        Command::Queue => deciding.queue()?,
        Command::AwaitSeat => deciding.await_seat()?,
        Command::NoSeat => deciding.no_seat()?,
        Command::StepFinished { step, attempt, outcome, jitter } => {
            deciding.finish_step(&step, attempt, outcome, jitter)?;
        }
        Command::TimerFired(timer) => deciding.fire(timer)?,
        Command::Signal { step, id, name, data } => deciding.signal(step, id, &name, data)?,
        Command::RunEnded { run, end } => deciding.run_ended(run, &end)?,
        Command::Stop => deciding.put_aside()?,
        Command::Recover => deciding.recover()?,
        Command::Fail { error } => deciding.fail(error)?,
        Command::GiveWay { error } => deciding.give_way(error)?,
        Command::Cancel { reason } => deciding.cancel(reason)?,
    }
    Ok(deciding.decision)
}
