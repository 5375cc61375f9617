//! What a store in memory is asked, and what of it fails.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use super::MemoryStore;
use crate::store::StoreError;

/// A method of the store's traits. Each is named beside its implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Call {
    name: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Read,
    /// A read of runs by their ids.
    Look,
    Write,
}

impl Call {
    /// A sign of life.
    pub const PING: Self = Self::read("ping");

    pub(in crate::store) const fn read(name: &'static str) -> Self {
        Self { name, kind: Kind::Read }
    }

    pub(in crate::store) const fn look(name: &'static str) -> Self {
        Self { name, kind: Kind::Look }
    }

    pub(in crate::store) const fn write(name: &'static str) -> Self {
        Self { name, kind: Kind::Write }
    }
}

#[derive(Debug, Default)]
pub(super) struct Watched {
    faults: Mutex<Faults>,
    seen: Mutex<Seen>,
    writes: watch::Sender<Writes>,
}

#[derive(Debug, Clone, Default)]
struct Faults {
    down: bool,
    writes_fail: bool,
    panics: bool,
    mute: bool,
    hangs: Option<Call>,
    look_takes: Duration,
}

impl Faults {
    fn fail(&self, call: Call) -> bool {
        self.down || (self.writes_fail && call.kind == Kind::Write)
    }
}

#[derive(Debug, Default)]
struct Seen {
    calls: HashMap<Call, usize>,
    asked: Vec<usize>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Writes {
    tried: usize,
    done: usize,
}

impl MemoryStore {
    /// From now on everything fails as if the database were gone, or nothing.
    pub fn set_down(&self, down: bool) {
        self.watched.faults().down = down;
    }

    /// From now on writes fail, or no more.
    pub fn fail_writes(&self, fail: bool) {
        self.watched.faults().writes_fail = fail;
    }

    /// From now on writes are done but the answer never comes, or it does again.
    pub fn mute(&self, mute: bool) {
        self.watched.faults().mute = mute;
    }

    /// From now on every call panics.
    pub fn panic(&self) {
        self.watched.faults().panics = true;
    }

    /// From now on these calls take for ever.
    pub fn hang(&self, call: Call) {
        self.watched.faults().hangs = Some(call);
    }

    /// From now on each [`Call::GET`] and [`Call::HEADS`] takes so long.
    pub fn slow_down(&self, takes: Duration) {
        self.watched.faults().look_takes = takes;
    }

    /// How often it was asked that.
    #[must_use]
    pub fn calls(&self, call: Call) -> usize {
        self.watched.seen().calls.get(&call).copied().unwrap_or_default()
    }

    /// How often runs were looked at, as a whole or only where they are.
    #[must_use]
    pub fn looks(&self) -> usize {
        self.calls(Call::GET) + self.calls(Call::HEADS)
    }

    /// About how many runs each of those asked.
    #[must_use]
    pub fn asked(&self) -> Vec<usize> {
        self.watched.seen().asked.clone()
    }

    /// Waits until something is there; looks again after every write.
    pub async fn until<T>(&self, look: impl AsyncFn() -> Option<T>) -> T {
        let mut writes = self.watched.writes.subscribe();
        loop {
            writes.mark_unchanged();
            if let Some(found) = look().await {
                return found;
            }
            // The sender lives as long as this store.
            let _ = writes.changed().await;
        }
    }

    /// Waits until another write has failed.
    pub async fn refused(&self) {
        let mut writes = self.watched.writes.subscribe();
        let before = *writes.borrow_and_update();
        let _ = writes.wait_for(|now| now.tried - now.done > before.tried - before.done).await;
    }
}

impl Watched {
    /// Notes a call, and fails it if it is to fail.
    pub(super) async fn ask(&self, call: Call) -> Result<(), StoreError> {
        *self.seen().calls.entry(call).or_default() += 1;
        let faults = self.faults().clone();
        assert!(!faults.panics, "tested panic");
        if faults.hangs == Some(call) {
            std::future::pending::<()>().await;
        }
        if call.kind == Kind::Look && !faults.look_takes.is_zero() {
            tokio::time::sleep(faults.look_takes).await;
        }
        if faults.fail(call) { Err(StoreError::Unavailable("tested".into())) } else { Ok(()) }
    }

    /// Notes a call that nobody waits for; whether it succeeds.
    pub(super) fn hear(&self, call: Call) -> bool {
        *self.seen().calls.entry(call).or_default() += 1;
        let faults = self.faults().clone();
        !faults.fail(call) && faults.hangs != Some(call)
    }

    /// Notes about how many runs is asked.
    pub(super) fn asked_about(&self, runs: usize) {
        self.seen().asked.push(runs);
    }

    /// Notes a write.
    pub(super) fn tried(&self, done: bool) {
        self.writes.send_modify(|writes| {
            writes.tried += 1;
            writes.done += usize::from(done);
        });
    }

    /// Notes a write, and lets its caller wait for ever if it is to be mute.
    pub(super) async fn wrote(&self, done: bool) {
        self.tried(done);
        if done && self.faults().mute {
            std::future::pending::<()>().await;
        }
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
