//! Runs that share a limit: which of them sit, so that they may begin, and which wait for a seat.
//!
//! A run whose workflow has a limit (`settings.concurrency`) takes a seat of its group when it is accepted, if fewer
//! sit than its own version says and nobody waits, and gives it back when it ends. One that waits is in the journal
//! alone, with its time to begin and without [`Timer::Begin`]: so it is behind nobody but the others of its group, and
//! nobody else is behind it. What gives a seat back lets the next one sit in the same commit; from then on it is a run
//! that waits to begin like any other (`to_begin`). As many sit as the journal counts, so a crash changes nothing.

use std::collections::HashSet;

use domain::{
    concurrency::RunGroup,
    ids::{RunId, TenantId},
    run::NodeError,
    workflow::AboveLimit,
};
use minireipaz::fair::FairTurns;
use serde_json::json;

use super::{
    active::Active,
    core::Core,
    recovery::Presence,
    returning::Errand,
    seats::TurnSeats,
    stored::Patience,
    to_begin::{Awaits, ToBegin, bytes_of},
    turn::Turn,
    write::DISK_PAUSE,
};
use crate::{
    crash_points::{CrashPoint, pass},
    engine::{Command, RunHeader, Timer},
    journal::{JournalError, Lane, Op, Seat, Snapshot, Standing, TimerRow, Waiter, codec},
};

/// So many runs sit down, or make room, in a turn; the rest in the next ones, tenants in turns.
const TURN_SEATINGS: usize = 256;

/// How a run enters its group.
pub(super) enum Entry {
    /// It has none.
    Free,
    /// There is a seat.
    Sits(Seat),
    /// There is none, and it waits: for so many seats, and then.
    Waits(Seat, u32, AboveLimit),
    /// There is none, and it does not run.
    Skipped(NodeError),
}

/// Groups of which somebody may sit down.
#[derive(Default)]
pub(super) struct Vacancies {
    /// By tenant; those of which nobody knows whose they are, are a stream of their own.
    turns: FairTurns<Option<TenantId>, (Option<TenantId>, RunGroup)>,
    listed: HashSet<RunGroup>,
}

impl Vacancies {
    /// Those of which somebody waited when the worker ended.
    pub(super) fn open(snapshot: &Snapshot) -> Result<Self, JournalError> {
        let mut all = Self::default();
        snapshot.groups_with_waiting()?.into_iter().for_each(|(tenant, group)| all.add(Some(tenant), group));
        Ok(all)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// How many they are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.listed.len()
    }

    fn add(&mut self, tenant: Option<TenantId>, group: RunGroup) {
        if self.listed.insert(group) {
            self.turns.push(tenant.clone(), (tenant, group), 1);
        }
    }

    fn next(&mut self) -> Option<(Option<TenantId>, RunGroup)> {
        let (tenant, group) = self.turns.pop()?;
        self.listed.remove(&group);
        Some((tenant, group))
    }
}

impl Core {
    /// How a new run enters its group, if it has one.
    pub(super) fn enter(&self, turn: &mut Turn, active: &Active) -> Result<Entry, JournalError> {
        let header = active.state.header();
        let Some(concurrency) = &active.state.definition().concurrency else { return Ok(Entry::Free) };
        if header.trigger.is_test() {
            return Ok(Entry::Free);
        }
        let group = concurrency.group(&header.tenant, header.workflow_id, &header.input);
        let seat = Seat { group, at: header.created_at, run: header.run_id };
        let (seats, snapshot) = turn.seating(&self.journal)?;
        let limit = concurrency.limit;
        let has_room = seats.taken(snapshot, group)? < u64::from(limit);
        if has_room && seats.first_waiting(snapshot, group)?.is_none() {
            return Ok(Entry::Sits(seat));
        }
        Ok(match concurrency.above {
            AboveLimit::Skip => Entry::Skipped(skipped(limit)),
            above => Entry::Waits(seat, limit, above),
        })
    }

