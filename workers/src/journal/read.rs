//! What the journal knows, as its last commit left it.

use std::sync::Arc;

use domain::{
    ids::{RunId, TenantId},
    timestamp::Timestamp,
};
use redb::{AccessGuard, ReadTransaction, ReadableTable, ReadableTableMetadata};
use uuid::Uuid;

use super::{DocumentHash, JournalError, commit::hour, seats::Seats, tables};

/// How long finished runs are recognised, in hours.
pub(crate) const REMEMBERED_HOURS: u32 = 25;

/// A consistent view of the journal.
pub struct Snapshot {
    runs: redb::ReadOnlyTable<u128, &'static [u8]>,
    events: redb::ReadOnlyTable<(u128, u32), &'static [u8]>,
    parked: redb::ReadOnlyTable<u128, ()>,
    long: redb::ReadOnlyTable<u128, (&'static str, u64)>,
    documents: redb::ReadOnlyTable<[u8; 32], &'static str>,
    pub(super) timers: redb::ReadOnlyTable<tables::TimerKey<'static>, u64>,
    outbox: redb::ReadOnlyTable<u64, (&'static str, &'static [u8])>,
    finished: redb::ReadOnlyTable<(u32, u128), u32>,
    handoffs: redb::ReadOnlyTable<(&'static str, u64), (&'static str, &'static [u8])>,
    controls: redb::ReadOnlyTable<(u128, u64), (&'static str, &'static [u8])>,
    pub(super) callers: redb::ReadOnlyTable<u128, (u128, &'static str)>,
    pub(super) call_ends: redb::ReadOnlyTable<(u128, u128), &'static [u8]>,
    pub(super) error_runs: redb::ReadOnlyTable<u128, (&'static str, &'static [u8])>,
    pub(super) seats: Seats,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

/// An unfinished run that takes long to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongRun {
    /// Whose it is.
    pub tenant: TenantId,
    /// About how many bytes of memory it takes.
    pub memory: usize,
}

/// Where a task of another worker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandoffPlace {
    /// Its owner.
    pub owner: Arc<str>,
    /// Which of the owner's it is.
    pub sequence: u64,
    /// Whose run it is; `None`: that cannot be read.
    pub tenant: Option<TenantId>,
    /// How many bytes it has.
    pub bytes: usize,
}

/// Where something is that is wanted of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlPlace {
    /// Which of its run's it is.
    pub sequence: u64,
    /// Whose run it is; `None`: that cannot be read.
    pub tenant: Option<TenantId>,
    /// How many bytes it has.
    pub bytes: usize,
}

impl Snapshot {
    pub(super) fn open(transaction: &ReadTransaction) -> Result<Self, JournalError> {
        Ok(Self {
            runs: transaction.open_table(tables::RUNS)?,
            events: transaction.open_table(tables::EVENTS)?,
            parked: transaction.open_table(tables::PARKED)?,
            long: transaction.open_table(tables::LONG)?,
            documents: transaction.open_table(tables::DOCUMENTS)?,
            timers: transaction.open_table(tables::TIMERS)?,
            outbox: transaction.open_table(tables::OUTBOX)?,
            finished: transaction.open_table(tables::FINISHED)?,
            handoffs: transaction.open_table(tables::HANDOFFS)?,
            controls: transaction.open_table(tables::CONTROLS)?,
            callers: transaction.open_table(tables::CALLERS)?,
            call_ends: transaction.open_table(tables::CALL_ENDS)?,
            error_runs: transaction.open_table(tables::ERROR_RUNS)?,
            seats: Seats::open(transaction)?,
        })
    }

    /// The ids of all unfinished runs; with `awake` only of those that are not parked.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn unfinished(&self, awake: bool) -> Result<Vec<RunId>, JournalError> {
        let mut ids = Vec::new();
        for row in self.runs.iter()? {
            let id = row?.0.value();
            if !(awake && self.parked.get(id)?.is_some()) {
                ids.push(RunId(Uuid::from_u128(id)));
            }
        }
        Ok(ids)
    }

