//! Runs over which the worker's own code panics, which is a bug of the worker: they end, and nobody else notices.
//!
//! What a turn decides of a run, and how that becomes rows, is done behind [`caught`]. When it panics, all that the turn
//! has decided of the run is dropped: the run is folded again as the last commit left it, and fails with `internal_error`.
//! When that panics, too, nothing is asked any more of its state: it is put aside, as a dead letter, and its end says what
//! is known without it. Either way its rows leave the journal with the commit, so no start brings it back.

use domain::{
    dead_letter::DeadLetter,
    ids::RunId,
    run::{NewRun, NodeError},
};
use metrics::counter;
use minireipaz::telemetry::names;

use super::{
    calls::tell_orphans,
    core::Core,
    error_runs::intend_error_run,
    pending::Pending,
    seal::erase,
    seating,
    stored::{Found, Patience, above_all_revisions, find},
    turn::Turn,
};
use crate::{
    CONSUMER,
    caught::{Panicked, caught, read_caught},
    engine::{Command, RunHeader, RunState},
    journal::{JournalError, Op},
    recorder::{InputAt, Record, RunRecord},
    runner::Compiled,
    spans,
};

/// What becomes of such a run, as metrics name it.
const FAILED: &str = "failed";
const PUT_ASIDE: &str = "put_aside";

/// Lets the counters be there from the start, at zero.
pub(crate) fn begin_broken_at_zero() {
    for outcome in [FAILED, PUT_ASIDE] {
        counter!(names::WORKER_BROKEN_RUNS, names::OUTCOME => outcome).increment(0);
    }
}

/// The error of such a run.
pub(super) fn internal_error() -> NodeError {
    NodeError::new("internal_error", format!("the run cannot go on: {Panicked}"))
}

/// Tells of a run that ends because of a panic and is put aside.
pub(super) fn tell_put_aside(run: RunId) {
    counter!(names::WORKER_BROKEN_RUNS, names::OUTCOME => PUT_ASIDE).increment(1);
    tracing::error!(run.id = %run, "run {run} is put aside: {Panicked}");
}

impl Core {
    /// Ends the runs over which something panicked that was done after a commit.
    pub(super) fn fail_broken_since(&mut self, turn: &mut Turn) {
        for run in std::mem::take(&mut self.broken) {
            self.fail_broken(turn, run);
        }
    }

    /// Ends a run in memory over which something of this turn panicked; at the second time it is put aside.
    pub(super) fn fail_broken(&mut self, turn: &mut Turn, run: RunId) {
        let Some(active) = self.runs.get(&run) else { return };
        let span = spans::about_run(active.state.header());
        let _span = span.enter();
        if !turn.broken.contains(&run) {
            turn.broken.push(run);
            let error = Box::new(internal_error());
            let folded = self.fold_again(turn, run);
            let decided = folded.and_then(|()| {
                self.decide(turn, run, Command::Fail { error }).map_err(|panicked| panicked.to_string())
            });
            match decided {
                Ok(()) => {
                    counter!(names::WORKER_BROKEN_RUNS, names::OUTCOME => FAILED).increment(1);
                    tracing::error!("run {run} fails: {Panicked}");
                    return self.follow(turn, run);
                }
                Err(why) => tracing::error!(why, "run {run} cannot fail as others do"),
            }
        }
        if let Err(error) = self.put_aside_broken(turn, run) {
            tracing::error!(%error, "run {run} cannot be put aside; the next start tries again");
        }
    }

