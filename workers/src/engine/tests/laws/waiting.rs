//! What steps wait for that is not their own work: moments, signals. And how it comes.

use std::{sync::Arc, time::Duration};

use domain::{
    ids::{SignalId, SignalName},
    run::{RunStatus, WaitsFor},
    timestamp::Timestamp,
};
use serde_json::{Value, json};

use super::world::World;
use crate::engine::{Command, StepChange, StepKey, Timer};

/// The signals that steps wait for.
pub(super) const SIGNALS: [&str; 2] = ["approved", "paid"];

/// What a step waits for, as these bits say: a moment, a signal, or whatever of them comes first.
pub(super) fn waits_for(bits: u64, now: Timestamp) -> WaitsFor {
    let until = Some(now.plus(Duration::from_secs(bits >> 3 & 0b1111)));
    let signal = Some(SIGNALS[usize::from(bits >> 7 & 1 != 0)].to_owned());
    let (moment, nothing) = (WaitsFor::moment(now), WaitsFor::default());
    match bits & 0b111 {
        0..=2 => WaitsFor { until, ..moment },
        3 | 4 => WaitsFor { signal, ..nothing },
        _ => WaitsFor { signal, until, ..nothing },
    }
}

impl World {
    /// A signal for the first step that waits for it, which goes on and no other; for a step that does not, it is refused.
    pub(super) fn signal(&mut self, name: &str) {
        let waits = |waits: &WaitsFor| waits.signal.as_deref() == Some(name);
        let waiting = self.state.suspended().find(|(_, waits_for)| waits(waits_for)).map(|(step, _)| step);
        let data: Arc<Value> = Arc::new(json!({ "by": "somebody" }));
        let command = |step| Command::Signal {
            step,
            // Each signal is another one.
            id: SignalId::at(self.now, self.journal.len() as u128),
            name: SignalName::parse(name).unwrap(),
            data: Arc::clone(&data),
        };
        let (given, late) = (waiting.clone().map(&command), command(StepKey::outside(0)));
        assert!(self.tell(late).is_err(), "a trigger waits for no signal");
        if let Some(given) = given {
            self.tell(given).unwrap();
            assert_eq!(self.went_on(waiting.as_ref()), 1, "one step takes a signal");
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
        match signal {
            Some(signal) if !wakes || !pick.is_multiple_of(2) => self.signal(&signal),
            _ => self.fire(),
        }
    }

    /// How many steps the last decision let go on; all of them are this one.
    fn went_on(&self, expected: Option<&StepKey>) -> usize {
        let mut steps = self.last.iter().filter_map(|event| match event {
            crate::engine::RunEvent::Step(event) => {
                matches!(event.change, StepChange::Resumed { .. }).then_some(&event.step)
            }
            _ => None,
        });
        let first = steps.next();
        assert_eq!(first, expected);
        usize::from(first.is_some()) + steps.count()
    }
}
