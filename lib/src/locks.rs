//! One lock a key, for as long as somebody holds it or waits for it.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

type Table<K> = Mutex<HashMap<K, Arc<AsyncMutex<()>>>>;

/// Makes callers with the same key take turns. It holds no more entries than there are callers at work.
#[derive(Debug)]
pub struct Locks<K: Eq + Hash>(Table<K>);

/// The turn; it ends when this is dropped.
#[must_use = "it ends when it is dropped"]
pub struct Turn<'a, K: Eq + Hash> {
    // Declared first, so dropped first: the lock is free before its entry is looked at.
    _guard: OwnedMutexGuard<()>,
    _entry: Entry<'a, K>,
}

struct Entry<'a, K: Eq + Hash> {
    table: &'a Table<K>,
    key: K,
}

impl<K: Eq + Hash + Clone> Default for Locks<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Eq + Hash + Clone> Locks<K> {
    /// No locks yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    /// Waits for the turn. Giving up leaves nothing behind.
    pub async fn turn(&self, key: K) -> Turn<'_, K> {
        let lock =
            Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default());
        let entry = Entry { table: &self.0, key };
        Turn { _guard: lock.lock_owned().await, _entry: entry }
    }
}

impl<K: Eq + Hash> Drop for Entry<'_, K> {
    fn drop(&mut self) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever waits or holds has a clone, and clones are only made under the table's lock.
        if table.get(&self.key).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            table.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn the_same_key_waits_and_another_does_not_and_nothing_is_left_behind() {
        let locks = Locks::new();
        let first = locks.turn(1).await;
        assert!(locks.turn(2).now_or_never().is_some());
        // A caller that gives up leaves the holder's entry, and nothing of its own.
        assert!(locks.turn(1).now_or_never().is_none());
        assert_eq!(locks.0.lock().unwrap().len(), 1);
        drop(first);
        assert!(locks.0.lock().unwrap().is_empty());
        assert!(locks.turn(1).now_or_never().is_some());
    }
}
