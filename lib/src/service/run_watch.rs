//! One poller for all who wait: asks where the watched runs are and wakes those whose run has moved.
//!
//! Push would be cheaper, but nothing reaches a function from outside except requests. So one query asks for
//! every run that is due, however many wait. A run that has just moved, or that somebody has just begun to wait
//! for, is asked about often; the longer nothing happens, the more rarely. When nobody waits, nothing is asked.
//!
//! Asking never takes more than a third of the time, so that a busy store is not kept busy by questions. And a few
//! runs that have hardly begun are read as a whole: they hold little, and when one has ended meanwhile, the
//! same answer brings its result.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tokio_util::task::TaskTracker;

use crate::store::{Head, Store, StoreError};
use domain::run::{RunKey, RunStatus, RunWithSteps};

/// How often is asked, and how many may wait.
#[derive(Debug, Clone, Copy)]
pub struct WatchSettings {
    /// Pause between two questions about a run that has just moved.
    pub shortest: Duration,
    /// Pause between two questions about a run that has not moved for long.
    pub longest: Duration,
    /// How long an answer may take.
    pub query_timeout: Duration,
    /// Most requests that may wait at once in this process.
    pub max_waiters: usize,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self {
            shortest: Duration::from_millis(3),
            longest: Duration::from_millis(250),
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

/// Most runs that one query asks about; the others are next.
const MAX_ASKED: usize = 500;

/// So many runs are read as a whole at most: where one in five has ended, that costs the store less than asking where
/// all of them are and reading that one (measured: 1.6 ms, and 2.3 ms with 0.07 ms for each run).
const MAX_WHOLE: usize = 16;

/// After a question nothing is asked for so many times its duration.
const REST: u32 = 2;
/// But not for longer than this.
const MAX_REST: Duration = Duration::from_secs(1);

/// Where a watched run is.
#[derive(Debug, Clone)]
pub enum Heard {
    /// It is not recorded.
    Missing,
    /// It is there.
    At(Head),
    /// It is there, and this is all of it.
    Run(Arc<RunWithSteps>),
}

impl Heard {
    /// Where the run is, if it is recorded.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        match self {
            Self::Missing => None,
            Self::At(head) => Some(*head),
            Self::Run(run) => Some(head_of(run)),
        }
    }

    /// Whether there is hardly anything to read of it.
    fn has_hardly_begun(&self) -> bool {
        self.head().is_none_or(|head| head.status == RunStatus::Queued)
    }
}

fn head_of(run: &RunWithSteps) -> Head {
    Head { attempt: run.run.attempt, revision: run.run.revision, status: run.run.status }
}

/// Too many requests wait for runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{limit} requests wait for runs already, which is the limit of one process")]
pub struct TooManyWaiters {
    /// The limit.
    pub limit: usize,
}

