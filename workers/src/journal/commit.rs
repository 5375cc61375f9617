//! What one commit writes.

use std::{ops::RangeInclusive, sync::Arc};

use domain::{
    ids::{RunId, TenantId},
    timestamp::Timestamp,
    workflow::DocumentText,
};
use redb::{Database, ReadableTable, Table, WriteTransaction};

use super::{
    DocumentHash, JournalError,
    seats::{self, SeatOp},
    tables,
    timer_row::TimerRow,
};

/// Writes that are done together or not at all, in this order.
#[derive(Debug, Default)]
pub struct Commit {
    /// The writes about runs.
    pub ops: Vec<Op>,
    /// What changes of the groups of runs that share a limit.
    pub seats: Vec<SeatOp>,
    /// Rows for the store.
    pub outbox: Vec<OutboxRow>,
    /// Sequences of rows that the store has.
    pub confirmed: Vec<RangeInclusive<u64>>,
    /// Tasks of other workers.
    pub handoffs: Vec<Handoff>,
    /// Of those, the ones that their owners have: the owner, and the sequence.
    pub handed_over: Vec<(Arc<str>, u64)>,
    /// Runs that finished before this hour are forgotten (hours since the epoch), a slice at a time.
    pub forget_before: Option<u32>,
}

/// A row for the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Grows from row to row.
    pub sequence: u64,
    /// Whose it is; `None`: a dead letter that is nobody's.
    pub tenant: Option<TenantId>,
    /// Facts or a dead letter, JSON.
    pub text: Vec<u8>,
}

/// A task that belongs to another worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handoff {
    /// Its owner.
    pub owner: Arc<str>,
    /// Grows from task to task.
    pub sequence: u64,
    /// Whose run it is.
    pub tenant: TenantId,
    /// The record, JSON.
    pub record: Vec<u8>,
}

/// One write about a run.
#[derive(Debug)]
pub enum Op {
    /// A run begins.
    Start {
        /// Which.
        run: RunId,
        /// Its header, JSON.
        header: Vec<u8>,
        /// The hash of its document.
        hash: DocumentHash,
        /// Its document, which is written unless another run has it there already.
        document: DocumentText,
    },
    /// Something happened to a run.
    Append {
        /// Which.
        run: RunId,
        /// How many rows of events it has already.
        row: u32,
        /// The events, a JSON list.
        events: Vec<u8>,
    },
    /// The run takes long to read by now.
    Long {
        /// Which.
        run: RunId,
        /// Whose.
        tenant: TenantId,
        /// About how many bytes of memory it takes.
        memory: u64,
    },
    /// How far a run has come, instead of its events.
    Replace {
        /// Which.
        run: RunId,
        /// How far, JSON: its only row from now on.
        progress: Vec<u8>,
    },
    /// A timer is set.
    SetTimer(TimerRow),
    /// A timer fired or is not needed any more.
    ClearTimer(TimerRow),
    /// Something is wanted of a run that is not in memory; it takes the place of another with that sequence.
    PutControl {
        /// Which run.
        run: RunId,
        /// Which of the run's.
        sequence: u64,
        /// Whose run.
        tenant: TenantId,
        /// The record, JSON.
        record: Vec<u8>,
    },
    /// That was done.
    ClearControl {
        /// Which run.
        run: RunId,
        /// Which of the run's.
        sequence: u64,
    },
    /// The run only waits.
    Park {
        /// Which.
        run: RunId,
    },
    /// The run does something again.
    Unpark {
        /// Which.
        run: RunId,
    },
    /// The run's rows go, except its timers: it is finished, or a newer attempt replaces it.
    Erase {
        /// Which.
        run: RunId,
        /// The hash of its document, which goes with the last run that needs it.
        hash: Option<DocumentHash>,
    },
    /// The run was called by another one, which waits for its end. It goes with the run's rows.
    Called {
        /// Which.
        run: RunId,
        /// By which.
        caller: RunId,
        /// Whose they are.
        tenant: TenantId,
    },
    /// A run that was called has ended, and the one that called it has to be told. (Its timer is another write.)
    CallEnded {
        /// Who is told.
        caller: RunId,
        /// Which has ended.
        called: RunId,
        /// What came of it, JSON.
        end: Vec<u8>,
    },
    /// It was told.
    CallTold {
        /// Who was.
        caller: RunId,
        /// Of which run.
        called: RunId,
    },
    /// A run of an error workflow is to be started.
    ErrorRun {
        /// Which.
        run: RunId,
        /// Whose.
        tenant: TenantId,
        /// All of its header but the version, JSON.
        header: Vec<u8>,
    },
    /// It was started, or cannot be.
    ErrorRunDone {
        /// Which.
        run: RunId,
    },
    /// The run is finished, and a duplicate of it is recognised from now on.
    Finish {
        /// Which.
        run: RunId,
        /// Up to which attempt it is one: its own, or the highest that there can be.
        attempt: u32,
        /// When.
        at: Timestamp,
    },
}

