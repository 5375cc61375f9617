//! What a run refuses.

use domain::run::RunStatus;

use super::{command::Timer, key::StepKey};

/// A command or an event that does not fit the run's state. Most are the late echo of something that is settled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// The run has ended, and that is final.
    #[error("the run has ended: {0}")]
    Terminal(RunStatus),
    /// The run has not begun.
    #[error("the run has not started")]
    NotStarted,
    /// The run has begun already.
    #[error("the run has started already")]
    AlreadyStarted,
    /// The run has no such step.
    #[error("there is no step of node {} in iteration [{}]", .0.node, .0.iteration)]
    UnknownStep(StepKey),
    /// The attempt is not the one that is under way.
    #[error("attempt {attempt} of node {} is not under way", step.node)]
    StaleAttempt {
        /// Which step.
        step: StepKey,
        /// The attempt that was reported.
        attempt: u32,
    },
    /// Nothing waits for the timer any more.
    #[error("nothing waits for the timer {0:?}")]
    StaleTimer(Timer),
    /// No step waits for it.
    #[error("no step waits for {0}")]
    NobodyWaits(String),
    /// The signal's data is above a limit, which the text names.
    #[error("the signal's data cannot be taken: {0}")]
    Signal(String),
    /// The run's input is not items.
    #[error("{0}")]
    Input(String),
    /// The run's plan gives the step no output; the journal is damaged or was written by newer code.
    #[error("the run's plan has no pins for node {}", .0.node)]
    NotPinned(StepKey),
    /// The event cannot follow; the journal is damaged or was written by newer code.
    #[error("{event} cannot follow when the step of node {} is {state}", step.node)]
    Event {
        /// The event's name.
        event: &'static str,
        /// Which step.
        step: StepKey,
        /// What the step is.
        state: &'static str,
    },
    /// What was kept of the run is of another workflow; the journal is damaged or was written by newer code.
    #[error("what was kept of the run does not fit its workflow")]
    OtherWorkflow,
    /// A run cannot end like that.
    #[error("a run cannot end as {0} now")]
    End(RunStatus),
}
