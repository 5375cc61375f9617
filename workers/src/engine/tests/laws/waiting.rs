//! What steps wait for that is not their own work: moments, signals, the ends of runs. And how it comes.

use std::{sync::Arc, time::Duration};

use domain::{
    ids::RunId,
    run::{RunStatus, WaitsFor},
    timestamp::Timestamp,
};
use serde_json::{Value, json};

use super::world::World;
use crate::engine::{Command, RunState, StepChange, StepKey, Timer};

/// The signals that steps wait for.
pub(super) const SIGNALS: [&str; 2] = ["approved", "paid"];

/// What a step waits for, as these bits say: a moment, a signal, the ends of its runs, or whatever of them comes first.
pub(super) fn waits_for(step: &StepKey, bits: u64, now: Timestamp) -> WaitsFor {
    let until = Some(now.plus(Duration::from_secs(bits >> 3 & 0b1111)));
    let signal = Some(SIGNALS[usize::from(bits >> 7 & 1 != 0)].to_owned());
    let runs = runs_of(step, 1 + (bits >> 6 & 1));
    let (moment, nothing) = (WaitsFor::moment(now), WaitsFor::default());
    match bits & 0b111 {
        0..=2 => WaitsFor { until, ..moment },
        3 => WaitsFor { signal, ..nothing },
        4 => WaitsFor { signal, until, ..nothing },
        5 => WaitsFor { runs, ..nothing },
        6 => WaitsFor { runs, until, ..nothing },
        _ => WaitsFor { until, signal, runs },
    }
}

/// A run has one parent, so each step has its own ones.
fn runs_of(step: &StepKey, count: u64) -> Vec<RunId> {
    let place = step
        .iteration
        .counters()
        .iter()
        .fold(step.node as u128, |place, counter| place * 1_000 + u128::from(*counter));
    (0..u128::from(count)).map(|n| RunId::at(Timestamp::from_millis(1), place * 4 + n)).collect()
}

/// The runs that steps wait for.
fn awaited(state: &RunState) -> Vec<RunId> {
    state.suspended().flat_map(|(_, waits)| waits.runs.iter().copied()).collect()
}

impl World {
    /// A signal: whoever waits for it goes on, one step at most; else it is refused.
    pub(super) fn signal(&mut self, name: &str) {
        let waited = |state: &RunState| {
            let waiting = state.suspended().filter(|(_, waits)| waits.signal.as_deref() == Some(name));
            waiting.map(|(step, _)| step).collect::<Vec<_>>()
        };
        let before = waited(&self.state);
        let data: Arc<Value> = Arc::new(json!({ "by": "somebody" }));
        let told = self.tell(Command::Signal { name: name.to_owned(), data });
        assert_eq!(told.is_ok(), !before.is_empty(), "a signal is taken if and only if a step waits for it");
        if told.is_ok() {
            assert_eq!(self.went_on(before.into_iter().next()), 1, "one step takes a signal");
        }
    }

    /// One of the runs ends that steps wait for; else one that nobody waits for, which is refused.
    pub(super) fn end_run(&mut self, pick: usize) {
        let awaited = awaited(&self.state);
        let run = awaited.get(pick % awaited.len().max(1)).copied();
        let unknown = RunId::at(Timestamp::from_millis(2), pick as u128);
        let command = |run| Command::RunEnded { run, end: Arc::new(json!({ "status": "succeeded" })) };
        assert_eq!(self.tell(command(run.unwrap_or(unknown))).is_ok(), run.is_some());
        if let Some(run) = run {
            assert!(self.tell(command(run)).is_err(), "a run ends once");
        }
    }

    /// The run's time is up, wherever it is.
    pub(super) fn time_is_up(&mut self) {
        let Some(at) = self.state.deadline() else { return };
        self.now = self.now.max(at);
        self.tell(Command::TimerFired(Timer::Deadline)).unwrap();
        assert_eq!(self.state.status(), RunStatus::TimedOut, "a run ends with its time");
    }

    /// Something comes of what steps wait for.
    pub(super) fn go_on(&mut self, pick: usize) {
        let wakes = self.state.timers().any(|(timer, _)| matches!(timer, Timer::Wake(_)));
        let signal = self.state.suspended().find_map(|(_, waits)| waits.signal.clone());
        let awaited = !awaited(&self.state).is_empty();
        match signal {
            _ if wakes && pick.is_multiple_of(2) => self.fire(),
            Some(signal) => self.signal(&signal),
            None if awaited => self.end_run(pick),
            None => self.fire(),
        }
    }

    /// How many steps the last decision let go on; all of them are this one.
    fn went_on(&self, expected: Option<StepKey>) -> usize {
        let mut steps = self.last.iter().filter_map(|event| match event {
            crate::engine::RunEvent::Step(event) => {
                matches!(event.change, StepChange::Resumed { .. }).then_some(&event.step)
            }
            _ => None,
        });
        let first = steps.next();
        assert_eq!(first, expected.as_ref());
        usize::from(first.is_some()) + steps.count()
    }
}
