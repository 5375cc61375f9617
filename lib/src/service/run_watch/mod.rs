//! One poller for all who wait: asks where the watched runs are and wakes those whose run has moved.
//!
//! Where the address of the workers is known, each run's own worker is asked first, by one request that ends when the
//! run has moved (`asking`); the store is then asked about it only now and then. What follows is how it is asked where
//! no worker answers.
//!
//! Push would be cheaper, but nothing reaches a function from outside except requests. So one query asks for
//! every run that is due, however many wait. A run that has just moved, or that somebody has just begun to wait
//! for, is asked about often; the longer nothing happens, the more rarely. When nobody waits, nothing is asked.
//!
//! Asking never takes more than a third of the time, so that a busy store is not kept busy by questions. And a few
//! runs that have hardly begun are read as a whole: they hold little, and when one has ended meanwhile, the
//! same answer brings its result.
//!
//! Tenants share both: of one no more may wait than leaves room for others, and of one no more runs are in a question
//! than leaves it short.

mod asking;
mod chosen;
mod heard;
mod poller;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{fair::Shares, live::LiveRuns, store::Store};
use asking::Asking;
pub use asking::Wanted;
use domain::{ids::TenantId, run::RunKey};
pub use heard::Heard;
use poller::Polling;

/// How often is asked, and how many may wait.
#[derive(Debug, Clone, Copy)]
pub struct WatchSettings {
    /// Pause between two questions about a run that has just moved.
    pub shortest: Duration,
    /// Pause between two questions about a run that has not moved for long.
    pub longest: Duration,
    /// Pause between two questions about a run whose worker is asked too.
    pub beside_worker: Duration,
    /// How long an answer may take.
    pub query_timeout: Duration,
    /// Most requests that may wait at once in this process. Of one tenant half of them, and fewer while others wait
    /// too (see [`Shares`]).
    pub max_waiters: usize,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self {
            shortest: Duration::from_millis(3),
            longest: Duration::from_millis(250),
            beside_worker: Duration::from_secs(2),
            query_timeout: Duration::from_secs(5),
            max_waiters: 2_000,
        }
    }
}

impl WatchSettings {
    /// Asking costs a waiter at most a twentieth of the time that it has waited already.
    fn pause(&self, quiet: Duration) -> Duration {
        (quiet / 20).clamp(self.shortest, self.longest)
    }
}

/// Too many requests wait for runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{own} requests of this tenant wait for runs already, and {others} of others: the limit of one process is {limit}, \
     of which a tenant has half at most; come back when some have their answers"
)]
pub struct TooManyWaiters {
    /// How many of this tenant wait.
    pub own: usize,
    /// How many of other tenants wait.
    pub others: usize,
    /// The limit for all.
    pub limit: usize,
}

/// Watches runs for all requests of the process.
#[derive(Clone)]
pub struct RunWatch(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    live: Option<Arc<dyn LiveRuns>>,
    settings: WatchSettings,
    table: Mutex<Table>,
    /// Somebody has begun to wait.
    joined: Notify,
    tasks: TaskTracker,
}

struct Table {
    runs: HashMap<RunKey, Watched>,
    waiters: Shares<TenantId>,
    polling: bool,
    /// No question is asked earlier.
    rested: Option<Instant>,
}

struct Watched {
    heard: watch::Sender<Option<Heard>>,
    waiters: usize,
    wanted: Wanted,
    /// When it last moved, or somebody last began to wait for it.
    active: Instant,
    due: Instant,
    /// Whether its worker is asked, and has not said that it does not know the run.
    live: bool,
    /// Tells who asks the worker that somebody wants to hear more.
    wants_more: Arc<Notify>,
    /// Ends the asking.
    _asking: Option<DropGuard>,
}

impl Watched {
    /// Tells all who wait, if it is news to them.
    fn hears(&self, now_heard: Heard) -> bool {
        self.heard.send_if_modified(|heard| {
            let moved = heard.as_ref().is_none_or(|before| now_heard.is_news_after(before));
            if moved {
                *heard = Some(now_heard);
            }
            moved
        })
    }
}

