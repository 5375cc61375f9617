//! Runs that come back from the journal: after a restart, or when a timer of a parked run is due.

use std::sync::Arc;

use super::{
    active::{Active, Stored},
    core::Core,
    seal::timer_row,
    turn::Turn,
    write::DISK_PAUSE,
};
use crate::{
    documents::Documents,
    engine::{Command, RunHeader, RunState, Timer},
    journal::{DocumentHash, JournalError, Op, Snapshot, StoredRun, codec, set_aside},
    recorder::{Record, RunRecord},
};
use domain::{ids::RunId, run::NodeError, workflow::DocumentText};

/// So many runs are brought back in one turn, and no more once they take so much memory.
const SLICE: usize = 256;
pub(super) const SLICE_BYTES: usize = 32 << 20;

/// A run's row: the hash of its document, and its header.
type HeaderRow = (DocumentHash, Arc<RunHeader>);

/// A stored run that cannot be brought back.
struct Unreadable {
    header: Option<HeaderRow>,
    why: String,
    /// The row that cannot be read; empty if none is to blame.
    row: Vec<u8>,
    /// Above every revision that was recorded.
    revision: u64,
}

impl Core {
    /// Brings back every run that was doing something, and goes on with it.
    pub(super) fn recover(&mut self) -> Result<(), JournalError> {
        let awake = self.journal.read()?.unfinished(true)?;
        if !awake.is_empty() {
            tracing::info!(runs = awake.len(), "going on with the runs that the journal holds");
        }
        self.tell_in_slices(awake, &Command::Recover, |_| {})
    }

    /// Marks the steps of runs that left memory while they waited for a place: the worker stops in order.
    pub(super) fn put_aside_others(&mut self) -> Result<(), JournalError> {
        let others = self.memory.take_aside();
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
            let before = self.memory.taken();
            for run in runs.by_ref().take(SLICE) {
                self.load(&mut turn, run)?;
                self.advance(&mut turn, run, command.clone());
                if self.memory.taken() > before + SLICE_BYTES {
                    break;
                }
            }
            if !self.complete(turn) {
                break;
            }
            after(self);
        }
        Ok(())
    }

    /// Brings the run back whose step may begin.
    pub(super) fn bring_back(&mut self, turn: &mut Turn) {
        let Some((_, run)) = self.coming else { return };
        turn.visited.push(run);
        if let Err(error) = self.load(turn, run) {
            tracing::error!(%error, "a run whose turn it is cannot be read; trying again");
            self.inbox.wait(DISK_PAUSE);
        }
    }

    /// Brings a run into memory, unless it is there or unknown. One that cannot be read is ended as failed.
    pub(super) fn load(&mut self, turn: &mut Turn, run: RunId) -> Result<(), JournalError> {
        if self.runs.contains_key(&run) || turn.ended.contains_key(&run) {
            return Ok(());
        }
        let documents = Arc::clone(&self.documents);
        let snapshot = turn.snapshot(&self.journal)?;
        let Some(stored) = snapshot.run(run)? else {
            self.memory.is_gone(run);
            return Ok(());
        };
        match read(snapshot, &documents, &stored) {
            Ok(active) => self.hold(run, active),
            Err(Failure::Journal(error)) => return Err(error),
            Err(Failure::Unreadable(unreadable)) => {
                self.memory.is_gone(run);
                give_up(turn, run, unreadable);
            }
        }
        Ok(())
    }
}

/// A run as the journal holds it, for who reads it; `None` when it cannot be read.
///
/// # Errors
/// When the disk fails.
pub(crate) fn stored_state(
    snapshot: &Snapshot,
    documents: &Documents,
    stored: &StoredRun,
) -> Result<Option<RunState>, JournalError> {
    match read(snapshot, documents, stored) {
        Ok(active) => Ok(Some(active.state)),
        Err(Failure::Unreadable(_)) => Ok(None),
        Err(Failure::Journal(error)) => Err(error),
    }
}

enum Failure {
    Journal(JournalError),
    Unreadable(Unreadable),
}

