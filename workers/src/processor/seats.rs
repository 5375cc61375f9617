//! What a turn changes of the groups of runs that share a limit, over what the journal held at its start.

use std::collections::{BTreeMap, BTreeSet};

use domain::{concurrency::RunGroup, ids::TenantId};

use crate::journal::{JournalError, Seat, SeatOp, Snapshot, Standing, Waiter};

/// The groups that a turn changes.
#[derive(Debug, Default)]
pub(super) struct TurnSeats(BTreeMap<RunGroup, Changed>);

#[derive(Debug, Default)]
struct Changed {
    /// Whose it is, as far as it is known.
    tenant: Option<TenantId>,
    /// Runs that have sat down. A run is in one of the three.
    sitting: BTreeSet<Seat>,
    /// Runs that have begun to wait.
    waiting: BTreeMap<Seat, Waiter>,
    /// Runs that sit or wait no more.
    left: BTreeSet<Seat>,
    /// By how many more sit than the journal says.
    more: i64,
    /// All that the journal says of those who sit is otherwise by now, up to here; and of those who wait.
    past: (Option<Seat>, Option<Seat>),
}

impl Changed {
    fn has(&self, seat: &Seat) -> bool {
        self.sitting.contains(seat) || self.waiting.contains_key(seat) || self.left.contains(seat)
    }

    fn forget(&mut self, seat: &Seat) {
        self.sitting.remove(seat);
        self.waiting.remove(seat);
        self.left.remove(seat);
    }
}

impl TurnSeats {
    fn group(&mut self, tenant: Option<&TenantId>, group: RunGroup) -> &mut Changed {
        let changed = self.0.entry(group).or_default();
        if changed.tenant.is_none() {
            changed.tenant = tenant.cloned();
        }
        changed
    }

    /// A run sits down that did not sit.
    pub(super) fn sit(&mut self, tenant: &TenantId, seat: Seat) {
        let changed = self.group(Some(tenant), seat.group);
        changed.forget(&seat);
        changed.sitting.insert(seat);
        changed.more += 1;
    }

    /// A run waits that is new to its group.
    pub(super) fn wait(&mut self, seat: Seat, waiter: Waiter) {
        let changed = self.group(Some(&waiter.tenant), seat.group);
        changed.forget(&seat);
        changed.waiting.insert(seat, waiter);
    }

    /// A run sits or waits no more that stood so.
    pub(super) fn leave(&mut self, tenant: Option<&TenantId>, standing: &Standing) {
        let seat = standing.seat;
        let changed = self.group(tenant, seat.group);
        changed.forget(&seat);
        changed.left.insert(seat);
        changed.more -= i64::from(standing.waits.is_none());
    }

    /// Whether the run has left its group in this turn.
    pub(super) fn has_left(&self, seat: &Seat) -> bool {
        self.0.get(&seat.group).is_some_and(|changed| changed.left.contains(seat))
    }

    /// Whether the run has sat down in this turn.
    pub(super) fn has_sat_down(&self, seat: &Seat) -> bool {
        self.0.get(&seat.group).is_some_and(|changed| changed.sitting.contains(seat))
    }

    /// How many runs of the group sit.
    pub(super) fn taken(&self, snapshot: &Snapshot, group: RunGroup) -> Result<u64, JournalError> {
        let more = self.0.get(&group).map_or(0, |changed| changed.more);
        Ok(snapshot.seats_taken(group)?.saturating_add_signed(more))
    }

    /// The run of the group that sits and was accepted first.
    pub(super) fn first_sitting(
        &mut self,
        snapshot: &Snapshot,
        group: RunGroup,
    ) -> Result<Option<Seat>, JournalError> {
        let Some(changed) = self.0.get_mut(&group) else { return snapshot.first_sitting(group, None) };
        let stored = loop {
            match snapshot.first_sitting(group, changed.past.0)? {
                Some(seat) if changed.has(&seat) => changed.past.0 = Some(seat),
                other => break other,
            }
        };
        Ok(changed.sitting.first().copied().into_iter().chain(stored).min())
    }

