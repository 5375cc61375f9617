//! Who waits for runs here: the functions, on behalf of their clients.
//!
//! What they are told is what is durable. A run in progress is read from the journal, by whichever thread asks; who
//! waits for it is told by the processor after the commit that changed it. A run that has ended is kept for a while
//! ([`ended`]), since its rows in the journal are gone. Where nobody waits, a commit costs nothing here; its outputs are
//! never copied.

mod ended;
mod items;
mod look;
mod read;
mod restore;
mod view;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use domain::{
    ids::TenantId,
    run::{RunKey, RunWaitsFor},
};
use metrics::gauge;
use minireipaz::{
    clock::Clock,
    fair::{PlaceLimits, Places, Shares},
    telemetry::names,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::ended::Ended;
pub(crate) use self::{ended::EndedLimits, read::NoAnswer, view::View};
use crate::{documents::Documents, engine::RunState, journal::Journal};

/// Runs that ended lately: so many, in so many bytes.
pub(crate) const ENDED: EndedLimits = EndedLimits { runs: 20_000, bytes: 64 << 20 };

/// Readers of the journal at a time, so many of them of one tenant, and how many of a tenant may wait for that.
const READS: PlaceLimits = PlaceLimits::halves(4, 256);

/// All who wait for runs of this worker.
pub(crate) struct Readers {
    state: Mutex<State>,
    journal: Arc<Journal>,
    documents: Arc<Documents>,
    clock: Arc<dyn Clock>,
    reads: Arc<Places<TenantId>>,
    /// The worker stops: nobody waits any more.
    stop: CancellationToken,
}

struct State {
    watched: HashMap<RunKey, Watched>,
    waiters: Shares<TenantId>,
    ended: Ended,
}

/// A run that somebody waits for.
struct Watched {
    view: watch::Sender<Option<Arc<View>>>,
    waiters: usize,
    /// How many of them want to hear of every change.
    of_changes: usize,
}

impl Readers {
    /// Nobody waits yet. So many may at a time; of one tenant half of them, and fewer beside others.
    pub(crate) fn new(
        journal: Arc<Journal>,
        documents: Arc<Documents>,
        clock: Arc<dyn Clock>,
        (max_waiters, ended): (usize, EndedLimits),
        stop: CancellationToken,
    ) -> Self {
        let waiters = Shares::halves(max_waiters.max(2));
        let state = State { watched: HashMap::new(), waiters, ended: Ended::new(ended) };
        let reads = Places::new(READS);
        Self { state: Mutex::new(state), journal, documents, clock, reads, stop }
    }

    /// Begins to tell what a commit changed.
    pub(crate) fn publish(&self) -> Publishing<'_> {
        Publishing { state: self.lock(), gone: Vec::new() }
    }

    /// The store has these rows of the outbox.
    pub(crate) fn confirmed(&self, sequences: &[u64]) {
        let gone = self.lock().ended.confirm(sequences, Instant::now());
        drop(gone);
    }

    /// Takes a waiter's place.
    ///
    /// # Errors
    /// When all places are taken, or all that this tenant may have.
    pub(crate) fn take_place(self: &Arc<Self>, tenant: &TenantId) -> Result<Waiter, NoAnswer> {
        let mut state = self.lock();
        if !state.waiters.has_room(tenant) {
            let (own, limit) = (state.waiters.of(tenant), state.waiters.limit());
            return Err(NoAnswer::TooManyWaiters { own, limit });
        }
        state.waiters.take(tenant, 1);
        report(state.waiters.taken());
        drop(state);
        Ok(Waiter { readers: Arc::clone(self), tenant: tenant.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge")]
fn report(waiters: usize) {
    gauge!(names::WORKER_WAITERS).set(waiters as f64);
}

/// A waiter's place, given back when it is dropped.
pub(crate) struct Waiter {
    readers: Arc<Readers>,
    tenant: TenantId,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut state = self.readers.lock();
        state.waiters.give_back(&self.tenant, 1);
        report(state.waiters.taken());
    }
}

/// Tells what a commit changed, when it is durable.
pub(crate) struct Publishing<'r> {
    state: MutexGuard<'r, State>,
    /// What nobody reads any more.
    gone: Vec<Arc<View>>,
}

impl Publishing<'_> {
    /// A run has changed and goes on; what it waits for to begin, and about how many bytes it takes.
    pub(crate) fn changed(
        &mut self,
        run: &RunState,
        waits_for: impl FnOnce() -> Option<RunWaitsFor>,
        bytes: usize,
    ) {
        if self.state.watched.is_empty() && self.state.ended.is_empty() {
            return;
        }
        let key = (run.header().tenant.clone(), run.header().run_id);
        // It had ended with an earlier attempt.
        self.gone.extend(self.state.ended.forget(&key));
        if let Some(watched) = self.state.watched.get(&key)
            && watched.of_changes > 0
        {
            watched.view.send_replace(Some(Arc::new(View::of_state(run.clone(), waits_for(), bytes))));
        }
    }

    /// A run has ended; the row of the outbox that says so.
    pub(crate) fn ended(&mut self, key: RunKey, view: View, sequence: u64) {
        let view = Arc::new(view);
        if let Some(watched) = self.state.watched.get(&key) {
            watched.view.send_replace(Some(Arc::clone(&view)));
        }
        let gone = self.state.ended.keep(key, view, sequence);
        self.gone.extend(gone);
    }

    /// Done: everybody hears of it. What nobody reads any more is the caller's to drop, with about how many bytes it
    /// takes.
    pub(crate) fn done(self) -> (usize, Vec<Arc<View>>) {
        let Self { state, gone } = self;
        drop(state);
        (gone.iter().map(|view| view.bytes()).sum(), gone)
    }
}
