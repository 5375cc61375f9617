//! Runs that come back from the journal: after a restart, or when a timer of a parked run is due.

use std::sync::Arc;

use super::{
    broken::{internal_error, tell_put_aside},
    core::Core,
    error_runs::intend_error_run,
    returning::Errand,
    seating,
    stored::{Found, Patience, Unreadable, find},
    turn::Turn,
};
use crate::{
    CONSUMER,
    crash_points::{CrashPoint, pass},
    engine::{Command, RunHeader},
    journal::{DocumentHash, JournalError, Op, set_aside},
    recorder::{InputAt, Record, RunRecord},
};
use domain::{
    dead_letter::DeadLetter,
    ids::RunId,
    run::{NodeError, RunEnd, RunStatus},
    workflow::OnFailure,
};

/// So many runs are brought back in one turn, and no more once they take so much memory.
const SLICE: usize = 256;
const SLICE_BYTES: usize = 32 << 20;

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// In memory, or nowhere.
    Settled,
    /// In the journal only. To read it takes long, and about so many bytes of memory.
    Far(usize),
}

impl Core {
    /// Brings back every run that was doing something, and goes on with it. Those that take long to read come later, as
    /// if a step of each waited for a place: they hold up neither the start nor each other's tenants.
    pub(super) fn recover(&mut self) -> Result<(), JournalError> {
        self.recover_error_runs()?;
        let snapshot = self.journal.read()?;
        let (mut near, mut far) = (Vec::new(), Vec::new());
        for run in snapshot.unfinished(true)? {
            match snapshot.long(run)? {
                Some(long) => far.push((run, long.tenant)),
                None => near.push(run),
            }
        }
        drop(snapshot);
        if !(near.is_empty() && far.is_empty()) {
            let (runs, long) = (near.len() + far.len(), far.len());
            tracing::info!(runs, long, "going on with the runs that the journal holds");
        }
        self.tell_in_slices(near, &Command::Recover, |_| {})?;
        for (run, tenant) in far {
            self.unrecovered.insert(run);
            self.memory.set_aside(&tenant, run);
            self.dispatcher.enqueue(&tenant, run);
        }
        self.begin_steps();
        Ok(())
    }

    /// Marks the steps of runs that left memory while they waited for a place: the worker stops in order. (Those of runs
    /// that have not come back since a crash, that crash has cut off.)
    pub(super) fn put_aside_others(&mut self) -> Result<(), JournalError> {
        let mut others = self.memory.take_aside();
        others.retain(|run| !self.unrecovered.contains(run));
        self.tell_in_slices(others, &Command::Stop, |core| {
            for run in core.runs.keys().copied().collect::<Vec<_>>() {
                core.let_go(run);
            }
        })
    }

    /// Brings runs into memory and tells each of them the same, in turns of a bounded size.
    fn tell_in_slices(
        &mut self,
        runs: Vec<RunId>,
        command: &Command,
        after: impl Fn(&mut Self),
    ) -> Result<(), JournalError> {
        let mut runs = runs.into_iter().peekable();
        while runs.peek().is_some() {
            let mut turn = Turn::new(self.clock.now());
            for run in runs.by_ref().take(SLICE) {
                self.load(&mut turn, run)?;
                self.advance(&mut turn, run, command.clone());
                if turn.read > SLICE_BYTES {
                    break;
                }
            }
            if *command == Command::Recover {
                pass(CrashPoint::BeforeRecovered);
            }
            if !self.complete(turn) {
                break;
            }
            if *command == Command::Recover {
                pass(CrashPoint::Recovered);
            }
            after(self);
        }
        Ok(())
    }

    /// Brings a run into memory whatever it takes, unless it is there or unknown. One that cannot be read is ended as
    /// failed. Nothing that waited for it has to wait any more.
    pub(super) fn load(&mut self, turn: &mut Turn, run: RunId) -> Result<(), JournalError> {
        self.bring(turn, run, Patience::Endless)?;
        let Some((tenant, errands)) = self.returning.cancel(run) else { return Ok(()) };
        for errand in errands {
            match errand {
                // It is in the journal.
                Errand::Timer(row) => self.fired.push((row.lane, row.tenant)),
                Errand::Step => self.coming.push((tenant.clone(), run)),
                Errand::Seat => {}
            }
        }
        self.look_at_group_of(run);
        Ok(())
    }