fn read(snapshot: &Snapshot, documents: &Documents, stored: &StoredRun) -> Result<Active, Failure> {
    // Events that this worker does not know are counted all the same, so that the run's end is its newest fact.
    let events = stored.events.iter().map(|row| codec::count_events(row)).sum::<Option<u64>>();
    let revision = events.map_or(u64::MAX / 2, |events| events + 1);
    let unreadable = |header: Option<&HeaderRow>, why: String, row: &[u8]| {
        Failure::Unreadable(Unreadable { header: header.cloned(), why, row: row.to_vec(), revision })
    };
    let row: HeaderRow = match codec::read_header(&stored.header) {
        Ok((document, header)) => (document, Arc::new(header)),
        Err(error) => {
            let bare = codec::read_header_without_input(&stored.header).ok();
            let bare = bare.map(|(document, header)| (document, Arc::new(header)));
            let why = format!("its header cannot be read: {error}");
            return Err(unreadable(bare.as_ref(), why, &stored.header));
        }
    };
    let fail = |why, damaged: &[u8]| unreadable(Some(&row), why, damaged);
    let Some(text) = snapshot.document(&row.0).map_err(Failure::Journal)? else {
        return Err(fail("its document is missing".to_owned(), &[]));
    };
    let document = DocumentText::parse(text.clone())
        .map_err(|error| fail(format!("its document cannot be read: {error}"), text.as_bytes()))?;
    let workflow = documents.compile(&row.0, &document).map_err(|why| fail(why, text.as_bytes()))?;
    let mut state = RunState::new(Arc::clone(&row.1), Arc::clone(workflow.definition()));
    for stored in &stored.events {
        let row = codec::read_row(stored)
            .map_err(|error| fail(format!("its events cannot be read: {error}"), stored))?;
        let applied = match row {
            codec::Row::Events(events) => events.iter().try_for_each(|event| state.apply(event)),
            codec::Row::Progress(progress) => state.go_on_from(*progress),
        };
        applied.map_err(|illegal| fail(illegal.to_string(), stored))?;
        // They were told of when they were written.
        state.forget_changes();
    }
    let rows = u32::try_from(stored.events.len()).unwrap_or(u32::MAX);
    let kept = stored.events.first().filter(|row| codec::is_progress(row));
    let progress_bytes = kept.map_or(0, Vec::len);
    let bytes = stored.events.iter().map(Vec::len).sum::<usize>() - progress_bytes;
    let timers = state.timers().collect();
    let mut stored =
        Stored { rows, bytes, progress_bytes, parked: stored.parked, timers, ..Stored::default() };
    if let Some(at) = stored.timers.get(&Timer::Begin) {
        let begin = timer_row(state.header(), &Timer::Begin, *at, 0).map_err(Failure::Journal)?;
        stored.to_begin = snapshot.timer_bytes(&begin).map_err(Failure::Journal)?;
    }
    Ok(Active::stored(state, workflow, row.0, document, stored))
}

/// Ends a run that cannot go on, so that nobody waits for it for ever, and keeps what cannot be read of it.
fn give_up(turn: &mut Turn, run: RunId, unreadable: Unreadable) {
    let Unreadable { header, why, row, revision } = unreadable;
    let hash = header.as_ref().map(|(document, _)| *document);
    turn.commit.ops.push(Op::Erase { run, hash });
    // Without a header nobody knows its attempt: whichever comes again is run.
    turn.ended.insert(run, header.as_ref().map_or(0, |(_, header)| header.attempt));
    let tenant = header.as_ref().map_or("", |(_, header)| header.tenant.as_str());
    let letter = set_aside(&format!("run {run} cannot be brought back: {why}"), &row, tenant, turn.now);
    if let Some((_, header)) = header {
        let message = format!("the worker cannot read what its journal holds of this run: {why}");
        let row = header.new_run().failed(NodeError::new("journal_unreadable", message), revision, turn.now);
        let row = RunRecord { tenant: header.tenant.clone(), run: row, steps: Vec::new() };
        turn.records.push(Record::Run(Box::new(row)));
        turn.commit.ops.push(Op::Finish { run, attempt: header.attempt, at: turn.now });
    }
    turn.records.push(Record::Dead(Box::new(letter)));
}
