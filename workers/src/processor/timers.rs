//! Durable timers: the journal holds them, the first that is due wakes the processor, nothing polls.

use domain::timestamp::Timestamp;

use super::{core::Core, recovery::SLICE_BYTES, turn::Turn, write::DISK_PAUSE};
use crate::{
    engine::Command,
    journal::{JournalError, Op, codec, set_aside},
    recorder::Record,
};

/// So many timers fire in a turn.
const TURN_TIMERS: usize = 256;

impl Core {
    /// Fires the timers that are due.
    pub(super) fn fire_due(&mut self, turn: &mut Turn) {
        // Whoever stops begins nothing that the next start would have to begin again.
        if self.draining() || self.next_due.is_none_or(|due| due > turn.now) {
            return;
        }
        self.timers_fired = true;
        if let Err(error) = self.fire(turn) {
            tracing::error!(%error, "due timers cannot be read");
        }
    }

    fn fire(&mut self, turn: &mut Turn) -> Result<(), JournalError> {
        let (now, before) = (turn.now, self.memory.taken());
        for row in turn.snapshot(&self.journal)?.due(now, TURN_TIMERS)? {
            self.load(turn, row.run)?;
            // It goes whatever follows: a timer that nobody waits for must not fire again and again. A run that
            // needs it once more sets it once more.
            let run = row.run;
            let timer = match codec::read_timer(&row.timer) {
                Ok(timer) => timer,
                Err(error) => {
                    let reason = format!("a timer of run {run} cannot be read: {error}");
                    let letter = set_aside(&reason, &row.timer, "", now);
                    turn.records.push(Record::Dead(Box::new(letter)));
                    turn.commit.ops.push(Op::ClearTimer(row));
                    continue;
                }
            };
            turn.commit.ops.push(Op::ClearTimer(row));
            if let Some(active) = self.runs.get_mut(&run) {
                if let Some(stored) = &mut active.stored {
                    stored.timers.remove(&timer);
                }
                self.advance(turn, run, Command::TimerFired(timer));
            }
            // What is left is due in the next turn.
            if self.memory.taken() > before + SLICE_BYTES {
                break;
            }
        }
        Ok(())
    }

    /// When the first of the journal's timers is due.
    pub(super) fn read_next_due(&mut self, now: Timestamp) {
        self.next_due = match self.journal.read().and_then(|snapshot| snapshot.next_due()) {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(%error, "the next timer cannot be read; trying again");
                Some(now.plus(DISK_PAUSE))
            }
        };
    }
}
