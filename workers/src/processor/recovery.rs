//! Runs that come back from the journal: after a restart, or when a timer of a parked run is due.

use std::sync::Arc;

use super::{
    active::{Active, Stored},
    core::Core,
    turn::Turn,
};
use crate::{
    documents::Documents,
    engine::{Command, RunHeader, RunState},
    journal::{DocumentHash, JournalError, Op, Snapshot, StoredRun, codec},
    recorder::{Record, RunRecord},
};
use domain::{ids::RunId, run::NodeError};

/// So many runs are brought back in one turn.
const SLICE: usize = 256;

/// A run's row: the hash of its document, and its header.
type HeaderRow = (DocumentHash, Arc<RunHeader>);

/// A stored run that cannot be brought back.
struct Unreadable {
    header: Option<HeaderRow>,
    why: String,
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
        for runs in awake.chunks(SLICE) {
            let mut turn = Turn::new(self.clock.now());
            for &run in runs {
                self.load(&mut turn, run)?;
                self.advance(&mut turn, run, Command::Recover);
            }
            if !self.complete(turn) {
                break;
            }
        }
        Ok(())
    }

    /// Brings a run into memory, unless it is there or unknown. One that cannot be read is ended as failed.
    pub(super) fn load(&mut self, turn: &mut Turn, run: RunId) -> Result<(), JournalError> {
        if self.runs.contains_key(&run) || turn.ended.contains_key(&run) {
            return Ok(());
        }
        let documents = Arc::clone(&self.documents);
        let snapshot = turn.snapshot(&self.journal)?;
        let Some(stored) = snapshot.run(run)? else { return Ok(()) };
        match read(snapshot, &documents, &stored) {
            Ok(active) => {
                self.runs.insert(run, active);
            }
            Err(Failure::Journal(error)) => return Err(error),
            Err(Failure::Unreadable(unreadable)) => give_up(turn, run, unreadable),
        }
        Ok(())
    }
}

enum Failure {
    Journal(JournalError),
    Unreadable(Unreadable),
}

fn read(snapshot: &Snapshot, documents: &Documents, stored: &StoredRun) -> Result<Active, Failure> {
    let mut revision = u64::MAX / 2;
    let unreadable = |header, why, revision| Failure::Unreadable(Unreadable { header, why, revision });
    let row: HeaderRow = match codec::read_header(&stored.header) {
        Ok((document, header)) => (document, Arc::new(header)),
        Err(error) => return Err(unreadable(None, format!("its header cannot be read: {error}"), revision)),
    };
    // Events that this worker does not know are counted all the same, so that the run's end is its newest fact.
    if let Some(events) = stored.events.iter().map(|row| codec::count_events(row)).sum::<Option<u64>>() {
        revision = events + 1;
    }
    let document = match snapshot.document(&row.0).map_err(Failure::Journal)? {
        Some(document) => document,
        None => return Err(unreadable(Some(row), "its document is missing".to_owned(), revision)),
    };
    let workflow = match documents.compile(&row.0, &document) {
        Ok(workflow) => workflow,
        Err(why) => return Err(unreadable(Some(row), why, revision)),
    };
    let mut state = RunState::new(Arc::clone(&row.1), Arc::clone(workflow.definition()));
    for events in &stored.events {
        let events = match codec::read_events(events) {
            Ok(events) => events,
            Err(error) => {
                return Err(unreadable(Some(row), format!("its events cannot be read: {error}"), revision));
            }
        };
        for event in events {
            if let Err(illegal) = state.apply(&event) {
                return Err(unreadable(Some(row), illegal.to_string(), revision));
            }
        }
    }
    let rows = u32::try_from(stored.events.len()).unwrap_or(u32::MAX);
    let timers = state.timers().collect();
    let stored = Some(Stored { rows, parked: stored.parked, timers });
    Ok(Active { state, workflow, hash: row.0, document, stored, pending: None })
}

/// Ends a run that cannot go on, so that nobody waits for it for ever.
fn give_up(turn: &mut Turn, run: RunId, unreadable: Unreadable) {
    let Unreadable { header, why, revision } = unreadable;
    tracing::error!(run.id = %run, why, "run {run} cannot be brought back from the journal and fails");
    let hash = header.as_ref().map(|(document, _)| *document);
    turn.commit.ops.push(Op::Erase { run, hash });
    // Without a header nobody knows its attempt: whichever comes again is run.
    turn.ended.insert(run, header.as_ref().map_or(0, |(_, header)| header.attempt));
    if let Some((_, header)) = header {
        let message = format!("the worker cannot read what its journal holds of this run: {why}");
        let row = header.new_run().failed(NodeError::new("journal_unreadable", message), revision, turn.now);
        let row = RunRecord { tenant: header.tenant.clone(), run: row, steps: Vec::new() };
        turn.records.push(Record::Run(Box::new(row)));
        turn.commit.ops.push(Op::Finish { run, attempt: header.attempt, at: turn.now });
    }
}
