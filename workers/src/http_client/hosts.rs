//! Destinations: how many calls each has under way, and whether a tenant's calls to it keep failing.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use domain::ids::TenantId;
use minireipaz::{
    fair::{PlaceLimits, Places},
    remembered,
    resilience::{Breaker, BreakerSettings},
};
use quick_cache::{DefaultHashBuilder, Lifecycle, UnitWeighter, sync::Cache};
use tokio::time::Instant;
use url::{Origin, Url};

/// Destinations whose calls are counted; above it one without calls is forgotten.
const MAX_DESTINATIONS: usize = 4_096;
/// Tenants whose breakers are remembered; above it one that seldom calls is forgotten.
const MAX_TENANTS: usize = 4_096;
/// Breakers of one tenant; above it one that it seldom needs is forgotten.
const MAX_BREAKERS: usize = 256;
/// Calls of one tenant that may wait for a place at one destination; what comes then fails and is tried again. It takes
/// a `WORKER_MAX_STEPS` many times its default, and all those steps' calls to one host.
const MAX_WAITING: usize = 16_384;

/// All destinations.
#[derive(Debug)]
pub(crate) struct Hosts {
    breaker: BreakerSettings,
    limits: PlaceLimits,
    places: Remembered<Origin, Places<TenantId>>,
    /// A tenant's: what one tenant does wrong must not stop another, nor push its breakers out.
    breakers: Remembered<TenantId, Remembered<Origin, Breaker>>,
    /// Those that were opened lately, to be told.
    opened: Mutex<HashMap<(TenantId, String), Weak<Breaker>>>,
}

/// So many opened breakers are told at most.
const MAX_OPENED: usize = 1_000;

impl Hosts {
    /// `calls` to one destination at a time; of one tenant at most a half.
    pub(super) fn new(breaker: BreakerSettings, calls: usize) -> Self {
        let limits = PlaceLimits::halves(calls, MAX_WAITING);
        Self {
            breaker,
            limits,
            places: remembered(MAX_DESTINATIONS),
            breakers: remembered(MAX_TENANTS),
            opened: Mutex::default(),
        }
    }

    /// The places of a destination, which tenants share.
    pub(crate) fn places(&self, url: &Url) -> Arc<Places<TenantId>> {
        find(&self.places, &url.origin(), || Places::new(self.limits))
    }

    /// The breaker of a tenant's calls to a destination.
    pub(crate) fn breaker(&self, tenant: &TenantId, url: &Url) -> Arc<Breaker> {
        let own = find(&self.breakers, tenant, || Arc::new(remembered(MAX_BREAKERS)));
        find(&own, &url.origin(), || Arc::new(Breaker::new(self.breaker)))
    }

    /// A breaker was opened at `now`.
    pub(crate) fn opened(&self, tenant: &TenantId, url: &Url, breaker: &Arc<Breaker>, now: Instant) {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if opened.len() >= MAX_OPENED {
            opened.retain(|_, breaker| open_for(breaker, now).is_some());
        }
        if opened.len() < MAX_OPENED {
            let key = (tenant.clone(), url.origin().ascii_serialization());
            opened.insert(key, Arc::downgrade(breaker));
        }
    }

    /// The breakers that are open at `now`: whose, to which destination, and for how long.
    pub(crate) fn open_breakers(&self, now: Instant) -> Vec<(TenantId, String, Duration)> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.retain(|_, breaker| open_for(breaker, now).is_some());
        let open = opened.iter().filter_map(|((tenant, destination), breaker)| {
            Some((tenant.clone(), destination.clone(), open_for(breaker, now)?))
        });
        open.collect()
    }
}

fn open_for(breaker: &Weak<Breaker>, now: Instant) -> Option<Duration> {
    breaker.upgrade()?.open_for(now)
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

fn remembered<K: Eq + Hash, V>(most: usize) -> Remembered<K, V> {
    let options = remembered::options(most, most, |options| {
        // One lock and one bound: a table of a tenant is small.
        options.shards(if most <= MAX_BREAKERS { 1 } else { 16 });
    });
    Cache::with_options(options, UnitWeighter, DefaultHashBuilder::default(), KeepInUse)
}

fn find<K: Eq + Hash + Clone, V>(table: &Remembered<K, V>, key: &K, make: impl FnOnce() -> Arc<V>) -> Arc<V> {
    let Ok(value) = table.get_or_insert_with(key, || Ok::<_, std::convert::Infallible>(make()));
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = MAX_DESTINATIONS;

    #[test]
    fn no_more_destinations_are_remembered_than_there_is_room_for_and_those_with_calls_stay() {
        let table = remembered(MOST);
        let busy = find(&table, &0, || Arc::new('b'));
        for key in 1..4 * MOST {
            find(&table, &key, || Arc::new('i'));
        }
        assert!(table.len() <= MOST, "{} are remembered", table.len());
        assert!(Arc::ptr_eq(&busy, &find(&table, &0, || Arc::new('x'))), "it is the same one still");
    }

    #[test]
    fn what_has_calls_is_never_forgotten_and_room_is_made_once_they_end() {
        let table = remembered(MOST);
        let busy: Vec<_> = (0..2 * MOST).map(|key| find(&table, &key, || Arc::new(()))).collect();
        let again: Vec<_> = (0..2 * MOST).map(|key| find(&table, &key, || Arc::new(()))).collect();
        assert!(busy.iter().zip(&again).all(|(one, two)| Arc::ptr_eq(one, two)));
        drop((busy, again));
        for key in 0..4 * MOST {
            find(&table, &(usize::MAX - key), || Arc::new(()));
        }
        assert!(table.len() <= MOST, "{} are remembered", table.len());
    }

    #[test]
    fn breakers_are_told_while_they_are_open() {
        let settings = BreakerSettings { failures: 1, cool_down: Duration::from_secs(5) };
        let hosts = Hosts::new(settings, 64);
        let (tenant, now) = (TenantId::parse("acme").unwrap(), Instant::now());
        let url: Url = "https://shop.example/a?b".parse().unwrap();
        let breaker = hosts.breaker(&tenant, &url);
        assert!(breaker.try_acquire(now).unwrap().failure(now));
        hosts.opened(&tenant, &url, &breaker, now);
        let open = hosts.open_breakers(now + Duration::from_secs(1));
        assert_eq!(open, [(tenant, "https://shop.example".to_owned(), Duration::from_secs(4))]);
        assert!(hosts.open_breakers(now + Duration::from_secs(5)).is_empty());
    }

    #[test]
    fn a_tenant_that_calls_thousands_of_hosts_pushes_no_breaker_of_another_out() {
        let settings = BreakerSettings { failures: 1, ..BreakerSettings::default() };
        let hosts = Hosts::new(settings, 64);
        let (busy, other) = (TenantId::parse("busy").unwrap(), TenantId::parse("other").unwrap());
        let url = |n: usize| -> Url { format!("https://h{n}.example/").parse().unwrap() };
        let now = tokio::time::Instant::now();
        hosts.breaker(&other, &url(0)).try_acquire(now).unwrap().failure(now);
        for n in 0..2 * MAX_DESTINATIONS {
            hosts.breaker(&busy, &url(n));
            hosts.places(&url(n));
        }
        assert!(hosts.breaker(&other, &url(0)).try_acquire(now).is_err(), "it is open still");
        let table = find(&hosts.breakers, &busy, || unreachable!());
        assert!(table.len() <= MAX_BREAKERS, "{} are remembered", table.len());
    }
}
