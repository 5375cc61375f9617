//! One turn: what is decided together, written in one commit, and done after it.

use std::collections::HashMap;

use domain::{
    ids::{RunId, TenantId},
    timestamp::Timestamp,
};
use tokio::sync::oneshot;

use super::{Admission, Receipt, Refused, seats::TurnSeats};
use crate::{
    crash_points::{CrashPoint, pass},
    engine::StepKey,
    journal::{Commit, Journal, JournalError, Snapshot, codec},
    recorder::Record,
};

pub(super) struct Turn {
    pub(super) now: Timestamp,
    pub(super) commit: Commit,
    /// About how many bytes it has taken in.
    pub(super) taken: usize,
    /// And how many it has computed of that.
    pub(super) computed: usize,
    /// About how many bytes of runs it has brought back into memory.
    pub(super) read: usize,
    /// Runs that changed, each once.
    pub(super) touched: Vec<RunId>,
    /// Runs that end in this turn without having been in memory, with their attempts: the journal does not know it
    /// before the commit.
    pub(super) ended: HashMap<RunId, u32>,
    /// What changes of the groups of runs that share a limit.
    pub(super) seats: TurnSeats,
    /// What the store must be told.
    pub(super) records: Vec<Record>,
    pub(super) replies: Vec<Reply>,
    /// Steps of runs that were replaced.
    pub(super) cut_off: Vec<(RunId, StepKey)>,
    pub(super) effects: Vec<Effects>,
    /// Runs that were only looked at.
    pub(super) visited: Vec<RunId>,
    /// Runs of error workflows that are to be started from now on.
    pub(super) error_runs: Vec<(RunId, TenantId)>,
    /// Rows that are written already, by the place of their record.
    rows: HashMap<usize, Vec<u8>>,
    /// Runs that called others in this turn, and which.
    pub(super) started: Vec<(RunId, RunId)>,
    /// Runs over which something has panicked in this turn.
    pub(super) broken: Vec<RunId>,
    snapshot: Option<Snapshot>,
}

/// How far a turn's writes have come.
pub(super) struct Mark {
    records: usize,
    ops: usize,
    effects: usize,
    error_runs: usize,
}

/// An answer that is due after the commit.
pub(super) struct Reply {
    pub(super) sender: oneshot::Sender<Result<Receipt, Refused>>,
    pub(super) answer: Result<Receipt, Refused>,
    pub(super) admission: Admission,
}

/// What is due for one run after the commit.
pub(super) struct Effects {
    pub(super) run: RunId,
    pub(super) aborts: Vec<StepKey>,
    pub(super) begins: bool,
}

impl Turn {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            now,
            commit: Commit::default(),
            taken: 0,
            computed: 0,
            read: 0,
            touched: Vec::new(),
            ended: HashMap::new(),
            seats: TurnSeats::default(),
            records: Vec::new(),
            replies: Vec::new(),
            cut_off: Vec::new(),
            effects: Vec::new(),
            visited: Vec::new(),
            error_runs: Vec::new(),
            rows: HashMap::new(),
            started: Vec::new(),
            broken: Vec::new(),
            snapshot: None,
        }
    }

    /// What the journal held at the turn's start.
    pub(super) fn snapshot(&mut self, journal: &Journal) -> Result<&Snapshot, JournalError> {
        Ok(self.seating(journal)?.1)
    }

    /// The groups as this turn changes them, and what the journal held of them at its start.
    pub(super) fn seating(&mut self, journal: &Journal) -> Result<(&mut TurnSeats, &Snapshot), JournalError> {
        let snapshot = match self.snapshot.take() {
            Some(snapshot) => snapshot,
            None => journal.read()?,
        };
        Ok((&mut self.seats, self.snapshot.insert(snapshot)))
    }

    /// Lets go of the snapshot, whose pages could not be used again while it lives.
    pub(super) fn release(&mut self) {
        self.snapshot = None;
    }

    /// The runs that a run has called in this turn.
    pub(super) fn started_by(&self, caller: RunId) -> impl Iterator<Item = RunId> {
        self.started.iter().filter(move |(run, _)| *run == caller).map(|(_, called)| *called)
    }

    /// Writes the row of the last record.
    pub(super) fn write_last_row(&mut self) -> Result<(), JournalError> {
        let Some(record) = self.records.last() else { return Ok(()) };
        let row = codec::write_record(record)?;
        self.rows.insert(self.records.len() - 1, row);
        Ok(())
    }

    /// The row of a record.
    pub(super) fn row(&mut self, place: usize) -> Result<Vec<u8>, JournalError> {
        match (self.rows.remove(&place), self.records.get(place)) {
            (Some(row), _) => Ok(row),
            (None, Some(record)) => codec::write_record(record),
            (None, None) => Ok(Vec::new()),
        }
    }

    /// How far its writes have come.
    pub(super) const fn mark(&self) -> Mark {
        Mark {
            records: self.records.len(),
            ops: self.commit.ops.len(),
            effects: self.effects.len(),
            error_runs: self.error_runs.len(),
        }
    }

    /// Drops what it would write since then.
    pub(super) fn go_back_to(&mut self, mark: &Mark) {
        self.records.truncate(mark.records);
        self.rows.retain(|place, _| *place < mark.records);
        self.commit.ops.truncate(mark.ops);
        self.effects.truncate(mark.effects);
        self.error_runs.truncate(mark.error_runs);
    }

    /// Answers who waits.
    pub(super) fn answer(&mut self) {
        for Reply { sender, answer, admission } in self.replies.drain(..) {
            drop(admission);
            pass(CrashPoint::BeforeAnswer);
            // Who does not wait any more will send it again, and it will be a duplicate.
            let _ = sender.send(answer);
            pass(CrashPoint::Answered);
        }
    }

    /// Tells who waits that nothing could be written.
    pub(super) fn refuse(&mut self) {
        for reply in &mut self.replies {
            reply.answer = Err(Refused);
        }
        self.answer();
    }
}
