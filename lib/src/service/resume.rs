//! Giving a signal to a run that waits for it.
//!
//! Of several signals for one step the first counts, and its worker decides which that is: the step says which it was
//! given. So whoever sends one is told what became of it when that can be read, and never more than that.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{
    Caller, FoundRun, IdempotencyKey, Until,
    runs::{ReadRunError, Runs},
    signals::{Became, Signals},
    start::check_items,
};
use crate::bus::BusError;
use domain::{
    event::{Payload, ResumeRun},
    ids::{RunId, SignalId, SignalName},
    iteration::Iteration,
    json_text::JsonText,
    limits::{MAX_SIGNAL_BYTES, above},
    measure::input_bytes,
    run::RunStatus,
    violation::{Violation, ViolationCode, Violations},
};

/// How long it is looked what became of a signal. A worker says so within milliseconds.
const OUTCOME: Duration = Duration::from_secs(5);

/// So many names of signals are told of.
const MOST_TOLD: usize = 20;

/// A signal for a run.
#[derive(Debug, Clone)]
pub struct SendSignal {
    /// For which run.
    pub run: RunId,
    /// Its name.
    pub name: SignalName,
    /// What it says: an object, a list of objects, or null.
    pub data: Value,
    /// The client's name for this request: the same key is the same signal.
    pub key: Option<IdempotencyKey>,
    /// Only for a step in that iteration of the loops that it shares with it; `None`: for any.
    pub within: Option<Iteration>,
}

/// What became of a signal.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// Which signal it is: the step that was given it says so.
    pub id: SignalId,
    /// The run as it is now.
    pub run: FoundRun,
    /// Whether a step was given it. If not, the bus has it for good, and its worker has not said yet whether it is the
    /// first.
    pub is_given: bool,
}

/// Why a run was given no signal.
#[derive(Debug, thiserror::Error)]
pub enum ResumeRunError {
    /// It has ended, and that is final.
    #[error("run {run} has ended already: {status}")]
    Ended {
        /// Which run.
        run: RunId,
        /// How.
        status: RunStatus,
    },
    /// No step waits for a signal of that name.
    #[error("run {run} does not wait for a signal {:?} now; it waits for {}", .name.as_str(), told(names))]
    NotWaiting {
        /// Which run.
        run: RunId,
        /// The signal.
        name: SignalName,
        /// What its steps wait for.
        names: Vec<String>,
    },
    /// The step was given another signal before.
    #[error("run {run} was given the signal {:?} already; the first one counts", .name.as_str())]
    AlreadyGiven {
        /// Which run.
        run: RunId,
        /// The signal.
        name: SignalName,
    },
    /// The data is not an object or a list of objects, or too much.
    #[error("the signal's data is not valid")]
    InvalidData(Vec<Violation>),
    /// It is not known whether there is such a run.
    #[error(transparent)]
    Read(#[from] ReadRunError),
    /// It is not known whether the signal was taken; sent again it is the same one only with an `Idempotency-Key`.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// Whether an answer would count now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answerable {
    /// A step waits for it.
    Yes,
    /// There was one.
    Answered,
    /// Nobody waits for it yet, or any more.
    NotNow,
}

fn told(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let mut told: Vec<_> = names.iter().take(MOST_TOLD).map(|name| format!("{name:?}")).collect();
    if names.len() > MOST_TOLD {
        told.push(format!("{} more", names.len() - MOST_TOLD));
    }
    told.join(", ")
}

impl Runs {
    /// Gives a signal to a step that waits for it.
    ///
    /// Whoever is told that it was given, gave it: no other signal reaches that step. While the run's worker is away the
    /// signal waits for it in the log, and is given if no other came first.
    ///
    /// # Errors
    /// When no step waits for it, another one was first, the data is not valid, or a part does not answer.
    pub async fn resume(&self, caller: &Caller, signal: SendSignal) -> Result<Sent, ResumeRunError> {
        let data = text_of(&signal.data)?;
        let SendSignal { run: id, name, key, within, .. } = signal;
        let run = self.read(caller, id, Until::Exists, Duration::ZERO).await?;
        let signal_id = match &key {
            None => SignalId::at(self.clock.now(), rand::random()),
            Some(key) => SignalId::for_idempotency_key(id, &name, key.as_str()),
        };
        let signals = Signals::of(&run);
        if signals.has(signal_id) {
            return Ok(Sent { id: signal_id, run, is_given: true });
        }
        let is_meant = |iteration: &Iteration| within.as_ref().is_none_or(|within| agree(within, iteration));
        let Some(step) = signals.waiting(name.as_str(), is_meant) else {
            let status = run.head().status;
            return Err(if signals.was_given(name.as_str(), is_meant) {
                ResumeRunError::AlreadyGiven { run: id, name }
            } else if status.is_terminal() {
                ResumeRunError::Ended { run: id, status }
            } else {
                ResumeRunError::NotWaiting { run: id, name, names: signals.names() }
            });
        };
        let (node_id, iteration) = (step.node.clone(), step.iteration.clone());
        // Of a loop's earlier iterations the run shows nothing: one of them may have been given it under this key.
        if key.is_some() && !iteration.is_outside() {
            let all = self.read_node(caller, id, (&node_id, None), Until::Exists, Duration::ZERO).await?;
            if Signals::of(&all).has(signal_id) {
                return Ok(Sent { id: signal_id, run, is_given: true });
            }
        }
        let resume = ResumeRun {
            run_id: id,
            node_id,
            iteration,
            signal_id,
            name,
            data,
            requested_at: self.clock.now(),
        };
        let event = caller.event(&*self.clock, Payload::RunResumeRequested(resume.clone()));
        self.bus.publish(std::slice::from_ref(&event)).await?;
        self.outcome(caller, resume, run).await
    }

