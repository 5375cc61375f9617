//! What waits for the store.
//!
//! The outbox in the journal is the truth. Here is a list of it: of each row its sequence, whose it is and its size,
//! and of the newest ones, within a bound, the row itself, so that it need not be read back. Rows go to the store by
//! tenant in turns, measured in bytes: a tenant's thousands of large ones hold up another's small one for no longer
//! than one batch. A tenant's own rows stay in order, and so do those of a run.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::{
    ids::{RunId, TenantId},
    run::NodeError,
    timestamp::Timestamp,
};
use metrics::gauge;
use minireipaz::clock::Clock;
use minireipaz::{
    fair::{FairTurns, Shares},
    telemetry::names,
};
use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::{
    ages::Ages,
    record::{InputAt, Record, RunRecord},
};
use crate::journal::{Journal, JournalError, Snapshot, codec, set_aside};

/// How much may wait before no more runs are taken. Of one tenant half of it: then its steps wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BacklogLimits {
    pub(crate) rows: usize,
    /// Of journal rows.
    pub(crate) bytes: usize,
}

/// Whose a row is; `None`: a dead letter that is nobody's.
type Owner = Option<TenantId>;

/// A committed row.
#[derive(Debug)]
pub(crate) struct Committed {
    pub(crate) place: RowPlace,
    pub(crate) record: Record,
}

/// Which row it is, whose, and how large in the journal.
#[derive(Debug, Clone)]
pub(crate) struct RowPlace {
    pub(crate) sequence: u64,
    pub(crate) tenant: Owner,
    pub(crate) bytes: usize,
}

/// Rows that wait for the store.
pub(crate) struct Backlog {
    journal: Arc<Journal>,
    /// What is being read from it.
    reads: TaskTracker,
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    wake: Notify,
    confirmed: Notify,
}

impl fmt::Debug for Backlog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backlog").field("rows", &self.rows()).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct State {
    waiting: FairTurns<Owner, Row>,
    /// Rows of a batch that could not be read from the journal: they come before all others.
    unread: Vec<Row>,
    /// Bytes of the rows that are in memory.
    in_memory: usize,
    /// What the store does not have.
    rows: Shares<Owner>,
    bytes: Shares<Owner>,
    /// The last sequence that was committed.
    last: u64,
    /// Since when they wait.
    ages: Ages,
}

#[derive(Debug)]
struct Row {
    place: RowPlace,
    /// `None`: it is in the journal only.
    record: Option<Record>,
}

/// Rows in memory at most: so many bytes of journal rows.
const MEMORY_BYTES: usize = 32 << 20;
/// A batch for the store: so many rows, or so many bytes of journal rows. A single larger row goes alone.
const SLICE_ROWS: usize = 4_000;
const SLICE_BYTES: usize = 8 << 20;
/// What a row costs beside its bytes.
const ROW_COST: usize = 256;

impl Backlog {
    /// What the journal holds.
    pub(crate) fn open(
        journal: Arc<Journal>,
        clock: Arc<dyn Clock>,
        limits: BacklogLimits,
    ) -> Result<Self, JournalError> {
        let mut state = State {
            waiting: FairTurns::default(),
            unread: Vec::new(),
            in_memory: 0,
            rows: Shares::halves(limits.rows),
            bytes: Shares::halves(limits.bytes),
            last: 0,
            ages: Ages::default(),
        };
        let now = clock.now();
        for (sequence, tenant, bytes) in journal.read()?.outbox_rows()? {
            state.add(Row { place: RowPlace { sequence, tenant, bytes }, record: None }, now);
        }
        Ok(Self {
            journal,
            reads: TaskTracker::new(),
            state: Mutex::new(state),
            clock,
            wake: Notify::new(),
            confirmed: Notify::new(),
        })
    }

    /// The last sequence that was committed: the next row has one more.
    pub(crate) fn last(&self) -> u64 {
        self.lock().last
    }

    /// How many rows wait.
    pub(crate) fn rows(&self) -> usize {
        self.lock().rows.taken()
    }