impl RunWatch {
    /// A watch over a store's runs, and what their workers know of them. It asks nothing until somebody waits.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, live: Option<Arc<dyn LiveRuns>>, settings: WatchSettings) -> Self {
        Self(Arc::new(Inner {
            store,
            live,
            table: Mutex::new(Table {
                runs: HashMap::new(),
                waiters: Shares::halves(settings.max_waiters.max(1)),
                polling: false,
                rested: None,
            }),
            settings,
            joined: Notify::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Begins to wait for a run. Dropping the subscription ends it.
    ///
    /// # Errors
    /// When too many wait already.
    pub fn subscribe(&self, key: RunKey, wanted: Wanted) -> Result<Subscription, TooManyWaiters> {
        let inner = &self.0;
        let mut table = inner.table();
        if !table.waiters.has_room(&key.0) {
            let (own, all) = (table.waiters.of(&key.0), table.waiters.taken());
            return Err(TooManyWaiters { own, others: all - own, limit: table.waiters.limit() });
        }
        table.waiters.take(&key.0, 1);
        let now = Instant::now();
        let watched = table.runs.entry(key.clone()).or_insert_with(|| inner.watch(&key, wanted));
        watched.waiters += 1;
        watched.active = now;
        let both = watched.wanted.and(wanted);
        if std::mem::replace(&mut watched.wanted, both) != both {
            watched.wants_more.notify_one();
        }
        if !watched.live {
            watched.due = now;
        }
        let mut heard = watched.heard.subscribe();
        // What others have heard is old, but runs never move backwards.
        if matches!(*heard.borrow(), Some(Heard::At(_) | Heard::Run(_) | Heard::Unreadable(_))) {
            heard.mark_changed();
        }
        if !std::mem::replace(&mut table.polling, true) {
            inner.tasks.spawn(Polling(Arc::clone(inner)).run());
        }
        drop(table);
        inner.joined.notify_one();
        Ok(Subscription { inner: Arc::clone(inner), key, heard })
    }

    /// How many requests wait now.
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.0.table().waiters.taken()
    }
}

impl Inner {
    /// Begins to watch a run.
    fn watch(self: &Arc<Self>, key: &RunKey, wanted: Wanted) -> Watched {
        let now = Instant::now();
        let wants_more = Arc::new(Notify::new());
        let asking = self.live.clone().map(|live| {
            let (inner, key, wants_more) = (Arc::clone(self), key.clone(), Arc::clone(&wants_more));
            let stop = CancellationToken::new();
            let asking = Asking { inner, live, key, wants_more }.run();
            self.tasks.spawn(stop.clone().run_until_cancelled_owned(asking));
            stop.drop_guard()
        });
        Watched {
            heard: watch::Sender::new(None),
            waiters: 0,
            wanted,
            active: now,
            due: if asking.is_some() { now + self.settings.beside_worker } else { now },
            live: asking.is_some(),
            wants_more,
            _asking: asking,
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody waits for a run.
pub struct Subscription {
    inner: Arc<Inner>,
    key: RunKey,
    heard: watch::Receiver<Option<Heard>>,
}

impl Subscription {
    /// The next that is heard of the run: first where it is, then each time it has moved. Cancellation-safe.
    pub async fn heard(&mut self) -> Heard {
        loop {
            if self.heard.changed().await.is_err() {
                // The sender lives as long as its subscriptions, so this cannot be.
                std::future::pending::<()>().await;
            }
            if let Some(heard) = self.heard.borrow_and_update().as_ref() {
                return heard.clone();
            }
        }
    }

    /// Makes the next answer heard even if the run has not moved.
    pub fn ask_again(&mut self) {
        if let Some(watched) = self.inner.table().runs.get_mut(&self.key) {
            watched.heard.send_if_modified(|heard| {
                *heard = None;
                false
            });
            if watched.live {
                watched.due = watched.due.min(Instant::now() + self.inner.settings.longest);
                self.inner.joined.notify_one();
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut table = self.inner.table();
        table.waiters.give_back(&self.key.0, 1);
        if let Some(watched) = table.runs.get_mut(&self.key) {
            watched.waiters -= 1;
            if watched.waiters == 0 {
                table.runs.remove(&self.key);
            }
        }
    }
}
