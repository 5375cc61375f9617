//! Runs that come back from the journal: after a restart, or when a timer of a parked run is due.

use std::sync::Arc;

use domain::{ids::RunId, run::NodeError};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    active::{Active, Stored},
    core::Core,
    deliver::failed_run,
    turn::Turn,
};
use crate::{
    documents::Documents,
    engine::{Command, RunEvent, RunHeader, RunState},
    journal::{DocumentHash, JournalError, Op, Snapshot, StoredRun},
    recorder::{Row, RunRow},
};

/// So many runs are brought back in one turn.
const SLICE: usize = 256;

#[derive(Deserialize)]
struct HeaderRow {
    document: DocumentHash,
    header: Arc<RunHeader>,
}

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
    let row: HeaderRow = match serde_json::from_slice(&stored.header) {
        Ok(row) => row,
        Err(error) => return Err(unreadable(None, format!("its header cannot be read: {error}"), revision)),
    };
    // Events that this worker does not know are counted all the same, so that the run's end is its newest fact.
    let count =
        |events: &Vec<u8>| serde_json::from_slice::<Vec<&RawValue>>(events).map(|list| list.len() as u64);
    if let Ok(counts) = stored.events.iter().map(count).collect::<Result<Vec<_>, _>>() {
        revision = counts.iter().sum::<u64>() + 1;
    }
    let document = match snapshot.document(&row.document).map_err(Failure::Journal)? {
        Some(document) => document,
        None => return Err(unreadable(Some(row), "its document is missing".to_owned(), revision)),
    };
    let workflow = match documents.compile(&row.document, &document) {
        Ok(workflow) => workflow,
        Err(why) => return Err(unreadable(Some(row), why, revision)),
    };
    let mut state = RunState::new(Arc::clone(&row.header), Arc::clone(workflow.definition()));
    for events in &stored.events {
        let events: Vec<RunEvent> = match serde_json::from_slice(events) {
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
    Ok(Active { state, workflow, hash: row.document, document, stored, pending: None })
}

/// Ends a run that cannot go on, so that nobody waits for it for ever.
fn give_up(turn: &mut Turn, run: RunId, unreadable: Unreadable) {
    let Unreadable { header, why, revision } = unreadable;
    tracing::error!(run.id = %run, why, "run {run} cannot be brought back from the journal and fails");
    let hash = header.as_ref().map(|row| row.document);
    turn.batch.ops.push(Op::Erase { run, hash });
    // Without a header nobody knows its attempt: whichever comes again is run.
    turn.ended.insert(run, header.as_ref().map_or(0, |row| row.header.attempt));
    if let Some(HeaderRow { header, .. }) = header {
        let message = format!("the worker cannot read what its journal holds of this run: {why}");
        let row = failed_run(&header, NodeError::new("journal_unreadable", message), revision, turn.now);
        let row = RunRow { tenant: header.tenant.clone(), run: row, steps: Vec::new() };
        turn.rows.push(Row::Run(Box::new(row)));
        turn.batch.ops.push(Op::Finish { run, attempt: header.attempt, at: turn.now });
    }
}