    /// How many rows wait, how many bytes of the journal they take, and since when the oldest of them waits.
    pub(crate) fn waiting(&self) -> (usize, usize, Option<Timestamp>) {
        let state = self.lock();
        (state.rows.taken(), state.bytes.taken(), state.ages.oldest())
    }

    /// Whether so much waits that no more runs should be taken: what it is, and its limit.
    pub(crate) fn is_full(&self) -> Option<(&'static str, usize)> {
        let State { rows, bytes, .. } = &*self.lock();
        let full = |shares: &Shares<Owner>| shares.taken() >= shares.limit();
        if full(rows) {
            return Some(("the rows", rows.limit()));
        }
        full(bytes).then(|| ("the bytes of rows", bytes.limit()))
    }

    /// Whether no more of a tenant's waits than it may have: else its steps wait until the store has caught up.
    pub(crate) fn has_room(&self, tenant: &TenantId) -> bool {
        let (state, owner) = (self.lock(), Some(tenant.clone()));
        state.rows.has_room(&owner) && state.bytes.has_room(&owner)
    }

    /// Adds rows that were committed, in order. Of those that are to be read back from the journal the records are the
    /// caller's to drop, with about how many bytes they take.
    pub(crate) fn push(&self, rows: impl IntoIterator<Item = Committed>) -> (usize, Vec<Record>) {
        let (mut bytes, mut left) = (0, Vec::new());
        let now = self.clock.now();
        {
            let mut state = self.lock();
            for Committed { place, record } in rows {
                let record = if state.in_memory + place.bytes <= MEMORY_BYTES {
                    state.in_memory += place.bytes;
                    Some(record)
                } else {
                    bytes += place.bytes;
                    left.push(record);
                    None
                };
                state.add(Row { place, record }, now);
            }
        }
        self.report();
        self.wake.notify_one();
        (bytes, left)
    }

    /// Waits until rows wait.
    pub(crate) async fn wait(&self) {
        loop {
            let wake = self.wake.notified();
            if self.lock().has_next() {
                return;
            }
            wake.await;
        }
    }

    /// Waits until rows wait, and takes a batch of them: at least one.
    ///
    /// # Errors
    /// When the journal cannot be read; the same rows come with the next call.
    pub(crate) async fn take(self: &Arc<Self>) -> Result<Vec<Committed>, JournalError> {
        self.wait().await;
        let rows = self.lock().batch();
        if rows.iter().all(|row| row.record.is_some()) {
            return self.read(rows);
        }
        self.on_thread(move |backlog| backlog.read(rows)).await
    }

