//! Where one step of a run is, and what may happen to it.

use std::sync::Arc;

use domain::{
    ids::RunId,
    items::Output,
    iteration::Iteration,
    run::{FailedAttempt, GivenSignal, NodeError, WaitsFor},
    timestamp::Timestamp,
};
use serde_json::Value;

use super::{
    effect::Woken,
    event::{AttemptFailure, StepChange, StepEvent, Suspension, Wake},
    illegal::Illegal,
    step_state::StepState,
};

/// A step of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRun {
    pub(super) iteration: Iteration,
    pub(super) state: StepState,
    /// Attempts begun so far: the number of the one that is under way.
    pub(super) attempts: u32,
    pub(super) interruptions: u32,
    /// Whether the worker stopped in order while an attempt was under way.
    pub(super) put_aside: bool,
    pub(super) started_at: Option<Timestamp>,
    pub(super) tried_since: Option<Timestamp>,
    pub(super) finished_at: Option<Timestamp>,
    pub(super) ordinal: Option<u32>,
    pub(super) changed: u64,
    /// What it gave, once it is settled, in bytes of compact JSON.
    pub(super) bytes: usize,
    /// The signal that it was given.
    pub(super) signal: Option<Box<GivenSignal>>,
    /// Set from the first failed attempt or the first wait until the step is settled.
    pub(super) carried: Option<Box<Carried>>,
}

/// What is handed from one execution of a step to the next.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Carried {
    /// Why the last attempt failed, and the history of all that did.
    pub(crate) error: Option<NodeError>,
    /// What the step keeps.
    pub(crate) kept: Option<Arc<Value>>,
    /// What its last wait brought.
    pub(crate) woken: Option<Woken>,
    /// Runs that it waited for, and that have ended, of which it was not told yet.
    pub(crate) ended: Vec<(RunId, Arc<Value>)>,
    /// Runs that it waits for, and that have not ended; also while it goes on.
    pub(crate) open: Vec<RunId>,
    /// Whether it goes on when one of them has ended.
    pub(crate) any: bool,
}

impl StepRun {
    pub(super) const fn new(iteration: Iteration, open: u32, delivering: u32) -> Self {
        Self {
            iteration,
            state: StepState::Pending { open, delivering },
            attempts: 0,
            interruptions: 0,
            put_aside: false,
            started_at: None,
            tried_since: None,
            finished_at: None,
            ordinal: None,
            changed: 0,
            bytes: 0,
            signal: None,
            carried: None,
        }
    }

    /// Which iteration of the loops around its node.
    #[must_use]
    pub const fn iteration(&self) -> &Iteration {
        &self.iteration
    }

    /// Where it is.
    #[must_use]
    pub const fn state(&self) -> &StepState {
        &self.state
    }

    /// Attempts begun so far.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Attempts that a crash of the worker cut off; an orderly stop does not count.
    #[must_use]
    pub const fn interruptions(&self) -> u32 {
        self.interruptions
    }

    /// Whether the worker stopped in order while its attempt was under way.
    #[must_use]
    pub const fn is_put_aside(&self) -> bool {
        self.put_aside
    }

    /// When the first attempt began.
    #[must_use]
    pub const fn started_at(&self) -> Option<Timestamp> {
        self.started_at
    }

    /// When it began, or went on after a wait: retries count their time from here.
    pub(super) const fn tried_since(&self) -> Option<Timestamp> {
        self.tried_since
    }

    /// When it was settled.
    #[must_use]
    pub const fn finished_at(&self) -> Option<Timestamp> {
        self.finished_at
    }

    /// Its place (from 0) in the order in which the run's steps began or were skipped; `None`: neither yet.
    #[must_use]
    pub const fn ordinal(&self) -> Option<u32> {
        self.ordinal
    }

    /// The run's revision at which it changed last; 0: never.
    #[must_use]
    pub const fn changed(&self) -> u64 {
        self.changed
    }