    /// Lets a run take its seat, or wait for one.
    pub(super) fn take_seat(turn: &mut Turn, active: &mut Active, entry: &Entry) {
        let tenant = active.state.header().tenant.clone();
        active.standing = match *entry {
            Entry::Free | Entry::Skipped(_) => None,
            Entry::Sits(seat) => {
                turn.seats.sit(&tenant, seat);
                Some(Standing { seat, waits: None })
            }
            Entry::Waits(seat, limit, above) => {
                let waiter = Waiter { tenant, bytes: active.to_begin as u64, limit, above };
                turn.seats.wait(seat, waiter.clone());
                Some(Standing { seat, waits: Some(waiter) })
            }
        };
    }

    /// Lets those sit down for whom there is a seat by now, before the turn is written.
    pub(super) fn seat_waiting(&mut self, turn: &mut Turn) {
        self.look_at_changed_groups(turn);
        let mut left = TURN_SEATINGS;
        while left > 0
            && let Some((tenant, group)) = self.vacancies.next()
        {
            match self.seat_group(turn, group, &mut left) {
                Ok(Rest::Done) => {}
                Ok(Rest::Later) => self.vacancies.add(tenant, group),
                Err(error) => {
                    tracing::error!(%error, "who waits for a seat cannot be read; trying again");
                    self.vacancies.add(tenant, group);
                    self.inbox.wait(DISK_PAUSE);
                    return;
                }
            }
        }
    }

    fn seat_group(
        &mut self,
        turn: &mut Turn,
        group: RunGroup,
        left: &mut usize,
    ) -> Result<Rest, JournalError> {
        loop {
            let (seats, snapshot) = turn.seating(&self.journal)?;
            let Some((seat, waiter)) = seats.first_waiting(snapshot, group)? else { return Ok(Rest::Done) };
            // It is being read as it is now: its group has its turn again when it is there.
            if self.returning.has(seat.run) {
                return Ok(Rest::Done);
            }
            if *left == 0 {
                return Ok(Rest::Later);
            }
            *left -= 1;
            if seats.taken(snapshot, group)? < u64::from(waiter.limit) {
                self.let_sit(turn, seat, &waiter)?;
                continue;
            }
            if waiter.above != AboveLimit::CancelOldest {
                return Ok(Rest::Done);
            }
            let Some(oldest) = seats.first_sitting(snapshot, group)? else { return Ok(Rest::Done) };
            if !self.replace(turn, oldest, (seat, &waiter))? {
                return Ok(Rest::Done);
            }
        }
    }

    /// A run that waited sits: from now on it begins as soon as its tenant has room. It is not read for that.
    fn let_sit(&mut self, turn: &mut Turn, seat: Seat, waiter: &Waiter) -> Result<(), JournalError> {
        turn.seats.sit(&waiter.tenant, seat);
        self.to_begin.goes_on(&waiter.tenant);
        if let Some(active) = self.runs.get_mut(&seat.run) {
            active.standing = Some(Standing { seat, waits: None });
            self.advance(turn, seat.run, Command::Queue);
            return Ok(());
        }
        let (timer, bytes) = (codec::write_timer(&Timer::Begin)?, waiter.bytes);
        let tenant = waiter.tenant.clone();
        let row = TimerRow { lane: Lane::Begin, tenant, at: seat.at, run: seat.run, timer, bytes };
        self.due.set(&(row.lane, row.tenant.clone()), row.due());
        turn.commit.ops.push(Op::SetTimer(row));
        Ok(())
    }