/// How many forgotten runs are removed in one commit at most.
pub const FORGET_SLICE: usize = 2_000;

/// The hour of a moment: what finished runs are kept by.
pub(crate) fn hour(at: Timestamp) -> u32 {
    u32::try_from(at.as_millis().max(0) / 3_600_000).unwrap_or(u32::MAX)
}

impl Commit {
    /// Whether there is nothing that must be written now.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
            && self.seats.is_empty()
            && self.outbox.is_empty()
            && self.confirmed.is_empty()
            && self.handoffs.is_empty()
            && self.handed_over.is_empty()
    }

    /// Writes it; how many finished runs were forgotten.
    pub(super) fn write(&self, database: &Database) -> Result<usize, JournalError> {
        let transaction = database.begin_write()?;
        if !self.ops.is_empty() {
            let mut writer = Writer::open(&transaction)?;
            for op in &self.ops {
                writer.apply(op)?;
            }
        }
        seats::write(&transaction, &self.seats)?;
        if !self.outbox.is_empty() || !self.confirmed.is_empty() {
            let mut outbox = transaction.open_table(tables::OUTBOX)?;
            for confirmed in &self.confirmed {
                outbox.retain_in(confirmed.clone(), |_, _| false)?;
            }
            for OutboxRow { sequence, tenant, text } in &self.outbox {
                let tenant = tenant.as_ref().map_or("", TenantId::as_str);
                outbox.insert(sequence, (tenant, text.as_slice()))?;
            }
        }
        if !self.handoffs.is_empty() || !self.handed_over.is_empty() {
            let mut handoffs = transaction.open_table(tables::HANDOFFS)?;
            for (owner, sequence) in &self.handed_over {
                handoffs.remove((&**owner, *sequence))?;
            }
            for Handoff { owner, sequence, tenant, record } in &self.handoffs {
                handoffs.insert((&**owner, *sequence), (tenant.as_str(), record.as_slice()))?;
            }
        }
        let mut forgotten = 0;
        if let Some(before) = self.forget_before {
            let mut finished = transaction.open_table(tables::FINISHED)?;
            for row in finished.extract_from_if(..(before, 0), |_, _| true)?.take(FORGET_SLICE) {
                row?;
                forgotten += 1;
            }
        }
        transaction.commit()?;
        Ok(forgotten)
    }
}

struct Writer<'t> {
    runs: Table<'t, u128, &'static [u8]>,
    events: Table<'t, (u128, u32), &'static [u8]>,
    parked: Table<'t, u128, ()>,
    long: Table<'t, u128, (&'static str, u64)>,
    documents: Table<'t, [u8; 32], &'static str>,
    users: Table<'t, [u8; 32], u64>,
    timers: Table<'t, tables::TimerKey<'static>, u64>,
    controls: Table<'t, (u128, u64), (&'static str, &'static [u8])>,
    finished: Table<'t, (u32, u128), u32>,
    callers: Table<'t, u128, (u128, &'static str)>,
    call_ends: Table<'t, (u128, u128), &'static [u8]>,
    error_runs: Table<'t, u128, (&'static str, &'static [u8])>,
}