    /// Its output, once it is settled and has one.
    #[must_use]
    pub const fn output(&self) -> Option<&Arc<Output>> {
        match &self.state {
            StepState::Succeeded { output } | StepState::Failed { output: Some(output), .. } => Some(output),
            _ => None,
        }
    }

    /// Why it failed, or why the last attempt did.
    #[must_use]
    pub fn error(&self) -> Option<&NodeError> {
        match &self.state {
            StepState::Failed { error, .. } => Some(error),
            _ => self.carried.as_ref()?.error.as_ref(),
        }
    }

    /// What it keeps for its next execution.
    #[must_use]
    pub fn kept(&self) -> Option<&Arc<Value>> {
        self.carried.as_ref()?.kept.as_ref()
    }

    /// What the wait before its execution now brought.
    #[must_use]
    pub fn woken(&self) -> Option<&Woken> {
        self.carried.as_ref()?.woken.as_ref()
    }

    /// The signal that it waited for, once it was given.
    #[must_use]
    pub fn signal(&self) -> Option<&GivenSignal> {
        self.signal.as_deref()
    }

    /// What it waits for, while it is suspended.
    #[must_use]
    pub const fn waits_for(&self) -> Option<&WaitsFor> {
        match &self.state {
            StepState::Suspended { waits_for, .. } => Some(waits_for),
            _ => None,
        }
    }

    /// Attempts that failed so far, without those that were not made.
    pub(super) fn failures(&self) -> u32 {
        let history = self.carried.as_ref().and_then(|carried| carried.error.as_ref());
        history.map_or(0, |error| u32::try_from(error.history.len()).unwrap_or(u32::MAX))
    }

    /// The attempt that begins or goes on when it is resumed.
    pub(super) const fn next_attempt(&self) -> u32 {
        match self.state {
            StepState::Suspended { retrying: true, .. } => self.attempts.saturating_add(1),
            _ => self.attempts,
        }
    }

    /// Takes what happened to it into account; `input` is what a trigger or a pinned node gives.
    ///
    /// # Errors
    /// When it cannot follow; then nothing has changed.
    pub(super) fn apply(
        &mut self,
        event: &StepEvent,
        input: impl FnOnce() -> Result<Arc<Output>, Illegal>,
    ) -> Result<(), Illegal> {
        let StepEvent { attempt, at, .. } = *event;
        match (&self.state, &event.change) {
            (StepState::Pending { open: 0, delivering: 0 }, StepChange::Triggered) => {
                let output = input()?;
                self.begin(1, at);
                self.settle(StepState::Succeeded { output }, at);
            }
            (StepState::Pending { open: 0, .. }, StepChange::Pinned) => {
                let output = input()?;
                self.settle(StepState::Succeeded { output }, at);
            }
            // Of a node that does not belong to the run, whatever it is given.
            (StepState::Pending { open: 0, .. }, StepChange::Skipped) => {
                self.settle(StepState::Skipped, at);
            }
            (StepState::Pending { open: 0, delivering: 1.. }, StepChange::Started) if attempt == 1 => {
                self.begin(1, at);
            }
            (StepState::Suspended { waits_for, .. }, StepChange::Resumed { by })
                if attempt == self.next_attempt() =>
            {
                if let Wake::Signal { id, .. } = by {
                    let name = waits_for.signal.clone().unwrap_or_default();
                    self.signal = Some(Box::new(GivenSignal { name, id: *id, at }));
                }
                // What a wait brought is still true for a further attempt after it.
                if !matches!(self.state, StepState::Suspended { retrying: true, .. }) {
                    let carried = self.carried.get_or_insert_default();
                    let mut ended = carried.woken.take().map_or_else(Vec::new, |woken| woken.ended);
                    ended.append(&mut carried.ended);
                    carried.woken = Some(Woken { by: by.clone(), ended });
                }
                self.begin(attempt, at);
            }
            (StepState::Running | StepState::Suspended { .. }, StepChange::RunEnded { run, end })
                if self.open_runs().contains(run) =>
            {
                if let StepState::Suspended { waits_for, .. } = &mut self.state {
                    waits_for.runs.retain(|waited| waited != run);
                }
                let carried = self.carried.get_or_insert_default();
                carried.open.retain(|waited| waited != run);
                carried.ended.push((*run, Arc::clone(end)));
            }
            (StepState::Running | StepState::Suspended { .. }, StepChange::Cancelled) => {
                self.settle(StepState::Cancelled, at);
            }
            (StepState::Running, change) if Self::ends_an_attempt(change) => {
                if attempt != self.attempts {
                    return Err(Illegal::StaleAttempt { step: event.step.clone(), attempt });
                }
                self.end_attempt(change, at);
            }
            (state, change) => {
                let (event, step) = (change.name(), event.step.clone());
                return Err(Illegal::Event { event, step, state: state.name() });
            }
        }
        Ok(())
    }