    /// The run of the group that waits and was accepted first.
    pub(super) fn first_waiting(
        &mut self,
        snapshot: &Snapshot,
        group: RunGroup,
    ) -> Result<Option<(Seat, Waiter)>, JournalError> {
        let Some(changed) = self.0.get_mut(&group) else { return snapshot.first_waiting(group, None) };
        let stored = loop {
            match snapshot.first_waiting(group, changed.past.1)? {
                Some((seat, _)) if changed.has(&seat) => changed.past.1 = Some(seat),
                other => break other,
            }
        };
        let own = changed.waiting.first_key_value().map(|(seat, waiter)| (*seat, waiter.clone()));
        Ok(own.into_iter().chain(stored).min_by_key(|(seat, _)| *seat))
    }

    /// The groups that were changed, with their tenants.
    pub(super) fn groups(&self) -> impl Iterator<Item = (Option<TenantId>, RunGroup)> {
        self.0.iter().map(|(group, changed)| (changed.tenant.clone(), *group))
    }

    /// What is to be written.
    pub(super) fn take_ops(&mut self) -> Vec<SeatOp> {
        let mut ops = Vec::new();
        for (_, Changed { sitting, waiting, left, .. }) in std::mem::take(&mut self.0) {
            ops.extend(left.into_iter().map(SeatOp::Leave));
            ops.extend(sitting.into_iter().map(SeatOp::Sit));
            ops.extend(waiting.into_iter().map(|(seat, waiter)| SeatOp::Wait(seat, waiter)));
        }
        ops
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::{ids::RunId, timestamp::Timestamp, workflow::AboveLimit};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::journal::{Commit, Journal};

    #[derive(Debug, Clone)]
    enum Change {
        Sit(u8),
        Wait(u8),
        Leave(u8),
        Commit,
    }

    fn seat(n: u8) -> Seat {
        let group = RunGroup(Uuid::from_u128(u128::from(n % 2)));
        let (at, run) = (Timestamp::from_millis(i64::from(n / 4)), RunId(Uuid::from_u128(u128::from(n))));
        Seat { group, at, run }
    }

    fn waiter() -> Waiter {
        let tenant = TenantId::parse("acme").unwrap();
        Waiter { tenant, bytes: 1, limit: 1, above: AboveLimit::Queue }
    }

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let one = prop_oneof![
            4 => (0..12u8).prop_map(Change::Sit),
            4 => (0..12u8).prop_map(Change::Wait),
            4 => (0..12u8).prop_map(Change::Leave),
            1 => Just(Change::Commit),
        ];
        prop::collection::vec(one, 0..40)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        /// Whatever of it is written already.
        #[test]
        fn who_is_first_and_how_many_sit_is_what_a_plain_map_says(changes in changes()) {
            let directory = tempfile::tempdir().unwrap();
            let journal = Journal::open(directory.path()).unwrap();
            let (mut snapshot, mut seats) = (journal.read().unwrap(), TurnSeats::default());
            // Of each run that stands, whether it sits.
            let mut model: BTreeMap<Seat, bool> = BTreeMap::new();
            for change in changes {
                match change {
                    Change::Sit(n) if model.get(&seat(n)) != Some(&true) => {
                        seats.sit(&waiter().tenant, seat(n));
                        model.insert(seat(n), true);
                    }
                    Change::Wait(n) if !model.contains_key(&seat(n)) => {
                        seats.wait(seat(n), waiter());
                        model.insert(seat(n), false);
                    }
                    Change::Leave(n) => {
                        if let Some(sits) = model.remove(&seat(n)) {
                            let standing = Standing { seat: seat(n), waits: (!sits).then(waiter) };
                            seats.leave(Some(&waiter().tenant), &standing);
                        }
                    }
                    Change::Commit => {
                        let commit = Commit { seats: seats.take_ops(), ..Commit::default() };
                        journal.commit(&commit).unwrap();
                        snapshot = journal.read().unwrap();
                    }
                    Change::Sit(_) | Change::Wait(_) => {}
                }
                for group in [seat(0).group, seat(1).group] {
                    let all = |sits: bool| {
                        let all = model.iter().filter(move |(seat, is)| seat.group == group && **is == sits);
                        all.map(|(seat, _)| *seat)
                    };
                    prop_assert_eq!(seats.taken(&snapshot, group).unwrap(), all(true).count() as u64);
                    prop_assert_eq!(seats.first_sitting(&snapshot, group).unwrap(), all(true).next());
                    let first = seats.first_waiting(&snapshot, group).unwrap();
                    prop_assert_eq!(first.map(|(seat, _)| seat), all(false).next());
                }
            }
        }
    }
}
