//! What waits for the store.
//!
//! The outbox in the journal is the truth. So that rows need not be read back from it, the newest ones are also
//! kept in memory, within a bound; what does not fit is read from the journal, in slices.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use metrics::gauge;
use minireipaz::clock::Clock;
use minireipaz::telemetry::names;
use tokio::sync::Notify;

use super::record::Record;
use crate::journal::{Journal, JournalError, codec, set_aside};

/// A committed row with its sequence and its size in the journal.
#[derive(Debug)]
pub(crate) struct Committed {
    pub(crate) sequence: u64,
    pub(crate) bytes: usize,
    pub(crate) record: Record,
}

/// Rows that wait for the store.
pub(crate) struct Backlog {
    journal: Arc<Journal>,
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    wake: Notify,
    confirmed: Notify,
    max_rows: u64,
}

impl fmt::Debug for Backlog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backlog").field("rows", &self.rows()).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct State {
    memory: VecDeque<Committed>,
    bytes: usize,
    /// The last sequence that was handed to the store's side.
    taken: u64,
    /// The last sequence that was committed.
    last: u64,
    /// The last sequence that the store has.
    confirmed: u64,
}

/// Rows in memory at most: so many bytes of journal rows.
const MEMORY_BYTES: usize = 32 << 20;
/// A batch for the store: so many rows, or so many bytes of journal rows.
const SLICE_ROWS: usize = 4_000;
const SLICE_BYTES: usize = 8 << 20;

impl Backlog {
    /// What the journal holds.
    pub(crate) fn open(
        journal: Arc<Journal>,
        clock: Arc<dyn Clock>,
        max_rows: u64,
    ) -> Result<Self, JournalError> {
        let (rows, last) = journal.read()?.outbox_extent()?;
        let last = last.unwrap_or(0);
        let before = last - rows.min(last);
        let state = State { taken: before, confirmed: before, last, ..State::default() };
        Ok(Self {
            journal,
            state: Mutex::new(state),
            clock,
            wake: Notify::new(),
            confirmed: Notify::new(),
            max_rows,
        })
    }

    /// The last sequence that was committed: the next row has one more.
    pub(crate) fn last(&self) -> u64 {
        self.lock().last
    }

    /// How many rows wait.
    pub(crate) fn rows(&self) -> u64 {
        let state = self.lock();
        // What was read from the journal may be confirmed before its commit was reported here.
        state.last.saturating_sub(state.confirmed)
    }

    /// Whether so much waits that no more runs should be taken.
    pub(crate) fn is_full(&self) -> bool {
        self.rows() >= self.max_rows
    }

    /// Adds rows that were committed, in order.
    pub(crate) fn push(&self, rows: Vec<Committed>) {
        let Some(last) = rows.last().map(|row| row.sequence) else { return };
        {
            let mut state = self.lock();
            for row in rows {
                // Once a row is left out, the later ones wait in the journal until memory is empty again.
                let follows = state.memory.back().map_or(state.taken, |before| before.sequence) + 1;
                if row.sequence == follows && state.bytes + row.bytes <= MEMORY_BYTES {
                    state.bytes += row.bytes;
                    state.memory.push_back(row);
                }
            }
            state.last = last;
        }
        self.report();
        self.wake.notify_one();
    }

    /// Waits until rows wait, and takes a batch of them: at least one.
    pub(crate) async fn take(self: &Arc<Self>) -> Result<Vec<Committed>, JournalError> {
        loop {
            let wake = self.wake.notified();
            let from = {
                let mut state = self.lock();
                match state.memory.front() {
                    Some(_) => return Ok(state.take_memory()),
                    None if state.taken < state.last => Some(state.taken + 1),
                    None => None,
                }
            };
            match from {
                Some(from) => {
                    let backlog = Arc::clone(self);
                    let read = tokio::task::spawn_blocking(move || backlog.read(from)).await;
                    return read.unwrap_or_else(|error| Err(JournalError::Failed(error.to_string())));
                }
                None => wake.await,
            }
        }
    }

    fn read(&self, from: u64) -> Result<Vec<Committed>, JournalError> {
        let rows = self.journal.read()?.outbox(from, SLICE_ROWS, SLICE_BYTES)?;
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(sequence, text)| {
                let record = codec::read_record(&text).unwrap_or_else(|error| self.unreadable(&text, &error));
                Committed { sequence, bytes: text.len(), record }
            })
            .collect();
        let mut state = self.lock();
        state.taken = rows.last().map_or(state.last, |row| row.sequence);
        Ok(rows)
    }

    /// One damaged row must not hold up all that come after it.
    fn unreadable(&self, text: &[u8], error: &serde_json::Error) -> Record {
        let reason = format!("a row of the outbox cannot be read: {error}");
        Record::Dead(Box::new(set_aside(reason, text, String::new(), self.clock.now())))
    }

    /// The store has all rows up to this sequence.
    pub(crate) fn confirm(&self, sequence: u64) {
        self.lock().confirmed = sequence;
        self.report();
        self.confirmed.notify_waiters();
    }

    /// Waits until the store has everything.
    pub(crate) async fn drained(&self) {
        loop {
            let confirmed = self.confirmed.notified();
            tokio::pin!(confirmed);
            // Listen before looking, so that no confirmation is missed.
            confirmed.as_mut().enable();
            if self.rows() == 0 {
                return;
            }
            confirmed.await;
        }
    }

    fn report(&self) {
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        gauge!(names::WORKER_BACKLOG_ROWS).set(self.rows() as f64);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_memory(&mut self) -> Vec<Committed> {
        let (mut taken, mut bytes) = (Vec::new(), 0usize);
        while let Some(row) = self.memory.front() {
            bytes += row.bytes;
            if !taken.is_empty() && (taken.len() == SLICE_ROWS || bytes > SLICE_BYTES) {
                break;
            }
            self.bytes -= row.bytes;
            self.taken = row.sequence;
            taken.extend(self.memory.pop_front());
        }
        taken
    }
}
