//! What the journal holds for runs that other runs start.

use domain::ids::{RunId, TenantId};
use redb::ReadableTable;
use uuid::Uuid;

use super::{JournalError, Snapshot};

impl Snapshot {
    /// The run that called an unfinished one and waits for its end, and whose they are; `None`: nobody waits.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn caller(&self, run: RunId) -> Result<Option<(RunId, TenantId)>, JournalError> {
        let Some(row) = self.callers.get(run.0.as_u128())? else { return Ok(None) };
        let (caller, tenant) = row.value();
        Ok(TenantId::parse(tenant).ok().map(|tenant| (RunId(Uuid::from_u128(caller)), tenant)))
    }

    /// What came of a run that was called, for the one that called it, which has not been told: JSON.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn call_end(&self, caller: RunId, called: RunId) -> Result<Option<Vec<u8>>, JournalError> {
        let row = self.call_ends.get((caller.0.as_u128(), called.0.as_u128()))?;
        Ok(row.map(|row| row.value().to_vec()))
    }

    /// The runs of error workflows that are to be started, and whose they are.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn error_runs(&self) -> Result<Vec<(RunId, TenantId)>, JournalError> {
        let mut runs = Vec::new();
        for row in self.error_runs.iter()? {
            let (run, row) = row?;
            if let Ok(tenant) = TenantId::parse(row.value().0) {
                runs.push((RunId(Uuid::from_u128(run.value())), tenant));
            }
        }
        Ok(runs)
    }

    /// Such a run: all of its header but the version, JSON.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn error_run(&self, run: RunId) -> Result<Option<Vec<u8>>, JournalError> {
        Ok(self.error_runs.get(run.0.as_u128())?.map(|row| row.value().1.to_vec()))
    }
}
