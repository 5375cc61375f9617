//! The timers that the journal holds, by lane and tenant.

use domain::{
    ids::{RunId, TenantId},
    timestamp::Timestamp,
};
use uuid::Uuid;

use super::{JournalError, Lane, Snapshot, TimerRow};

impl Snapshot {
    /// A tenant's timers of a lane that are due, the earliest first, at most `limit`.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn due(
        &self,
        lane: Lane,
        tenant: &TenantId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<TimerRow>, JournalError> {
        let (number, name) = (lane as u8, tenant.as_str());
        let from = (number, name, i64::MIN, 0, [].as_slice());
        let to = (number, name, i64::MAX, u128::MAX, [].as_slice());
        let rows = self.timers.range(from..to)?.map(|row| {
            let (key, bytes) = row?;
            let (_, _, at, run, timer) = key.value();
            let (at, run) = (Timestamp::from_millis(at), RunId(Uuid::from_u128(run)));
            let (tenant, timer) = (tenant.clone(), timer.to_vec());
            Ok(TimerRow { lane, tenant, at, run, timer, bytes: bytes.value() })
        });
        let is_due = |row: &Result<TimerRow, _>| row.as_ref().map_or(true, |row| row.due() <= now);
        rows.take_while(is_due).take(limit).collect()
    }

    /// When the earliest of a tenant's timers of a lane is due.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn next_due(&self, lane: Lane, tenant: &TenantId) -> Result<Option<Timestamp>, JournalError> {
        let (number, name) = (lane as u8, tenant.as_str());
        let from = (number, name, i64::MIN, 0, [].as_slice());
        let to = (number, name, i64::MAX, u128::MAX, [].as_slice());
        let first = self.timers.range(from..to)?.next().transpose()?;
        Ok(first.map(|(key, _)| lane.due(Timestamp::from_millis(key.value().2))))
    }

    /// When the earliest timer of each lane and tenant is due. One look for each, however many there are of it.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn first_timers(&self) -> Result<Vec<(Lane, TenantId, Timestamp)>, JournalError> {
        let mut first = Vec::new();
        for lane in Lane::ALL {
            let mut from = String::new();
            let end = (lane as u8 + 1, "", i64::MIN, 0, [].as_slice());
            while let Some(row) =
                self.timers.range((lane as u8, from.as_str(), i64::MIN, 0, [].as_slice())..end)?.next()
            {
                let (key, _) = row?;
                let (_, name, at, ..) = key.value();
                if let Ok(tenant) = TenantId::parse(name) {
                    first.push((lane, tenant, lane.due(Timestamp::from_millis(at))));
                }
                // The least name above this one.
                name.clone_into(&mut from);
                from.push('\0');
            }
        }
        Ok(first)
    }

    /// Of each run that waits to begin, whose it is and how many bytes of the journal it takes.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn waiting_to_begin(
        &self,
    ) -> Result<impl Iterator<Item = Result<(TenantId, u64), JournalError>>, JournalError> {
        let lane = Lane::Begin as u8;
        let rows = self.timers.range((lane, "", i64::MIN, 0, [].as_slice())..)?;
        Ok(rows.filter_map(|row| match row {
            Ok((key, bytes)) => Some(Ok((TenantId::parse(key.value().1).ok()?, bytes.value()))),
            Err(error) => Some(Err(error.into())),
        }))
    }

    /// What a timer holds of the journal, in bytes.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn timer_bytes(&self, timer: &TimerRow) -> Result<u64, JournalError> {
        Ok(self.timers.get(timer.key())?.map_or(0, |bytes| bytes.value()))
    }
}
