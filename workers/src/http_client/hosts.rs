//! Destinations: how many calls each has under way, and whether a tenant's calls to it keep failing.

use std::sync::{Arc, Mutex, PoisonError};

use domain::ids::TenantId;
use lru::LruCache;
use minireipaz::resilience::{Breaker, BreakerSettings};
use tokio::sync::Semaphore;
use url::{Origin, Url};

/// Destinations that are remembered; above it the one that was called least recently is forgotten, if it has no
/// calls under way.
const MAX_REMEMBERED: usize = 4_096;

/// All destinations.
#[derive(Debug)]
pub(crate) struct Hosts {
    breaker: BreakerSettings,
    concurrency: usize,
    places: Mutex<LruCache<Origin, Arc<Semaphore>>>,
    /// A tenant's: what one tenant does wrong must not stop another.
    breakers: Mutex<LruCache<(TenantId, Origin), Arc<Breaker>>>,
}

impl Hosts {
    pub(super) fn new(breaker: BreakerSettings, concurrency: usize) -> Self {
        Self {
            breaker,
            concurrency: concurrency.max(1),
            places: Mutex::new(LruCache::unbounded()),
            breakers: Mutex::new(LruCache::unbounded()),
        }
    }

    /// The places of a destination.
    pub(crate) fn places(&self, url: &Url) -> Arc<Semaphore> {
        find(&self.places, url.origin(), || Semaphore::new(self.concurrency))
    }

    /// The breaker of a tenant's calls to a destination.
    pub(crate) fn breaker(&self, tenant: &TenantId, url: &Url) -> Arc<Breaker> {
        find(&self.breakers, (tenant.clone(), url.origin()), || Breaker::new(self.breaker))
    }
}

fn find<K: std::hash::Hash + Eq + Clone, V>(
    map: &Mutex<LruCache<K, Arc<V>>>,
    key: K,
    make: impl FnOnce() -> V,
) -> Arc<V> {
    let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
    if !map.contains(&key) {
        // What has calls under way stays, so the map is above its bound by no more than their number.
        while map.len() >= MAX_REMEMBERED {
            let idle = map.iter().rev().find(|(_, value)| Arc::strong_count(value) == 1);
            let Some(idle) = idle.map(|(key, _)| key.clone()) else { break };
            map.pop(&idle);
        }
    }
    Arc::clone(map.get_or_insert(key, || Arc::new(make())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_destination_called_least_recently_is_forgotten_unless_it_has_calls() {
        let map = Mutex::new(LruCache::unbounded());
        let busy = find(&map, 0, || 'b');
        for key in 1..MAX_REMEMBERED {
            find(&map, key, || 'i');
        }
        find(&map, 1, || 'x');
        find(&map, MAX_REMEMBERED, || 'n');
        let kept = |key: usize| map.lock().unwrap().contains(&key);
        assert!(kept(0) && kept(1) && !kept(2) && kept(3) && kept(MAX_REMEMBERED));
        assert_eq!(map.lock().unwrap().len(), MAX_REMEMBERED);
        assert!(Arc::ptr_eq(&busy, &find(&map, 0, || 'x')), "it is the same one still");
    }

    #[test]
    fn what_has_calls_is_never_forgotten_and_room_is_made_once_they_end() {
        let map = Mutex::new(LruCache::unbounded());
        let busy: Vec<_> = (0..MAX_REMEMBERED + 3).map(|key| find(&map, key, || ())).collect();
        assert_eq!(map.lock().unwrap().len(), MAX_REMEMBERED + 3);
        drop(busy);
        find(&map, usize::MAX, || ());
        assert_eq!(map.lock().unwrap().len(), MAX_REMEMBERED);
    }
}