    const fn ends_an_attempt(change: &StepChange) -> bool {
        matches!(
            change,
            StepChange::Succeeded { .. }
                | StepChange::Suspended(_)
                | StepChange::PutAside
                | StepChange::Interrupted
                | StepChange::Failed { .. }
        )
    }

    fn end_attempt(&mut self, change: &StepChange, at: Timestamp) {
        match change {
            StepChange::Succeeded { output } => {
                self.settle(StepState::Succeeded { output: Arc::clone(output) }, at);
            }
            StepChange::Failed { error, output } => {
                self.settle(StepState::Failed { error: error.clone(), output: output.clone() }, at);
            }
            StepChange::PutAside => self.put_aside = true,
            StepChange::Interrupted => {
                self.interruptions += u32::from(!std::mem::take(&mut self.put_aside));
                self.attempts = self.attempts.saturating_add(1);
            }
            StepChange::Suspended(suspension) => self.suspend(suspension, at),
            _ => {}
        }
    }

    fn begin(&mut self, attempt: u32, at: Timestamp) {
        self.attempts = attempt;
        self.started_at.get_or_insert(at);
        if !matches!(self.state, StepState::Suspended { retrying: true, .. }) {
            self.tried_since = Some(at);
        }
        self.state = StepState::Running;
    }

    fn suspend(&mut self, suspension: &Suspension, at: Timestamp) {
        let Suspension { waits_for, kept, failure, called } = suspension;
        self.put_aside = false;
        let attempt = self.attempts;
        let carried = self.carried.get_or_insert_default();
        if let Some(kept) = kept {
            carried.kept = Some(Arc::clone(kept));
        }
        if let Some(AttemptFailure { error, spared }) = failure {
            let mut history = carried.error.take().map_or_else(Vec::new, |before| before.history);
            if !spared {
                history.push(FailedAttempt::of(error, attempt, at, waits_for.until));
            }
            carried.error = Some(NodeError { history, ..NodeError::clone(error) });
        } else {
            // What has come of the runs that it called is told again each time it goes on.
            carried.woken = carried.woken.take().filter(|_| called.is_some());
            carried.open.clone_from(&waits_for.runs);
            carried.any = called.is_some_and(|called| called.any);
        }
        let (waits_for, retrying) = (Box::new(waits_for.clone()), failure.is_some());
        self.state = StepState::Suspended { waits_for, retrying };
    }

    fn settle(&mut self, settled: StepState, at: Timestamp) {
        // A cancelled step still tells why its last attempt failed; whatever else is settled does not need it.
        if settled == StepState::Cancelled {
            if let Some(carried) = &mut self.carried {
                **carried = Carried { error: carried.error.take(), ..Carried::default() };
            }
        } else {
            self.carried = None;
        }
        self.state = settled;
        self.finished_at = Some(at);
    }
}
