//! Which runs have a seat of their group, and which wait for one.
//!
//! A group is the runs that share a limit ([`RunGroup`]). All of it is in the journal, in order, so nothing is kept in
//! memory of who waits, and a restart reads none of them.

use domain::{
    concurrency::RunGroup,
    ids::{RunId, TenantId},
    timestamp::Timestamp,
    workflow::AboveLimit,
};
use redb::{ReadOnlyTable, ReadTransaction, ReadableTable, Table, WriteTransaction};
use uuid::Uuid;

use super::{JournalError, Snapshot, tables};

#[cfg(test)]
mod tests;

/// A run's place in the order of its group: who was accepted first is first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seat {
    /// The group.
    pub group: RunGroup,
    /// When the run was accepted.
    pub at: Timestamp,
    /// The run.
    pub run: RunId,
}

/// What is known of a run that waits for a seat, without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiter {
    /// Whose it is.
    pub tenant: TenantId,
    /// How many bytes of the journal it takes.
    pub bytes: u64,
    /// It may sit once fewer runs of the group do.
    pub limit: u32,
    /// What happens while as many do.
    pub above: AboveLimit,
}

/// How a run of a group stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its place in the group.
    pub seat: Seat,
    /// It waits; `None`: it has its seat.
    pub waits: Option<Waiter>,
}

/// A change of a group. Each may be written whatever was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeatOp {
    /// A run has a seat from now on.
    Sit(Seat),
    /// A run waits for one.
    Wait(Seat, Waiter),
    /// A run does neither any more.
    Leave(Seat),
}

impl Seat {
    fn key(&self) -> tables::SeatKey {
        (self.group.0.as_u128(), self.at.as_millis(), self.run.0.as_u128())
    }

    fn of((group, at, run): tables::SeatKey) -> Self {
        let group = RunGroup(Uuid::from_u128(group));
        Self { group, at: Timestamp::from_millis(at), run: RunId(Uuid::from_u128(run)) }
    }
}

/// The number of a choice, which is for ever.
const fn number(above: AboveLimit) -> u8 {
    match above {
        AboveLimit::Queue => 0,
        AboveLimit::Skip => 1,
        AboveLimit::CancelOldest => 2,
    }
}

impl Waiter {
    fn row(&self) -> tables::WaiterRow<'_> {
        (self.tenant.as_str(), self.bytes, self.limit, number(self.above))
    }

    /// What a row says. One that says what this version does not know waits as most do, and one of nobody, for nothing:
    /// its time to begin ends it.
    fn of((tenant, bytes, limit, above): tables::WaiterRow<'_>) -> Option<Self> {
        let above = match above {
            1 => AboveLimit::Skip,
            2 => AboveLimit::CancelOldest,
            _ => AboveLimit::Queue,
        };
        Some(Self { tenant: TenantId::parse(tenant).ok()?, bytes, limit, above })
    }
}

/// Writes changes of groups; the tables are opened only by a commit that has some.
pub(super) fn write(transaction: &WriteTransaction, ops: &[SeatOp]) -> Result<(), JournalError> {
    if ops.is_empty() {
        return Ok(());
    }
    let mut writer = Writer {
        sitting: transaction.open_table(tables::SITTING)?,
        waiting: transaction.open_table(tables::WAITING)?,
        seats_taken: transaction.open_table(tables::SEATS_TAKEN)?,
        standing: transaction.open_table(tables::STANDING)?,
    };
    ops.iter().try_for_each(|op| writer.apply(op))
}

struct Writer<'t> {
    sitting: Table<'t, tables::SeatKey, ()>,
    waiting: Table<'t, tables::SeatKey, tables::WaiterRow<'static>>,
    seats_taken: Table<'t, u128, u64>,
    standing: Table<'t, u128, (u128, i64)>,
}

impl Writer<'_> {
    fn apply(&mut self, op: &SeatOp) -> Result<(), JournalError> {
        match op {
            SeatOp::Sit(seat) => {
                self.waiting.remove(seat.key())?;
                if self.sitting.insert(seat.key(), ())?.is_none() {
                    self.count(seat.group, |taken| taken + 1)?;
                }
                self.stands(seat)
            }
            SeatOp::Wait(seat, waiter) => {
                self.rise(seat)?;
                self.waiting.insert(seat.key(), waiter.row())?;
                self.stands(seat)
            }
            SeatOp::Leave(seat) => {
                self.rise(seat)?;
                self.waiting.remove(seat.key())?;
                self.standing.remove(seat.run.0.as_u128())?;
                Ok(())
            }
        }
    }

    fn rise(&mut self, seat: &Seat) -> Result<(), JournalError> {
        let sat = self.sitting.remove(seat.key())?.is_some();
        if sat { self.count(seat.group, |taken| taken.saturating_sub(1)) } else { Ok(()) }
    }

    fn stands(&mut self, seat: &Seat) -> Result<(), JournalError> {
        let (group, at, run) = seat.key();
        self.standing.insert(run, (group, at))?;
        Ok(())
    }

    /// In the same commit as the rows that are counted, so that the number is always theirs.
    fn count(&mut self, group: RunGroup, change: impl Fn(u64) -> u64) -> Result<(), JournalError> {
        let group = group.0.as_u128();
        let taken = change(self.seats_taken.get(group)?.map_or(0, |taken| taken.value()));
        if taken == 0 {
            self.seats_taken.remove(group)?;
        } else {
            self.seats_taken.insert(group, taken)?;
        }
        Ok(())
    }
}

