//! The end of a turn's deciding: what changed becomes rows.

use std::sync::Arc;

use domain::{ids::RunId, timestamp::Timestamp};

use super::{
    active::{Active, Stored},
    calls::tell_orphans,
    core::Core,
    error_runs::intend_error_run,
    pending::Pending,
    seating,
    stored::{LONG_HISTORY, LONG_MEMORY},
    to_begin::{Awaits, ToBegin},
    told,
    turn::{Effects, Turn},
};
use crate::{
    caught::{Panicked, caught},
    crash_points::may_panic_over,
    engine::{Command, RunHeader, RunState, Timer, facts},
    journal::{JournalError, Lane, Op, OutboxRow, TimerRow, codec},
    recorder::{InputAt, Record, RunRecord, StepRecord},
};

impl Core {
    /// Counts what the touched runs take now. One that takes more than a run may fails.
    pub(super) fn weigh(&mut self, turn: &mut Turn) {
        let mut place = 0;
        while let Some(run) = turn.touched.get(place).copied() {
            place += 1;
            let Some(active) = self.runs.get_mut(&run) else { continue };
            if active.pending.is_none() {
                continue;
            }
            let before = active.weight();
            let weighed = caught(|| active.weigh_changes());
            let now = active.weight();
            self.memory.change(&active.state.header().tenant, before, now);
            if weighed.is_err() {
                self.fail_broken(turn, run);
            } else if !active.state.is_terminal()
                && let Some(error) = self.memory.refusal(now)
            {
                self.advance(turn, run, Command::Fail { error: Box::new(error) });
            }
        }
    }

    /// Turns what the touched runs have gone through into writes, and into effects for after the commit. A run over which
    /// that panics ends.
    pub(super) fn seal(&mut self, turn: &mut Turn) -> Result<(), JournalError> {
        let mut place = 0;
        // One that ends is touched once more.
        while let Some(run) = turn.touched.get(place).copied() {
            place += 1;
            let mark = turn.mark();
            match caught(|| self.seal_run(turn, run)) {
                Ok(sealed) => sealed?,
                Err(Panicked) => {
                    turn.go_back_to(&mark);
                    self.fail_broken(turn, run);
                }
            }
        }
        if !turn.broken.is_empty() {
            // Some may have left their seats after others could sit down in this turn.
            self.look_at_changed_groups(turn);
        }
        turn.commit.seats = turn.seats.take_ops();
        for place in 0..turn.records.len() {
            let (sequence, row) = (self.next_sequence + turn.commit.outbox.len() as u64, turn.row(place)?);
            self.tell_caller(turn, place)?;
            let tenant = turn.records[place].tenant();
            turn.commit.outbox.push(OutboxRow { sequence, tenant, text: row });
        }
        Ok(())
    }

    fn seal_run(&mut self, turn: &mut Turn, run: RunId) -> Result<(), JournalError> {
        let Some(active) = self.runs.get_mut(&run) else { return Ok(()) };
        let Some(pending) = active.pending.take() else { return Ok(()) };
        if !active.state.is_terminal() {
            may_panic_over(active.state.definition(), "writing");
        }
        may_panic_over(active.state.definition(), "writing and ending");
        if !pending.events.is_empty() {
            let told = active.stored.is_some() && !active.state.is_terminal();
            let input = if told { InputAt::Header } else { InputAt::Here };
            turn.records.push(Record::Run(Box::new(changes(&active.state, input))));
            turn.write_last_row()?;
            active.state.forget_changes();
        }
        let Pending { events, timers, begins, aborts, orphans, .. } = *pending;
        told::tell(&active.state, active.workflow.name(), &events, &self.alerts);
        turn.effects.push(Effects { run, aborts, begins });
        let of = (&active.state.header().tenant, turn.now);
        tell_orphans(&mut self.due, &mut turn.commit.ops, of, orphans)?;
        if active.state.is_terminal() {
            let (workflow, header) = (Arc::clone(&active.workflow), Arc::clone(active.state.header()));
            intend_error_run(turn, workflow.on_failure(), &header)?;
            erase(run, active, &mut self.to_begin, &mut turn.commit.ops)?;
            let attempt = active.state.last_attempt();
            turn.commit.ops.push(Op::Finish { run, attempt, at: turn.now });
            return Ok(());
        }
        let header = Arc::clone(active.state.header());
        let (to_begin, memory) = (active.to_begin as u64, active.weight() as u64);
        let ops = &mut turn.commit.ops;
        let stored = match &mut active.stored {
            Some(stored) => stored,
            none => {
                let (hash, document) = (active.hash, active.document.clone());
                let row = active.row.take().map_or_else(|| codec::write_header(&hash, &header), Ok)?;
                ops.push(Op::Start { run, header: row, hash, document });
                if let Some(caller) = header.trigger.waiting_caller() {
                    ops.push(Op::Called { run, caller, tenant: header.tenant.clone() });
                }
                none.insert(Stored::default())
            }
        };
        if !events.is_empty() {
            let row = codec::write_events(&events)?;
            stored.bytes += row.len();
            match progress_row(&active.state, stored)? {
                None => {
                    ops.push(Op::Append { run, row: stored.rows, events: row });
                    stored.rows += 1;
                }
                Some(progress) => {
                    stored.progress_bytes = progress.len();
                    (stored.rows, stored.bytes) = (1, 0);
                    ops.push(Op::Replace { run, progress });
                }
            }
        }
        let history = (stored.bytes + stored.progress_bytes) as u64;
        let takes_long = history > LONG_HISTORY || memory > LONG_MEMORY;
        if takes_long && stored.long != memory {
            stored.long = memory;
            ops.push(Op::Long { run, tenant: header.tenant.clone(), memory });
        }
        for (timer, at) in timers {
            let before = stored.timers.get(&timer).copied();
            if before == at {
                continue;
            }
            if let Some(at) = before {
                stored.timers.remove(&timer);
                ops.push(Op::ClearTimer(timer_row(&header, &timer, at, 0)?));
            }
            if let Some(at) = at {
                let row = timer_row(&header, &timer, at, to_begin)?;
                self.due.set(&(row.lane, row.tenant.clone()), row.due());
                ops.push(Op::SetTimer(row));
                stored.timers.insert(timer, at);
            }
        }
        let parked = active.state.is_parked();
        if parked != stored.parked {
            stored.parked = parked;
            ops.push(if parked { Op::Park { run } } else { Op::Unpark { run } });
        }
        Ok(())
    }