    /// Reads from the journal, which may take long.
    async fn on_thread<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Self) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let backlog = Arc::clone(self);
        let read = self.reads.spawn_blocking(move || read(&backlog)).await;
        read.unwrap_or_else(|error| Err(JournalError::Failed(error.to_string())))
    }

    /// Waits until nothing is read from the journal any more, also for those who have not waited for what they read: the
    /// journal is free only then.
    pub(crate) async fn left_alone(&self) {
        self.reads.close();
        self.reads.wait().await;
    }

    /// The rows with those that are in the journal only.
    fn read(&self, rows: Vec<Row>) -> Result<Vec<Committed>, JournalError> {
        let mut snapshot = None;
        let mut read = Vec::with_capacity(rows.len());
        let mut rows = rows.into_iter();
        while let Some(Row { place, record }) = rows.next() {
            let found = match record {
                Some(record) => Ok(record),
                None => self.find(&mut snapshot, place.sequence),
            };
            match found {
                Ok(record) => read.push(Committed { place, record }),
                Err(error) => {
                    let read = read.into_iter().map(|Committed { place, record }| (place, Some(record)));
                    let all = read.chain([(place, None)]).chain(rows.map(|row| (row.place, row.record)));
                    self.lock().unread = all.map(|(place, record)| Row { place, record }).collect();
                    return Err(error);
                }
            }
        }
        Ok(read)
    }

    /// The inputs of those of the runs that the journal has, since they have not ended.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub(crate) async fn inputs(
        self: &Arc<Self>,
        runs: Vec<RunId>,
    ) -> Result<HashMap<RunId, Value>, JournalError> {
        if runs.is_empty() {
            return Ok(HashMap::new());
        }
        self.on_thread(move |backlog| {
            let snapshot = backlog.journal.read()?;
            let mut inputs = HashMap::with_capacity(runs.len());
            for run in runs {
                let header = snapshot.header(run)?;
                if let Some(Ok((_, header))) = header.map(|row| codec::read_header(&row)) {
                    inputs.insert(run, header.input);
                }
            }
            Ok(inputs)
        })
        .await
    }

    fn find(&self, snapshot: &mut Option<Snapshot>, sequence: u64) -> Result<Record, JournalError> {
        let open = match snapshot.take() {
            Some(open) => open,
            None => self.journal.read()?,
        };
        // A row that is missing is as good as one that cannot be read.
        let text = snapshot.insert(open).outbox_row(sequence)?.unwrap_or_default();
        Ok(codec::read_record(&text).unwrap_or_else(|error| self.unreadable(&text, &error)))
    }

    /// One damaged row must not hold up all that come after it, and nobody must wait for ever for the end of its run.
    fn unreadable(&self, text: &[u8], error: &serde_json::Error) -> Record {
        let (reason, now) = (format!("a row of the outbox cannot be read: {error}"), self.clock.now());
        let Some((tenant, ended)) = codec::read_ended_run(text) else {
            return Record::Dead(Box::new(set_aside(&reason, text, "", now)));
        };
        let message = format!(
            "the run ended as {}, and the worker cannot read what its journal holds of it",
            ended.status
        );
        let row = RunRecord {
            run: ended.run.failed(NodeError::new("journal_unreadable", message), ended.revision, now),
            input: InputAt::Here,
            steps: Vec::new(),
            tenant: tenant.clone(),
        };
        let letter = set_aside(&reason, text, tenant.as_str(), now);
        Record::Lost(Box::new(row), Box::new(letter))
    }

    /// The store has these rows.
    pub(crate) fn confirm(&self, rows: &[RowPlace]) {
        {
            let mut state = self.lock();
            for RowPlace { sequence, tenant, bytes } in rows {
                state.ages.remove(*sequence);
                state.rows.give_back(tenant, 1);
                state.bytes.give_back(tenant, *bytes);
            }
        }
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
        let (rows, bytes) = {
            let state = self.lock();
            (state.rows.taken(), state.bytes.taken())
        };
        #[expect(clippy::cast_precision_loss, reason = "gauges")]
        {
            gauge!(names::WORKER_BACKLOG_ROWS).set(rows as f64);
            gauge!(names::WORKER_BACKLOG_BYTES).set(bytes as f64);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, row: Row, now: Timestamp) {
        let RowPlace { sequence, tenant, bytes } = &row.place;
        self.ages.add(*sequence, now);
        self.last = self.last.max(*sequence);
        self.rows.take(tenant, 1);
        self.bytes.take(tenant, *bytes);
        let (tenant, cost) = (tenant.clone(), (*bytes + ROW_COST) as u64);
        self.waiting.push(tenant, row, cost);
    }

    /// Whether there is a batch.
    fn has_next(&mut self) -> bool {
        !self.unread.is_empty() || self.waiting.peek().is_some()
    }

    /// The rows whose turn it is, as many as are for one batch.
    fn batch(&mut self) -> Vec<Row> {
        let mut taken = std::mem::take(&mut self.unread);
        if !taken.is_empty() {
            return taken;
        }
        let mut size = 0;
        while let Some((_, cost)) = self.waiting.peek() {
            size += cost;
            if !taken.is_empty() && (taken.len() == SLICE_ROWS || size > SLICE_BYTES as u64) {
                break;
            }
            let Some(row) = self.waiting.pop() else { break };
            if row.record.is_some() {
                self.in_memory -= row.place.bytes;
            }
            taken.push(row);
        }
        taken
    }
}
