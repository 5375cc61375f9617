//! The end of a turn's deciding: what changed becomes rows.

use domain::{ids::RunId, timestamp::Timestamp};
use serde::Serialize;

use super::{
    active::{Active, Pending, Stored},
    core::Core,
    told,
    turn::{Effects, Turn},
};
use crate::{
    engine::{RunHeader, RunState, Timer, facts},
    journal::{DocumentHash, JournalError, Op, TimerRow},
    recorder::{Row, RunRow, StepRow},
};

/// A run's header in the journal.
#[derive(Serialize)]
struct HeaderRow<'a> {
    /// The SHA-256 of the document.
    document: &'a DocumentHash,
    header: &'a RunHeader,
}

impl Core {
    /// Turns what the touched runs have gone through into writes, and into effects for after the commit.
    pub(super) fn seal(&mut self, turn: &mut Turn) -> Result<(), JournalError> {
        for run in std::mem::take(&mut turn.touched) {
            let Some(active) = self.runs.get_mut(&run) else { continue };
            let Some(pending) = active.pending.take() else { continue };
            if !pending.events.is_empty() {
                turn.rows.push(Row::Run(Box::new(changes(&active.state, pending.revision))));
            }
            let Pending { events, timers, executes, aborts, .. } = *pending;
            told::tell(&active.state, &events);
            turn.effects.push(Effects { run, aborts, executes });
            if active.state.is_terminal() {
                let ops = &mut turn.batch.ops;
                erase(run, active, ops);
                let attempt = active.state.header().attempt;
                ops.push(Op::Finish { run, attempt, at: turn.now });
                continue;
            }
            let ops = &mut turn.batch.ops;
            let stored = match &mut active.stored {
                Some(stored) => stored,
                none => {
                    let header = HeaderRow { document: &active.hash, header: active.state.header() };
                    ops.push(Op::Start {
                        run,
                        header: json(&header)?,
                        hash: active.hash,
                        document: active.document.clone(),
                    });
                    none.insert(Stored::default())
                }
            };
            if !events.is_empty() {
                ops.push(Op::Append { run, row: stored.rows, events: json(&events)? });
                stored.rows += 1;
            }
            for (timer, at) in timers {
                let before = stored.timers.get(&timer).copied();
                if before == at {
                    continue;
                }
                if let Some(at) = before {
                    stored.timers.remove(&timer);
                    ops.push(Op::ClearTimer(timer_row(run, timer, at)));
                }
                if let Some(at) = at {
                    stored.timers.insert(timer, at);
                    ops.push(Op::SetTimer(timer_row(run, timer, at)));
                    self.next_due = Some(self.next_due.map_or(at, |due| due.min(at)));
                }
            }
            let parked = active.state.is_parked();
            if parked != stored.parked {
                stored.parked = parked;
                ops.push(if parked { Op::Park { run } } else { Op::Unpark { run } });
            }
        }
        for row in turn.rows.iter() {
            let sequence = self.next_sequence + turn.batch.outbox.len() as u64;
            turn.batch.outbox.push((sequence, json(row)?));
        }
        Ok(())
    }

    /// Forgets a run that a newer attempt replaces.
    pub(super) fn drop_run(&mut self, turn: &mut Turn, run: RunId) {
        let Some(active) = self.runs.remove(&run) else { return };
        turn.touched.retain(|touched| *touched != run);
        let tenant = &active.state.header().tenant;
        turn.cut_off.extend(active.state.running().map(|(node, _)| (tenant.clone(), run, node)));
        erase(run, &active, &mut turn.batch.ops);
    }
}

fn erase(run: RunId, active: &Active, ops: &mut Vec<Op>) {
    if let Some(stored) = &active.stored {
        ops.push(Op::Erase { run, hash: Some(active.hash) });
        ops.extend(stored.timers.iter().map(|(timer, at)| Op::ClearTimer(timer_row(run, *timer, *at))));
    }
}

/// A timer as the journal keeps it.
fn timer_row(run: RunId, timer: Timer, at: Timestamp) -> TimerRow {
    // A timer is made of numbers only, so it can always be written.
    TimerRow { at, run, timer: serde_json::to_vec(&timer).unwrap_or_default() }
}

/// The run as it is now, with the steps that changed since `revision`.
fn changes(state: &RunState, revision: u64) -> RunRow {
    let steps = facts::changed_since(state, revision).filter_map(|node| {
        let step = facts::step(state, node)?;
        let run = &state.nodes()[node];
        Some(StepRow { revision: run.changed(), ordinal: run.ordinal()?, step })
    });
    RunRow { tenant: state.header().tenant.clone(), steps: steps.collect(), run: facts::run(state) }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, JournalError> {
    serde_json::to_vec(value).map_err(|error| JournalError::Corrupt(format!("cannot be written: {error}")))
}