    /// Whether a signal of that name would be taken now from who is in that iteration.
    ///
    /// # Errors
    /// When there is no such run, or the store does not answer.
    pub async fn answerable(
        &self,
        caller: &Caller,
        run: RunId,
        name: &SignalName,
        within: &Iteration,
    ) -> Result<Answerable, ReadRunError> {
        let run = self.read(caller, run, Until::Exists, Duration::ZERO).await?;
        let (signals, is_meant) = (Signals::of(&run), |iteration: &Iteration| agree(within, iteration));
        Ok(if signals.waiting(name.as_str(), is_meant).is_some() {
            Answerable::Yes
        } else if signals.was_given(name.as_str(), is_meant) {
            Answerable::Answered
        } else {
            Answerable::NotNow
        })
    }

    /// Waits for what becomes of a signal that the bus has. Whatever keeps that from being read is no reason to say
    /// anything else than that it was sent.
    async fn outcome(
        &self,
        caller: &Caller,
        sent: ResumeRun,
        mut run: FoundRun,
    ) -> Result<Sent, ResumeRunError> {
        let ResumeRun { run_id, node_id, iteration, signal_id, name, .. } = sent;
        let deadline = Instant::now() + OUTCOME;
        loop {
            let mut became = Signals::of(&run).became(&node_id, &iteration, signal_id);
            if became == Became::NotShown
                && let Ok(all) =
                    self.read_node(caller, run_id, (&node_id, None), Until::Exists, Duration::ZERO).await
            {
                became = Signals::of(&all).became(&node_id, &iteration, signal_id);
            }
            match became {
                Became::Given => return Ok(Sent { id: signal_id, run, is_given: true }),
                Became::GivenAnother => return Err(ResumeRunError::AlreadyGiven { run: run_id, name }),
                Became::Late => {
                    let status = run.head().status;
                    return Err(if status.is_terminal() {
                        ResumeRunError::Ended { run: run_id, status }
                    } else {
                        ResumeRunError::NotWaiting { run: run_id, name, names: Signals::of(&run).names() }
                    });
                }
                Became::Waits | Became::NotShown => {}
            }
            let (before, left) = (run.head(), deadline.saturating_duration_since(Instant::now()));
            if !left.is_zero()
                && let Ok(next) = self.read(caller, run_id, Until::After(before.revision), left).await
                && next.head() != before
            {
                run = next;
                continue;
            }
            return Ok(Sent { id: signal_id, run, is_given: false });
        }
    }
}

/// Whether two steps are in the same iteration of the loops around both, as far as their paths tell.
fn agree(one: &Iteration, other: &Iteration) -> bool {
    one.counters().iter().zip(other.counters()).all(|(one, other)| one == other)
}

/// The data as the event carries it.
fn text_of(data: &Value) -> Result<JsonText, ResumeRunError> {
    check_items(data, "data").map_err(ResumeRunError::InvalidData)?;
    let refused = |code, message| {
        let mut violations = Violations::new();
        violations.add("data", code, message);
        ResumeRunError::InvalidData(violations.into_vec())
    };
    let bytes = input_bytes(data).map_err(|too_deep| refused(ViolationCode::Limit, too_deep.to_string()))?;
    if bytes > MAX_SIGNAL_BYTES {
        let message = above(bytes, "bytes of compact JSON", MAX_SIGNAL_BYTES, "MAX_SIGNAL_BYTES");
        return Err(refused(ViolationCode::Limit, message));
    }
    JsonText::of(data).map_err(|error| {
        refused(ViolationCode::InvalidValue, format!("it cannot be written as JSON: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iterations_agree_as_far_as_both_tell() {
        let at = |counters: &[u32]| Iteration::from(counters.to_vec());
        for (one, other, agrees) in [
            (&[][..], &[][..], true),
            (&[], &[3], true),
            (&[3], &[3, 7], true),
            (&[3, 7], &[3], true),
            (&[3], &[4], false),
            (&[3, 7], &[3, 8], false),
        ] {
            assert_eq!(agree(&at(one), &at(other)), agrees, "{one:?} {other:?}");
        }
    }
}
