//! Destinations: how many calls each has under way, and whether a tenant's calls to it keep failing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use minireipaz::{
    domain::ids::TenantId,
    resilience::{Breaker, BreakerSettings},
};
use tokio::sync::Semaphore;
use url::{Origin, Url};

/// Destinations that are remembered; those without calls are forgotten first.
const MAX_REMEMBERED: usize = 4_096;

/// All destinations.
#[derive(Debug)]
pub(super) struct Hosts {
    breaker: BreakerSettings,
    concurrency: usize,
    places: Mutex<HashMap<Origin, Arc<Semaphore>>>,
    /// A tenant's: what one tenant does wrong must not stop another.
    breakers: Mutex<HashMap<(TenantId, Origin), Arc<Breaker>>>,
}

impl Hosts {
    pub(super) fn new(breaker: BreakerSettings, concurrency: usize) -> Self {
        Self {
            breaker,
            concurrency: concurrency.max(1),
            places: Mutex::default(),
            breakers: Mutex::default(),
        }
    }

    /// The places of a destination.
    pub(super) fn places(&self, url: &Url) -> Arc<Semaphore> {
        find(&self.places, url.origin(), || Semaphore::new(self.concurrency))
    }

    /// The breaker of a tenant's calls to a destination.
    pub(super) fn breaker(&self, tenant: &TenantId, url: &Url) -> Arc<Breaker> {
        find(&self.breakers, (tenant.clone(), url.origin()), || Breaker::new(self.breaker))
    }
}

fn find<K: std::hash::Hash + Eq, V>(
    map: &Mutex<HashMap<K, Arc<V>>>,
    key: K,
    make: impl FnOnce() -> V,
) -> Arc<V> {
    let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
    if map.len() >= MAX_REMEMBERED && !map.contains_key(&key) {
        map.retain(|_, value| Arc::strong_count(value) > 1);
    }
    Arc::clone(map.entry(key).or_insert_with(|| Arc::new(make())))
}
