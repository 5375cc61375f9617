//! Writing down what a turn decided, also over times in which the disk fails.

use std::{
    sync::{atomic::Ordering, mpsc::RecvTimeoutError},
    time::{Duration, Instant},
};

use metrics::{counter, histogram};
use minireipaz::telemetry::names;

use super::{Input, Refused, around, core::Core, turn::Turn};
use crate::journal;

/// Between attempts to write a journal whose disk fails.
pub(super) const DISK_PAUSE: Duration = Duration::from_secs(1);

impl Core {
    /// Commits until it succeeds; `false` when the thread has to end before that.
    pub(super) fn write(&mut self, turn: &mut Turn) -> bool {
        let mut failed = false;
        loop {
            if self.killed.load(Ordering::Acquire) {
                return false;
            }
            let began = Instant::now();
            around::before(&turn.commit);
            match self.journal.commit(&turn.commit) {
                Ok(forgotten) => {
                    around::after(&turn.commit);
                    counter!(names::JOURNAL_COMMITS).increment(1);
                    histogram!(names::JOURNAL_COMMIT_SECONDS).record(began.elapsed());
                    if let Some(hour) = turn.commit.forget_before
                        && forgotten < journal::FORGET_SLICE
                    {
                        self.forgotten = hour;
                    }
                    if failed {
                        tracing::info!("the journal can be written again");
                        self.gate.set_disk_failed(false);
                    }
                    return true;
                }
                Err(error) => {
                    failed = true;
                    counter!(names::JOURNAL_FAILURES).increment(1);
                    tracing::error!(%error, retry_in = ?DISK_PAUSE, "nothing can be written; nothing is accepted");
                    self.gate.set_disk_failed(true);
                    turn.refuse();
                    // Nobody will come to tell it to end a second time.
                    if self.ending || !self.hold_out() {
                        return false;
                    }
                }
            }
        }
    }

    /// Passes the time until the next attempt to write; `false` when the thread has to end.
    fn hold_out(&mut self) -> bool {
        let until = Instant::now() + DISK_PAUSE;
        for input in self.inbox.take_all() {
            if !self.put_off(input) {
                return false;
            }
        }
        loop {
            match self.inbox.receive(until.saturating_duration_since(Instant::now())) {
                Ok(input) => {
                    if !self.put_off(input) {
                        return false;
                    }
                }
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
            if self.killed.load(Ordering::Acquire) {
                return false;
            }
        }
    }

    /// What comes while nothing can be written waits, but for batches, which are refused; `false` when the thread has to
    /// end.
    fn put_off(&mut self, input: Input) -> bool {
        match input {
            Input::Delivery(delivery) => {
                let _ = delivery.reply.send(Err(Refused));
            }
            Input::Exit => return false,
            input => self.inbox.put(input),
        }
        true
    }
}