/// Watches runs for all requests of the process.
#[derive(Clone)]
pub struct RunWatch(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    settings: WatchSettings,
    table: Mutex<Table>,
    /// Somebody has begun to wait.
    joined: Notify,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Table {
    runs: HashMap<RunKey, Watched>,
    waiters: usize,
    polling: bool,
    /// No question is asked earlier.
    rested: Option<Instant>,
}

struct Watched {
    heard: watch::Sender<Option<Heard>>,
    waiters: usize,
    /// When it last moved, or somebody last began to wait for it.
    active: Instant,
    due: Instant,
}

impl RunWatch {
    /// A watch over a store's runs. It asks nothing until somebody waits.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, settings: WatchSettings) -> Self {
        Self(Arc::new(Inner {
            store,
            settings,
            table: Mutex::default(),
            joined: Notify::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Begins to wait for a run. Dropping the subscription ends it.
    ///
    /// # Errors
    /// When too many wait already.
    pub fn subscribe(&self, key: RunKey) -> Result<Subscription, TooManyWaiters> {
        let inner = &self.0;
        let mut table = inner.table();
        let limit = inner.settings.max_waiters;
        if table.waiters >= limit {
            return Err(TooManyWaiters { limit });
        }
        table.waiters += 1;
        let now = Instant::now();
        let watched = table.runs.entry(key.clone()).or_insert_with(|| Watched {
            heard: watch::Sender::new(None),
            waiters: 0,
            active: now,
            due: now,
        });
        watched.waiters += 1;
        watched.active = now;
        watched.due = now;
        let mut heard = watched.heard.subscribe();
        // What others have heard is old, but runs never move backwards.
        if matches!(*heard.borrow(), Some(Heard::At(_) | Heard::Run(_))) {
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
        self.0.table().waiters
    }
}

impl Inner {
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
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut table = self.inner.table();
        table.waiters -= 1;
        if let Some(watched) = table.runs.get_mut(&self.key) {
            watched.waiters -= 1;
            if watched.waiters == 0 {
                table.runs.remove(&self.key);
            }
        }
    }
}

/// The poller; there is one while somebody waits.
struct Polling(Arc<Inner>);

enum Step {
    Ask {
        keys: Vec<RunKey>,
        /// All of them, or only where they are.
        whole: bool,
    },
    Sleep(Instant),
    Stop,
}

impl Polling {
    async fn run(self) {
        let mut failures = 0u32;
        loop {
            match self.next() {
                Step::Stop => return,
                Step::Sleep(until) => tokio::select! {
                    () = tokio::time::sleep_until(until) => {}
                    () = self.0.joined.notified() => {}
                },
                Step::Ask { keys, whole } => {
                    let began = Instant::now();
                    let asked = tokio::time::timeout(self.0.settings.query_timeout, self.ask(&keys, whole));
                    match asked
                        .await
                        .unwrap_or_else(|_| Err(StoreError::Unavailable("no answer in time".into())))
                    {
                        Ok(found) => {
                            failures = 0;
                            self.tell(&keys, found, began);
                        }
                        Err(error) => {
                            failures = failures.saturating_add(1);
                            if failures.is_power_of_two() {
                                tracing::warn!(%error, failures, waiters = keys.len(), "cannot tell where runs are");
                            }
                            self.put_off(&keys);
                        }
                    }
                }
            }
        }
    }

    async fn ask(&self, keys: &[RunKey], whole: bool) -> Result<HashMap<RunKey, Heard>, StoreError> {
        let store = &self.0.store;
        Ok(if whole {
            let runs = store.get(keys).await?;
            runs.into_iter().map(|(key, run)| (key, Heard::Run(Arc::new(run)))).collect()
        } else {
            let heads = store.heads(keys).await?;
            heads.into_iter().map(|(key, head)| (key, Heard::At(head))).collect()
        })
    }

    fn next(&self) -> Step {
        let mut table = self.0.table();
        let now = Instant::now();
        let Some(soonest) = table.runs.values().map(|watched| watched.due).min() else {
            table.polling = false;
            return Step::Stop;
        };
        let soonest = table.rested.map_or(soonest, |rested| rested.max(soonest));
        if soonest > now {
            return Step::Sleep(soonest);
        }
        // Those that are nearly due come along: it saves them a query of their own.
        let nearly = now + self.0.settings.shortest;
        let due = table.runs.iter().filter(|(_, watched)| watched.due <= nearly).take(MAX_ASKED);
        let (mut keys, mut whole) = (Vec::new(), true);
        for (key, watched) in due {
            whole &= watched.heard.borrow().as_ref().is_none_or(Heard::has_hardly_begun);
            keys.push(key.clone());
        }
        Step::Ask { whole: whole && keys.len() <= MAX_WHOLE, keys }
    }

    fn tell(&self, asked: &[RunKey], mut found: HashMap<RunKey, Heard>, began: Instant) {
        let mut table = self.0.table();
        let now = Instant::now();
        table.rested = Some(now + ((now - began) * REST).min(MAX_REST));
        for key in asked {
            let Some(watched) = table.runs.get_mut(key) else { continue };
            let now_heard = found.remove(key).unwrap_or(Heard::Missing);
            let moved = watched.heard.send_if_modified(|heard| {
                let moved = heard.as_ref().map(Heard::head) != Some(now_heard.head());
                if moved {
                    *heard = Some(now_heard);
                }
                moved
            });
            if moved {
                watched.active = now;
            }
            watched.due = now + self.0.settings.pause(now - watched.active);
        }
    }

    fn put_off(&self, asked: &[RunKey]) {
        let mut table = self.0.table();
        let due = Instant::now() + self.0.settings.longest;
        for key in asked {
            if let Some(watched) = table.runs.get_mut(key) {
                watched.due = due;
            }
        }
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        // Also after a panic, or when the runtime ends: whoever waits next starts a new poller.
        if std::thread::panicking() {
            self.0.table().polling = false;
        }
    }
}
