//! Durable timers: the journal holds them, the first that is due wakes the processor, nothing polls.
//!
//! What goes on by a timer needs room, as what is new does: while its tenant has none, its timers wait in the journal,
//! whatever is due of others. Only the end of a run's time needs none. A run that takes long to read is sent for
//! (`returning`), and the timers behind its own wait until it is there.

use domain::timestamp::Timestamp;

use super::{
    core::Core,
    due::Stream,
    recovery::Presence,
    returning::Errand,
    stored::Patience,
    to_begin::{Awaits, bytes_of},
    turn::Turn,
    write::DISK_PAUSE,
};
use crate::{
    caught::read_caught,
    crash_points::{CrashPoint, pass},
    engine::{Command, Timer},
    journal::{
        JournalError, Lane, Op, TimerRow,
        codec::{self, DueKey},
        set_aside,
    },
    recorder::Record,
};

/// So many timers fire in a turn, of so many streams; each has an equal part.
const TURN_TIMERS: usize = 256;
/// No more fire once the runs that were read for them take so many bytes of memory.
const TURN_READ_BYTES: usize = 4 << 20;

impl Core {
    /// Whether a timer is due that may fire.
    pub(super) fn may_fire_something(&mut self, now: Timestamp) -> bool {
        self.with_due(|core, due| due.has_due(now, |stream| core.may_fire(stream)))
    }

    /// Fires timers that are due.
    pub(super) fn fire_due(&mut self, turn: &mut Turn) {
        // Whoever stops begins nothing that the next start would have to begin again.
        if self.draining() {
            return;
        }
        let now = turn.now;
        let streams = self.with_due(|core, due| due.take(now, TURN_TIMERS, |stream| core.may_fire(stream)));
        let parts = streams.len().max(1);
        let mut streams = streams.into_iter();
        for stream in streams.by_ref() {
            let goes_on = self.fire(turn, &stream, parts).unwrap_or_else(|error| {
                tracing::error!(%error, "due timers cannot be read");
                true
            });
            if goes_on {
                self.fired.push(stream);
            }
            if turn.read > TURN_READ_BYTES {
                break;
            }
        }
        for stream in streams.rev() {
            self.due.put_first(stream);
        }
    }

    /// Whether a timer of that stream may fire. What only waits for a timer makes room for it.
    fn may_fire(&mut self, (lane, tenant): &Stream) -> bool {
        if *lane == Lane::End || self.may_come(tenant) {
            return true;
        }
        self.make_room(tenant);
        self.may_come(tenant)
    }

    /// Fires what is due of a stream, as far as there is room: one of `parts` of what fires in a turn. `false`: the
    /// stream goes on when a run is there that was sent for.
    fn fire(&mut self, turn: &mut Turn, stream: &Stream, parts: usize) -> Result<bool, JournalError> {
        let (now, before) = (turn.now, turn.read);
        let (lane, tenant) = stream;
        let most = (TURN_TIMERS / parts).max(1);
        for (place, row) in
            turn.snapshot(&self.journal)?.due(*lane, tenant, now, most)?.into_iter().enumerate()
        {
            // What is left is due in the next turn.
            let is_much = turn.read > before + TURN_READ_BYTES / parts;
            if place > 0 && (is_much || !self.may_fire(stream)) {
                break;
            }
            if let Presence::Far(bytes) = self.bring(turn, row.run, Patience::Little)? {
                self.send_for(tenant, row.run, bytes, Errand::Timer(row));
                return Ok(false);
            }
            self.fire_timer(turn, row);
        }
        Ok(true)
    }

    /// Fires a timer of a run that is in memory, or nowhere.
    pub(super) fn fire_timer(&mut self, turn: &mut Turn, row: TimerRow) {
        let run = row.run;
        pass(match row.lane {
            Lane::Begin => CrashPoint::BeginFires,
            Lane::Wake => CrashPoint::WakeFires,
            Lane::End => CrashPoint::DeadlineFires,
        });
        let timer = match read_caught(|| codec::read_due(&row.timer)) {
            Ok(DueKey::Timer(timer)) => timer,
            Ok(DueKey::Notice(notice)) => return self.give_notice(turn, row, notice),
            Err(error) => {
                let reason = format!("a timer of run {run} cannot be read: {error}");
                let letter = set_aside(&reason, &row.timer, row.tenant.as_str(), turn.now);
                turn.records.push(Record::Dead(Box::new(letter)));
                turn.commit.ops.push(Op::ClearTimer(row));
                return;
            }
        };
        if timer == Timer::Begin {
            self.to_begin.remove(&row.tenant, bytes_of(row.bytes), Awaits::Room);
        }
        // It goes whatever follows: a timer that nobody waits for must not fire again and again. A run that needs it
        // once more sets it once more.
        turn.commit.ops.push(Op::ClearTimer(row));
        let Some(active) = self.runs.get_mut(&run) else { return };
        if let Some(stored) = &mut active.stored {
            stored.timers.remove(&timer);
        }
        if timer == Timer::Begin {
            active.to_begin = 0;
        }
        let command = match timer {
            Timer::Deadline if active.awaits_seat() => Command::NoSeat,
            timer => Command::TimerFired(timer),
        };
        self.advance(turn, run, command);
    }

    /// Finds out when the next timers of the streams are due of which some have fired.
    pub(super) fn look_at_fired(&mut self, now: Timestamp) {
        let streams = std::mem::take(&mut self.fired);
        if streams.is_empty() {
            return;
        }
        let snapshot = self.journal.read();
        for stream in streams {
            let next = match &snapshot {
                Ok(snapshot) => snapshot.next_due(stream.0, &stream.1).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            let next = next.unwrap_or_else(|error| {
                tracing::error!(error, "the next timer cannot be read; trying again");
                Some(now.plus(DISK_PAUSE))
            });
            self.due.put(stream, next);
        }
    }

    /// Works with the list of what is due, which is not the core's meanwhile.
    fn with_due<T>(&mut self, work: impl FnOnce(&mut Self, &mut super::due::Due) -> T) -> T {
        let mut due = std::mem::take(&mut self.due);
        let done = work(self, &mut due);
        self.due = due;
        done
    }
}