    /// Forgets a run that a newer attempt replaces.
    pub(super) fn drop_run(&mut self, turn: &mut Turn, run: RunId) -> Result<(), JournalError> {
        let Some(mut active) = self.let_go(run) else { return Ok(()) };
        seating::leave(&mut active, &mut turn.seats, &mut self.to_begin);
        turn.touched.retain(|touched| *touched != run);
        turn.cut_off.extend(active.state.running().map(|(step, _)| (run, step)));
        self.unrecovered.remove(&run);
        let of = (&active.state.header().tenant, turn.now);
        tell_orphans(&mut self.due, &mut turn.commit.ops, of, active.state.open_runs())?;
        erase(run, &mut active, &mut self.to_begin, &mut turn.commit.ops)?;
        self.aside.dispose(active.weight(), active);
        Ok(())
    }
}

/// Forgets what the journal holds of a run.
pub(super) fn erase(
    run: RunId,
    active: &mut Active,
    waiting: &mut ToBegin,
    ops: &mut Vec<Op>,
) -> Result<(), JournalError> {
    let header = active.state.header();
    let to_begin = std::mem::take(&mut active.to_begin);
    if to_begin > 0 {
        waiting.remove(&header.tenant, to_begin, Awaits::Room);
    }
    if let Some(stored) = &active.stored {
        ops.push(Op::Erase { run, hash: Some(active.hash) });
        for (timer, at) in &stored.timers {
            ops.push(Op::ClearTimer(timer_row(header, timer, *at, 0)?));
        }
    }
    Ok(())
}

/// Events of a run with loops are kept up to so many bytes, and as long as they take no more than twice what is written
/// instead of them: so what is written in all is of the order of what happened.
const EVENT_BYTES: usize = 256 << 10;

/// How far a run has come, when its events take so much that this is written instead of them. Of one without loops each
/// step is told of as often as it is tried, so its events stay.
fn progress_row(state: &RunState, stored: &Stored) -> Result<Option<Vec<u8>>, JournalError> {
    if state.definition().loops.is_empty() || stored.bytes < EVENT_BYTES.max(2 * stored.progress_bytes) {
        return Ok(None);
    }
    state.kept().map(|progress| codec::write_progress(&progress)).transpose()
}

/// A timer as the journal keeps it. (Which row it is does not depend on the bytes.)
pub(super) fn timer_row(
    header: &RunHeader,
    timer: &Timer,
    at: Timestamp,
    bytes: u64,
) -> Result<TimerRow, JournalError> {
    let (lane, bytes) = match timer {
        Timer::Begin => (Lane::Begin, bytes),
        Timer::Deadline => (Lane::End, 0),
        Timer::Wake(_) => (Lane::Wake, 0),
    };
    let (tenant, run) = (header.tenant.clone(), header.run_id);
    Ok(TimerRow { lane, tenant, at, run, timer: codec::write_timer(timer)?, bytes })
}

/// The run as it is now, with the steps that have changed.
fn changes(state: &RunState, input: InputAt) -> RunRecord {
    let steps = state.changes().filter_map(|(node, run)| {
        let step = facts::step(state, node, run)?;
        Some(StepRecord { revision: run.changed(), ordinal: run.ordinal()?, step })
    });
    let run = match input {
        InputAt::Here => facts::run(state),
        InputAt::Header => facts::run_without_input(state),
    };
    RunRecord { tenant: state.header().tenant.clone(), steps: steps.collect(), run, input }
}