    /// Ends the oldest run that sits, in favour of another; `false`: it has to be read for that, which takes long, and
    /// its group has its turn again when it is there.
    fn replace(
        &mut self,
        turn: &mut Turn,
        oldest: Seat,
        (next, waiter): (Seat, &Waiter),
    ) -> Result<bool, JournalError> {
        if let Presence::Far(bytes) = self.bring(turn, oldest.run, Patience::Little)? {
            self.send_for(&waiter.tenant, oldest.run, bytes, Errand::Seat);
            return Ok(false);
        }
        turn.visited.push(oldest.run);
        let error = Box::new(replaced(next, waiter.limit));
        self.advance(turn, oldest.run, Command::GiveWay { error });
        pass(CrashPoint::OldestGivesWay);
        if !turn.seats.has_left(&oldest) {
            // Nobody has that run: a seat that nobody gives back would be taken for ever.
            tracing::warn!(run.id = %oldest.run, "the seat of run {} is free: the run is not there", oldest.run);
            turn.seats.leave(Some(&waiter.tenant), &Standing { seat: oldest, waits: None });
        }
        Ok(true)
    }

    /// The groups that a turn has changed have their turn.
    pub(super) fn look_at_changed_groups(&mut self, turn: &Turn) {
        for (tenant, group) in turn.seats.groups() {
            self.vacancies.add(tenant, group);
        }
    }

    /// A run was read, or will not be: if it has a group, that has its turn.
    pub(super) fn look_at_group_of(&mut self, run: RunId) {
        let standing = self.runs.get(&run).and_then(|active| {
            Some((active.state.header().tenant.clone(), active.standing.as_ref()?.seat.group))
        });
        if let Some((tenant, group)) = standing {
            self.vacancies.add(Some(tenant), group);
        }
    }
}

impl Active {
    /// Takes into account that a run which the journal still has waiting has sat down in this turn.
    pub(super) fn has_sat_down(&mut self, seats: &TurnSeats) {
        let Some(standing) = &mut self.standing else { return };
        if standing.waits.is_some() && seats.has_sat_down(&standing.seat) {
            standing.waits = None;
            if let Some(stored) = &mut self.stored {
                stored.timers.insert(Timer::Begin, standing.seat.at);
            }
        }
    }
}

/// Whether a group is done with for now.
enum Rest {
    Done,
    Later,
}

/// A run gives its seat back, or waits for one no more.
pub(super) fn leave(active: &mut Active, seats: &mut TurnSeats, to_begin: &mut ToBegin) {
    let Some(standing) = active.standing.take() else { return };
    let tenant = &active.state.header().tenant;
    seats.leave(Some(tenant), &standing);
    if let Some(waiter) = standing.waits {
        to_begin.remove(tenant, bytes_of(waiter.bytes), Awaits::Seat);
        active.to_begin = 0;
    }
}

/// The same of a run that cannot be read, maybe not even whose it is.
pub(super) fn leave_unread(
    header: Option<&RunHeader>,
    standing: &Standing,
    seats: &mut TurnSeats,
    to_begin: &mut ToBegin,
) {
    let waiter = standing.waits.as_ref();
    let tenant = waiter.map(|waiter| &waiter.tenant).or(header.map(|header| &header.tenant));
    seats.leave(tenant, standing);
    if let Some(waiter) = waiter {
        to_begin.remove(&waiter.tenant, bytes_of(waiter.bytes), Awaits::Seat);
    }
}

fn skipped(limit: u32) -> NodeError {
    let message = format!(
        "{limit} runs of the workflow with the same key run already, or others wait for their turn; \
         `settings.concurrency` of the workflow sets this limit, and `above: \"queue\"` would let the run wait"
    );
    NodeError::new("concurrency_skipped", message).with_details(json!({ "limit": limit }))
}

fn replaced(by: Seat, limit: u32) -> NodeError {
    let message = format!(
        "run {} with the same key has taken its place; `settings.concurrency` of the workflow lets {limit} run at once, \
         and `above: \"cancel_oldest\"` ends the oldest of them",
        by.run
    );
    NodeError::new("concurrency_replaced", message).with_details(json!({ "limit": limit, "run": by.run }))
}