impl<'t> Writer<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Self, JournalError> {
        Ok(Self {
            runs: transaction.open_table(tables::RUNS)?,
            events: transaction.open_table(tables::EVENTS)?,
            parked: transaction.open_table(tables::PARKED)?,
            long: transaction.open_table(tables::LONG)?,
            documents: transaction.open_table(tables::DOCUMENTS)?,
            users: transaction.open_table(tables::DOCUMENT_USERS)?,
            timers: transaction.open_table(tables::TIMERS)?,
            controls: transaction.open_table(tables::CONTROLS)?,
            finished: transaction.open_table(tables::FINISHED)?,
            callers: transaction.open_table(tables::CALLERS)?,
            call_ends: transaction.open_table(tables::CALL_ENDS)?,
            error_runs: transaction.open_table(tables::ERROR_RUNS)?,
        })
    }

    fn apply(&mut self, op: &Op) -> Result<(), JournalError> {
        match op {
            Op::Start { run, header, hash, document } => {
                self.runs.insert(run.0.as_u128(), header.as_slice())?;
                let users = self.users.get(*hash)?.map_or(0, |users| users.value());
                if users == 0 {
                    self.documents.insert(*hash, document.as_str())?;
                }
                self.users.insert(*hash, users + 1)?;
            }
            Op::Append { run, row, events } => {
                self.events.insert((run.0.as_u128(), *row), events.as_slice())?;
            }
            Op::Long { run, tenant, memory } => {
                self.long.insert(run.0.as_u128(), (tenant.as_str(), *memory))?;
            }
            Op::Replace { run, progress } => {
                let run = run.0.as_u128();
                self.events.retain_in((run, 1)..=(run, u32::MAX), |_, _| false)?;
                self.events.insert((run, 0), progress.as_slice())?;
            }
            Op::SetTimer(timer) => {
                self.timers.insert(timer.key(), timer.bytes)?;
            }
            Op::ClearTimer(timer) => {
                self.timers.remove(timer.key())?;
            }
            Op::PutControl { run, sequence, tenant, record } => {
                let row = (tenant.as_str(), record.as_slice());
                self.controls.insert((run.0.as_u128(), *sequence), row)?;
            }
            Op::ClearControl { run, sequence } => {
                self.controls.remove((run.0.as_u128(), *sequence))?;
            }
            Op::Park { run } => {
                self.parked.insert(run.0.as_u128(), ())?;
            }
            Op::Unpark { run } => {
                self.parked.remove(run.0.as_u128())?;
            }
            Op::Erase { run, hash } => {
                let run = run.0.as_u128();
                self.runs.remove(run)?;
                self.parked.remove(run)?;
                self.long.remove(run)?;
                self.callers.remove(run)?;
                self.events.retain_in((run, 0)..=(run, u32::MAX), |_, _| false)?;
                if let Some(hash) = hash {
                    self.release(*hash)?;
                }
            }
            Op::Called { run, caller, tenant } => {
                self.callers.insert(run.0.as_u128(), (caller.0.as_u128(), tenant.as_str()))?;
            }
            Op::CallEnded { caller, called, end } => {
                self.call_ends.insert((caller.0.as_u128(), called.0.as_u128()), end.as_slice())?;
            }
            Op::CallTold { caller, called } => {
                self.call_ends.remove((caller.0.as_u128(), called.0.as_u128()))?;
            }
            Op::ErrorRun { run, tenant, header } => {
                self.error_runs.insert(run.0.as_u128(), (tenant.as_str(), header.as_slice()))?;
            }
            Op::ErrorRunDone { run } => {
                self.error_runs.remove(run.0.as_u128())?;
            }
            Op::Finish { run, attempt, at } => {
                self.finished.insert((hour(*at), run.0.as_u128()), *attempt)?;
            }
        }
        Ok(())
    }

    fn release(&mut self, hash: DocumentHash) -> Result<(), JournalError> {
        let users = self.users.get(hash)?.map_or(0, |users| users.value());
        if users > 1 {
            self.users.insert(hash, users - 1)?;
        } else {
            self.users.remove(hash)?;
            self.documents.remove(hash)?;
        }
        Ok(())
    }
}
