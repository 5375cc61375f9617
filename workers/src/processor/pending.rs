//! What a turn changes of a run.

use std::collections::BTreeMap;

use domain::{ids::RunId, timestamp::Timestamp};

use crate::engine::{CalledRun, Effect, RunEvent, StepKey, Timer};

/// What a turn changes of a run.
pub(super) struct Pending {
    pub(super) events: Vec<RunEvent>,
    /// Timers that are set, or not needed any more.
    pub(super) timers: BTreeMap<Timer, Option<Timestamp>>,
    /// Whether there are attempts to begin after the commit. (Which, the run's state says.)
    pub(super) begins: bool,
    /// Steps whose attempts to cut off after the commit.
    pub(super) aborts: Vec<StepKey>,
    /// Runs to start in the same commit.
    pub(super) starts: Vec<CalledRun>,
    /// Called runs that nobody waits for any more.
    pub(super) orphans: Vec<RunId>,
}

impl Pending {
    pub(super) const fn new() -> Self {
        Self {
            events: Vec::new(),
            timers: BTreeMap::new(),
            begins: false,
            aborts: Vec::new(),
            starts: Vec::new(),
            orphans: Vec::new(),
        }
    }

    /// Notes what has to be done after the commit.
    pub(super) fn add(&mut self, effect: Effect) {
        match effect {
            Effect::Execute(_) => self.begins = true,
            Effect::Abort(step) => self.aborts.push(step),
            Effect::SetTimer { timer, at } => {
                self.timers.insert(timer, Some(at));
            }
            Effect::CancelTimer(timer) => {
                self.timers.insert(timer, None);
            }
            Effect::StartRun(run) => self.starts.push(*run),
            Effect::CancelRuns(runs) => self.orphans.extend(runs),
        }
    }
}
