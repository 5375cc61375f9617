//! Places that tenants share: at most so many at a time, and of one tenant at most its share.
//!
//! A place that becomes free goes round robin over the tenants that wait, so one with a thousand requests holds up one
//! with a single request for no longer than it takes until the next place is given back.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// The limits of [`Places`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceLimits {
    /// Places in all.
    pub places: usize,
    /// Places of one tenant at a time.
    pub share: usize,
    /// How many of one tenant may wait; more is turned away.
    pub waiting: usize,
}

/// Too much of the tenant's waits already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{waiting} of this tenant's wait already, which is the limit; try again later")]
pub struct TooManyWait {
    /// The limit.
    pub waiting: usize,
}

/// Places that tenants (`K`) share.
pub struct Places<K: Eq + Hash + Clone> {
    limits: PlaceLimits,
    state: Mutex<State<K>>,
}

struct State<K: Eq + Hash + Clone> {
    taken: usize,
    tenants: HashMap<K, Tenant<K>>,
    /// Tenants that wait and have a share left, the next first; each once.
    ring: VecDeque<K>,
}

struct Tenant<K: Eq + Hash + Clone> {
    taken: usize,
    waiting: VecDeque<oneshot::Sender<Place<K>>>,
    in_ring: bool,
}

/// A place, given back when it is dropped.
pub struct Place<K: Eq + Hash + Clone> {
    /// `None` once it is given back.
    of: Option<(Arc<Places<K>>, K)>,
}

impl<K: Eq + Hash + Clone> Places<K> {
    /// Places of which none is taken. Every limit is at least 1.
    #[must_use]
    pub fn new(limits: PlaceLimits) -> Arc<Self> {
        let PlaceLimits { places, share, waiting } = limits;
        let limits = PlaceLimits { places: places.max(1), share: share.max(1), waiting: waiting.max(1) };
        let state = State { taken: 0, tenants: HashMap::new(), ring: VecDeque::new() };
        Arc::new(Self { limits, state: Mutex::new(state) })
    }

    /// The limits.
    #[must_use]
    pub const fn limits(&self) -> PlaceLimits {
        self.limits
    }

    /// Waits for a place. Who stops waiting (drops the future) is passed over.
    ///
    /// # Errors
    /// When too much of the tenant's waits already.
    pub async fn take(self: &Arc<Self>, tenant: &K) -> Result<Place<K>, TooManyWait> {
        let given = {
            let mut state = self.lock();
            let (all_taken, limits) = (state.taken, self.limits);
            let own = state.tenants.entry(tenant.clone()).or_default();
            if own.waiting.is_empty() && own.taken < limits.share && all_taken < limits.places {
                own.taken += 1;
                state.taken += 1;
                return Ok(self.place(tenant.clone()));
            }
            if own.waiting.len() >= limits.waiting {
                own.waiting.retain(|waiting| !waiting.is_closed());
            }
            if own.waiting.len() >= limits.waiting {
                return Err(TooManyWait { waiting: limits.waiting });
            }
            let (give, given) = oneshot::channel();
            own.waiting.push_back(give);
            state.enlist(tenant, limits.share);
            given
        };
        // It is sent, or kept in the state that `self` holds.
        Ok(given.await.unwrap_or_else(|_| unreachable!("a waiting place is dropped with all places only")))
    }

    /// A place at once, if one is free and nobody of the tenant's waits.
    #[must_use]
    pub fn try_take(self: &Arc<Self>, tenant: &K) -> Option<Place<K>> {
        let mut state = self.lock();
        if state.taken >= self.limits.places {
            return None;
        }
        let own = state.tenants.entry(tenant.clone()).or_default();
        if !own.waiting.is_empty() || own.taken >= self.limits.share {
            return None;
        }
        own.taken += 1;
        state.taken += 1;
        Some(self.place(tenant.clone()))
    }

    fn place(self: &Arc<Self>, tenant: K) -> Place<K> {
        Place { of: Some((Arc::clone(self), tenant)) }
    }

