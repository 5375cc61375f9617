//! Destinations: how many calls each has under way, and whether a tenant's calls to it keep failing.

use std::{hash::Hash, sync::Arc};

use domain::ids::TenantId;
use minireipaz::resilience::{Breaker, BreakerSettings};
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, UnitWeighter, sync::Cache};
use tokio::sync::Semaphore;
use url::{Origin, Url};

/// Destinations that are remembered; above it one that is seldom called is forgotten, if it has no calls under way.
const MAX_REMEMBERED: usize = 4_096;

/// All destinations.
#[derive(Debug)]
pub(crate) struct Hosts {
    breaker: BreakerSettings,
    concurrency: usize,
    places: Remembered<Origin, Semaphore>,
    /// A tenant's: what one tenant does wrong must not stop another.
    breakers: Remembered<(TenantId, Origin), Breaker>,
}

impl Hosts {
    pub(super) fn new(breaker: BreakerSettings, concurrency: usize) -> Self {
        let concurrency = concurrency.max(1);
        Self { breaker, concurrency, places: remembered(), breakers: remembered() }
    }

    /// The places of a destination.
    pub(crate) fn places(&self, url: &Url) -> Arc<Semaphore> {
        find(&self.places, &url.origin(), || Semaphore::new(self.concurrency))
    }

    /// The breaker of a tenant's calls to a destination.
    pub(crate) fn breaker(&self, tenant: &TenantId, url: &Url) -> Arc<Breaker> {
        find(&self.breakers, &(tenant.clone(), url.origin()), || Breaker::new(self.breaker))
    }
}

type Remembered<K, V> = Cache<K, Arc<V>, UnitWeighter, DefaultHashBuilder, KeepInUse>;

/// What has calls under way stays, so a table is above its bound by no more than their number.
#[derive(Debug, Clone)]
struct KeepInUse;

impl<K, V> Lifecycle<K, Arc<V>> for KeepInUse {
    type RequestState = ();

    fn is_pinned(&self, _: &K, value: &Arc<V>) -> bool {
        Arc::strong_count(value) > 1
    }
}

fn remembered<K: Eq + Hash, V>() -> Remembered<K, V> {
    let options = OptionsBuilder::new()
        .estimated_items_capacity(MAX_REMEMBERED)
        .weight_capacity(MAX_REMEMBERED as u64)
        .build()
        .expect("both capacities are set");
    Cache::with_options(options, UnitWeighter, DefaultHashBuilder::default(), KeepInUse)
}

fn find<K: Eq + Hash + Clone, V>(table: &Remembered<K, V>, key: &K, make: impl FnOnce() -> V) -> Arc<V> {
    let Ok(value) = table.get_or_insert_with(key, || Ok::<_, std::convert::Infallible>(Arc::new(make())));
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_destinations_are_remembered_than_there_is_room_for_and_those_with_calls_stay() {
        let table = remembered();
        let busy = find(&table, &0, || 'b');
        for key in 1..4 * MAX_REMEMBERED {
            find(&table, &key, || 'i');
        }
        assert!(table.len() <= MAX_REMEMBERED, "{} are remembered", table.len());
        assert!(Arc::ptr_eq(&busy, &find(&table, &0, || 'x')), "it is the same one still");
    }

    #[test]
    fn what_has_calls_is_never_forgotten_and_room_is_made_once_they_end() {
        let table = remembered();
        let busy: Vec<_> = (0..2 * MAX_REMEMBERED).map(|key| find(&table, &key, || ())).collect();
        let again: Vec<_> = (0..2 * MAX_REMEMBERED).map(|key| find(&table, &key, || ())).collect();
        assert!(busy.iter().zip(&again).all(|(one, two)| Arc::ptr_eq(one, two)));
        drop((busy, again));
        for key in 0..4 * MAX_REMEMBERED {
            find(&table, &(usize::MAX - key), || ());
        }
        assert!(table.len() <= MAX_REMEMBERED, "{} are remembered", table.len());
    }
}