    /// Brings the state of a run back to what the last commit left, without what this turn has decided of it.
    ///
    /// # Errors
    /// In words, when it cannot be read, or that panics.
    fn fold_again(&mut self, turn: &mut Turn, run: RunId) -> Result<(), String> {
        let snapshot = turn.snapshot(&self.journal).map_err(|error| error.to_string())?;
        let found =
            find(snapshot, &self.documents, run, Patience::Endless).map_err(|error| error.to_string())?;
        let Some(active) = self.runs.get_mut(&run) else { return Ok(()) };
        let header = active.state.header();
        active.state = match found {
            Found::Run(found) if found.state.header().attempt == header.attempt => {
                if let Some(stored) = &mut active.stored {
                    // Whatever of them this turn has set or cleared: the end clears them all.
                    stored.timers.extend(found.state.timers());
                }
                found.state
            }
            Found::Unreadable(unreadable) => return Err(unreadable.why),
            // The journal does not have it yet, or an attempt that it replaces.
            Found::Run(_) | Found::Nothing | Found::TakesLong(_) | Found::Stopped => {
                let (header, definition) = (header.clone(), active.workflow.definition().clone());
                active.stored = None;
                caught(|| RunState::new(header, definition)).map_err(|panicked| panicked.to_string())?
            }
        };
        let mut pending = Pending::new();
        pending.orphans = turn.started_by(run).collect();
        if active.pending.replace(Box::new(pending)).is_none() {
            turn.touched.push(run);
        }
        Ok(())
    }

    /// Ends a run without a look at its state.
    fn put_aside_broken(&mut self, turn: &mut Turn, run: RunId) -> Result<(), JournalError> {
        let Some(mut active) = self.let_go(run) else { return Ok(()) };
        tell_put_aside(run);
        self.unrecovered.remove(&run);
        turn.cut_off.extend(self.dispatcher.running_of(run));
        seating::leave(&mut active, &mut turn.seats, &mut self.to_begin);
        let mut orphans = caught(|| active.state.open_runs().collect::<Vec<_>>()).unwrap_or_default();
        orphans.extend(turn.started_by(run));
        let header = active.state.header().clone();
        tell_orphans(&mut self.due, &mut turn.commit.ops, (&header.tenant, turn.now), orphans)?;
        erase(run, &mut active, &mut self.to_begin, &mut turn.commit.ops)?;
        let left = turn.snapshot(&self.journal).and_then(|journal| {
            Ok((journal.header(run)?.unwrap_or_default(), above_all_revisions(journal, run)?))
        });
        let (row, revision) = left.unwrap_or_else(|error| {
            tracing::error!(%error, "what the journal holds of run {run} cannot be read");
            (Vec::new(), u64::MAX / 2)
        });
        end_put_aside(turn, &header, (&*active.workflow, revision), &row);
        self.aside.dispose(active.weight(), active);
        Ok(())
    }
}

/// Ends a run that was never in memory, since to take it there panicked.
pub(super) fn put_aside_new(turn: &mut Turn, header: &RunHeader, workflow: &Compiled) {
    let _span = spans::about_run(header).entered();
    tell_put_aside(header.run_id);
    end_put_aside(turn, header, (workflow, 1), &[]);
}

/// Writes the end of a run that is put aside: for the store, for people, and for whoever it concerns.
fn end_put_aside(turn: &mut Turn, header: &RunHeader, (workflow, revision): (&Compiled, u64), row: &[u8]) {
    let (run, attempt, now) = (header.run_id, header.attempt, turn.now);
    let record = |new: NewRun| {
        let (run, tenant) = (new.failed(internal_error(), revision, now), header.tenant.clone());
        let steps = Vec::new();
        Record::Run(Box::new(RunRecord { tenant, run, input: InputAt::Here, steps }))
    };
    turn.records.push(record(header.new_run()));
    // It may be what the codec panics over.
    if read_caught(|| turn.write_last_row()).is_err() {
        turn.records.pop();
        turn.records.push(record(header.new_run_without_input()));
    }
    if !matches!(caught(|| intend_error_run(turn, workflow.on_failure(), header)), Ok(Ok(()))) {
        tracing::error!("nothing is started for the failure of run {run}");
    }
    let reason = format!("run {run} is put aside: {Panicked}");
    let letter = DeadLetter::new(CONSUMER, &reason, row, header.tenant.as_str(), now);
    turn.records.push(Record::Dead(Box::new(letter)));
    turn.commit.ops.push(Op::Finish { run, attempt, at: now });
    turn.ended.insert(run, attempt);
}