    /// How many runs are unfinished.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn unfinished_count(&self) -> Result<u64, JournalError> {
        Ok(self.runs.len()?)
    }

    /// The header of an unfinished run.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn header(&self, run: RunId) -> Result<Option<Vec<u8>>, JournalError> {
        Ok(self.runs.get(run.0.as_u128())?.map(|row| row.value().to_vec()))
    }

    /// What happened to an unfinished run, oldest first: JSON lists of events, one row at a time.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn events(
        &self,
        run: RunId,
    ) -> Result<impl Iterator<Item = Result<AccessGuard<'static, &'static [u8]>, JournalError>>, JournalError>
    {
        let id = run.0.as_u128();
        let rows = self.events.range((id, 0)..=(id, u32::MAX))?;
        Ok(rows.map(|row| Ok(row?.1)))
    }

    /// Whether an unfinished run only waits.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn is_parked(&self, run: RunId) -> Result<bool, JournalError> {
        Ok(self.parked.get(run.0.as_u128())?.is_some())
    }

    /// What is known ahead of an unfinished run that takes long to read; `None`: it does not.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn long(&self, run: RunId) -> Result<Option<LongRun>, JournalError> {
        let Some(row) = self.long.get(run.0.as_u128())? else { return Ok(None) };
        let (tenant, memory) = row.value();
        let memory = usize::try_from(memory).unwrap_or(usize::MAX);
        // Its header names the tenant too, and who reads that says what is wrong.
        Ok(TenantId::parse(tenant).ok().map(|tenant| LongRun { tenant, memory }))
    }

    /// The attempt with which a run finished, if it did lately.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn finished(&self, run: RunId, now: Timestamp) -> Result<Option<u32>, JournalError> {
        let now = hour(now);
        // A run cannot have finished before it was accepted, and most ids tell when that was. The hour before
        // allows for clocks that differ.
        let oldest = now.saturating_sub(REMEMBERED_HOURS);
        let from = run.created_at().map_or(oldest, |at| hour(at).saturating_sub(1).clamp(oldest, now));
        for hour in (from..=now.saturating_add(1)).rev() {
            if let Some(row) = self.finished.get((hour, run.0.as_u128()))? {
                return Ok(Some(row.value()));
            }
        }
        Ok(None)
    }

    /// Whether an unfinished run needs that document.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn has_document(&self, hash: &DocumentHash) -> Result<bool, JournalError> {
        Ok(self.documents.get(*hash)?.is_some())
    }

    /// The text of a document that an unfinished run needs.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn document(&self, hash: &DocumentHash) -> Result<Option<String>, JournalError> {
        Ok(self.documents.get(*hash)?.map(|row| row.value().to_owned()))
    }

    /// A row for the store.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn outbox_row(&self, sequence: u64) -> Result<Option<Vec<u8>>, JournalError> {
        Ok(self.outbox.get(sequence)?.map(|row| row.value().1.to_vec()))
    }

    /// The rows for the store in their order: the sequence, whose it is, and how many bytes it has.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn outbox_rows(&self) -> Result<Vec<(u64, Option<TenantId>, usize)>, JournalError> {
        let rows = self.outbox.iter()?.map(|row| {
            let (sequence, row) = row?;
            let (tenant, text) = row.value();
            Ok((sequence.value(), TenantId::parse(tenant).ok(), text.len()))
        });
        rows.collect()
    }

    /// Something that is wanted of a run.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn control(&self, run: RunId, sequence: u64) -> Result<Option<Vec<u8>>, JournalError> {
        Ok(self.controls.get((run.0.as_u128(), sequence))?.map(|row| row.value().1.to_vec()))
    }

    /// Where everything is that is wanted of runs.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn controls(&self) -> Result<Vec<ControlPlace>, JournalError> {
        let rows = self.controls.iter()?.map(|row| {
            let (key, row) = row?;
            let (tenant, record) = row.value();
            let (sequence, tenant) = (key.value().1, TenantId::parse(tenant).ok());
            Ok(ControlPlace { sequence, tenant, bytes: record.len() })
        });
        rows.collect()
    }

    /// A task of another worker.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn handoff(&self, owner: &str, sequence: u64) -> Result<Option<Vec<u8>>, JournalError> {
        Ok(self.handoffs.get((owner, sequence))?.map(|row| row.value().1.to_vec()))
    }

    /// Where every task of another worker is.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn handoffs(&self) -> Result<Vec<HandoffPlace>, JournalError> {
        let rows = self.handoffs.iter()?.map(|row| {
            let (key, row) = row?;
            let ((owner, sequence), (tenant, record)) = (key.value(), row.value());
            let (owner, tenant) = (owner.into(), TenantId::parse(tenant).ok());
            Ok(HandoffPlace { owner, sequence, tenant, bytes: record.len() })
        });
        rows.collect()
    }

    /// The highest sequence of a task of another worker.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn last_handoff(&self) -> Result<u64, JournalError> {
        let mut last = 0;
        for row in self.handoffs.iter()? {
            last = last.max(row?.0.value().1);
        }
        Ok(last)
    }
}