    /// Brings a run into memory if that is quick.
    pub(super) fn bring(
        &mut self,
        turn: &mut Turn,
        run: RunId,
        patience: Patience<'_>,
    ) -> Result<Presence, JournalError> {
        if self.runs.contains_key(&run) || turn.ended.contains_key(&run) {
            return Ok(Presence::Settled);
        }
        if matches!(patience, Patience::Little) && self.returning.has(run) {
            return Ok(Presence::Far(0));
        }
        let documents = Arc::clone(&self.documents);
        let found = find(turn.snapshot(&self.journal)?, &documents, run, patience)?;
        if let Found::TakesLong(bytes) = found {
            return Ok(Presence::Far(bytes));
        }
        self.take_back(turn, run, found);
        Ok(Presence::Settled)
    }

    /// Takes a run into memory that was read; one that cannot be read is ended as failed.
    pub(super) fn take_back(&mut self, turn: &mut Turn, run: RunId, found: Found) {
        match found {
            Found::Run(mut active) => {
                turn.read += active.weight();
                active.has_sat_down(&turn.seats);
                self.hold(run, *active);
            }
            Found::Nothing | Found::TakesLong(_) | Found::Stopped => self.memory.is_gone(run),
            Found::Unreadable(unreadable) => {
                self.memory.is_gone(run);
                if let Some(standing) = &unreadable.standing {
                    let header = unreadable.header.as_ref().map(|(_, header)| &**header);
                    seating::leave_unread(header, standing, &mut turn.seats, &mut self.to_begin);
                }
                self.give_up(turn, run, *unreadable);
            }
        }
    }

    /// Ends a run that cannot go on, so that nobody waits for it for ever, and keeps what cannot be read of it.
    fn give_up(&mut self, turn: &mut Turn, run: RunId, unreadable: Unreadable) {
        let Unreadable { header, caller, why, panics, row, revision, .. } = unreadable;
        let hash = header.as_ref().map(|(document, _)| *document);
        let error = if panics {
            tell_put_aside(run);
            internal_error()
        } else {
            let message = format!("the worker cannot read what its journal holds of this run: {why}");
            NodeError::new("journal_unreadable", message)
        };
        // Without a header nobody knows its attempt: whichever comes again is run.
        turn.ended.insert(run, header.as_ref().map_or(0, |(_, header)| header.attempt));
        let tenant = match (&header, &caller) {
            (Some((_, header)), _) => header.tenant.as_str(),
            (None, Some((_, tenant))) => tenant.as_str(),
            (None, None) => "",
        };
        let reason = format!("run {run} cannot be brought back: {why}");
        let letter = if panics {
            DeadLetter::new(CONSUMER, &reason, &row, tenant, turn.now)
        } else {
            set_aside(&reason, &row, tenant, turn.now)
        };
        let told = match (&header, &caller) {
            (Some((hash, header)), _) => self.end_unread(turn, (hash, &**header), error, revision),
            (None, Some((caller, tenant))) => {
                let end = RunEnd::failed(run, RunStatus::Failed, Some(&error));
                self.write_end(turn, tenant, (*caller, run), &end)
            }
            (None, None) => Ok(()),
        };
        if let Err(error) = told {
            tracing::error!(%error, run.id = %run, "not all hear of the end of run {run}");
        }
        turn.commit.ops.push(Op::Erase { run, hash });
        turn.records.push(Record::Dead(Box::new(letter)));
    }

    /// Tells of the end of a run whose header can be read: in its tenant's name.
    fn end_unread(
        &self,
        turn: &mut Turn,
        (hash, header): (&DocumentHash, &RunHeader),
        error: NodeError,
        revision: u64,
    ) -> Result<(), JournalError> {
        let (run, tenant) = (header.new_run().failed(error, revision, turn.now), header.tenant.clone());
        let record = RunRecord { tenant, run, input: InputAt::Here, steps: Vec::new() };
        turn.records.push(Record::Run(Box::new(record)));
        turn.commit.ops.push(Op::Finish { run: header.run_id, attempt: header.attempt, at: turn.now });
        let document = turn.snapshot(&self.journal)?.document(hash)?;
        let on_failure = document.map(|document| OnFailure::said_by(&document)).unwrap_or_default();
        intend_error_run(turn, &on_failure, header)
    }
}