/// The groups as a commit left them.
pub(super) struct Seats {
    sitting: ReadOnlyTable<tables::SeatKey, ()>,
    waiting: ReadOnlyTable<tables::SeatKey, tables::WaiterRow<'static>>,
    seats_taken: ReadOnlyTable<u128, u64>,
    standing: ReadOnlyTable<u128, (u128, i64)>,
}

impl Seats {
    pub(super) fn open(transaction: &ReadTransaction) -> Result<Self, JournalError> {
        Ok(Self {
            sitting: transaction.open_table(tables::SITTING)?,
            waiting: transaction.open_table(tables::WAITING)?,
            seats_taken: transaction.open_table(tables::SEATS_TAKEN)?,
            standing: transaction.open_table(tables::STANDING)?,
        })
    }
}

/// Behind a place in the order, or all of a group.
fn behind(group: RunGroup, after: Option<Seat>) -> (std::ops::Bound<tables::SeatKey>, tables::SeatKey) {
    use std::ops::Bound::{Excluded, Included};
    let group = group.0.as_u128();
    let from = after.map_or(Included((group, i64::MIN, 0)), |seat| Excluded(seat.key()));
    (from, (group, i64::MAX, u128::MAX))
}

impl Snapshot {
    /// How many runs of a group sit.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn seats_taken(&self, group: RunGroup) -> Result<u64, JournalError> {
        Ok(self.seats.seats_taken.get(group.0.as_u128())?.map_or(0, |taken| taken.value()))
    }

    /// The first run of a group that sits, of those behind `after`.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn first_sitting(&self, group: RunGroup, after: Option<Seat>) -> Result<Option<Seat>, JournalError> {
        let (from, to) = behind(group, after);
        let first = self.seats.sitting.range((from, std::ops::Bound::Included(to)))?.next().transpose()?;
        Ok(first.map(|(key, _)| Seat::of(key.value())))
    }

    /// The first run of a group that waits, of those behind `after`.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn first_waiting(
        &self,
        group: RunGroup,
        after: Option<Seat>,
    ) -> Result<Option<(Seat, Waiter)>, JournalError> {
        let (from, to) = behind(group, after);
        for row in self.seats.waiting.range((from, std::ops::Bound::Included(to)))? {
            let (key, row) = row?;
            if let Some(waiter) = Waiter::of(row.value()) {
                return Ok(Some((Seat::of(key.value()), waiter)));
            }
        }
        Ok(None)
    }

    /// How an unfinished run stands in its group; `None`: it is of none.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn standing(&self, run: RunId) -> Result<Option<Standing>, JournalError> {
        let id = run.0.as_u128();
        let Some((group, at)) = self.seats.standing.get(id)?.map(|row| row.value()) else { return Ok(None) };
        let waits = self.seats.waiting.get((group, at, id))?.and_then(|row| Waiter::of(row.value()));
        Ok(Some(Standing { seat: Seat::of((group, at, id)), waits }))
    }

    /// The groups of which a run waits, each once with its tenant. One look for each, however many wait.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn groups_with_waiting(&self) -> Result<Vec<(TenantId, RunGroup)>, JournalError> {
        let mut groups = Vec::new();
        let mut from = (0, i64::MIN, 0);
        while let Some(row) = self.seats.waiting.range(from..)?.next() {
            let (key, row) = row?;
            let seat = Seat::of(key.value());
            if let Some(waiter) = Waiter::of(row.value()) {
                groups.push((waiter.tenant, seat.group));
            }
            let Some(next) = seat.group.0.as_u128().checked_add(1) else { break };
            from = (next, i64::MIN, 0);
        }
        Ok(groups)
    }

    /// Of each run that waits for a seat, whose it is and how many bytes of the journal it takes.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn waiting_for_a_seat(
        &self,
    ) -> Result<impl Iterator<Item = Result<(TenantId, u64), JournalError>>, JournalError> {
        let rows = self.seats.waiting.iter()?;
        Ok(rows.filter_map(|row| match row {
            Ok((_, row)) => Waiter::of(row.value()).map(|waiter| Ok((waiter.tenant, waiter.bytes))),
            Err(error) => Some(Err(error.into())),
        }))
    }
}