    fn give_back(self: &Arc<Self>, tenant: &K) {
        let given = {
            let mut state = self.lock();
            state.taken -= 1;
            if let Some(own) = state.tenants.get_mut(tenant) {
                own.taken -= 1;
            }
            state.enlist(tenant, self.limits.share);
            state.forget_idle(tenant);
            state.next(self.limits)
        };
        if let Some((give, tenant)) = given {
            // Who stopped waiting just now sends it back: dropped here, it goes to the next.
            drop(give.send(self.place(tenant)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone> State<K> {
    /// Puts a tenant into the ring, if it waits and has a share left.
    fn enlist(&mut self, tenant: &K, share: usize) {
        if let Some(own) = self.tenants.get_mut(tenant)
            && !own.in_ring
            && !own.waiting.is_empty()
            && own.taken < share
        {
            own.in_ring = true;
            self.ring.push_back(tenant.clone());
        }
    }

    /// Who is given the place that is free now; it is counted as taken.
    fn next(&mut self, limits: PlaceLimits) -> Option<(oneshot::Sender<Place<K>>, K)> {
        while self.taken < limits.places {
            let tenant = self.ring.pop_front()?;
            let Some(own) = self.tenants.get_mut(&tenant) else { continue };
            own.in_ring = false;
            let waiting = std::iter::from_fn(|| own.waiting.pop_front()).find(|waiting| !waiting.is_closed());
            let Some(waiting) = waiting else {
                self.forget_idle(&tenant);
                continue;
            };
            own.taken += 1;
            self.taken += 1;
            self.enlist(&tenant, limits.share);
            return Some((waiting, tenant));
        }
        None
    }

    fn forget_idle(&mut self, tenant: &K) {
        let idle = |own: &Tenant<K>| own.taken == 0 && own.waiting.is_empty() && !own.in_ring;
        if self.tenants.get(tenant).is_some_and(idle) {
            self.tenants.remove(tenant);
        }
    }
}

impl<K: Eq + Hash + Clone> Default for Tenant<K> {
    fn default() -> Self {
        Self { taken: 0, waiting: VecDeque::new(), in_ring: false }
    }
}

impl<K: Eq + Hash + Clone> Drop for Place<K> {
    fn drop(&mut self) {
        if let Some((places, tenant)) = self.of.take() {
            places.give_back(&tenant);
        }
    }
}

impl<K: Eq + Hash + Clone> fmt::Debug for Places<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl<K: Eq + Hash + Clone> fmt::Debug for Place<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn places(places: usize, share: usize, waiting: usize) -> Arc<Places<&'static str>> {
        Places::new(PlaceLimits { places, share, waiting })
    }

    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        future.now_or_never()
    }

    #[test]
    fn a_tenant_has_no_more_than_its_share_while_places_are_free() {
        let places = places(3, 2, 9);
        let held: Vec<_> = (0..2).map(|_| places.try_take(&"busy").unwrap()).collect();
        assert!(places.try_take(&"busy").is_none());
        assert!(now(places.take(&"busy")).is_none(), "it waits");
        let other = now(places.take(&"other")).unwrap().unwrap();
        assert!(places.try_take(&"third").is_none(), "all are taken");
        drop((held, other));
        assert!(places.lock().tenants.is_empty(), "nothing is kept of tenants without places");
    }

    #[test]
    fn a_free_place_goes_round_robin_over_the_tenants() {
        let places = places(1, 1, 9);
        let first = places.try_take(&"busy").unwrap();
        let mut busy: Vec<_> = (0..5).map(|_| Box::pin(places.take(&"busy"))).collect();
        assert!(busy.iter_mut().all(|waits| waits.now_or_never().is_none()));
        let mut other = Box::pin(places.take(&"other"));
        assert!((&mut other).now_or_never().is_none());
        drop(first);
        // The busy tenant came first; then it is the other's turn, before the four that waited longer.
        let second = busy.iter_mut().find_map(|waits| waits.now_or_never()).unwrap().unwrap();
        assert!((&mut other).now_or_never().is_none());
        drop(second);
        assert!((&mut other).now_or_never().is_some());
    }

    #[test]
    fn who_stopped_waiting_is_passed_over_and_takes_no_room() {
        let places = places(1, 1, 1);
        let held = places.try_take(&"a").unwrap();
        let mut gone = Box::pin(places.take(&"b"));
        assert!((&mut gone).now_or_never().is_none());
        assert_eq!(now(places.take(&"b")).unwrap().err(), Some(TooManyWait { waiting: 1 }));
        drop(gone);
        let mut waits = Box::pin(places.take(&"b"));
        assert!((&mut waits).now_or_never().is_none(), "the one that left made room");
        drop(held);
        assert!((&mut waits).now_or_never().is_some());
    }

    #[test]
    fn a_place_that_was_given_to_one_who_left_goes_on_to_the_next() {
        let places = places(1, 1, 9);
        let held = places.try_take(&"a").unwrap();
        let mut gone = Box::pin(places.take(&"b"));
        let mut next = Box::pin(places.take(&"c"));
        assert!((&mut gone).now_or_never().is_none() && (&mut next).now_or_never().is_none());
        drop(held);
        drop(gone);
        assert!((&mut next).now_or_never().is_some());
    }
}
