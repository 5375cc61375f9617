//! What tenants share: bounded, a share each, round robin.
//!
//! [`Shares`] is the rule of how much a tenant may hold. [`FairQueue`] adds who waits, [`Places`] makes them places that
//! futures wait for. [`FairTurns`] orders what costs differently.

mod queue;
mod shares;
mod turns;

use std::{
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio::sync::Notify;

pub use self::{
    queue::FairQueue,
    shares::{Shares, half},
    turns::FairTurns,
};

/// The limits of [`Places`] and of a [`FairQueue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceLimits {
    /// Places in all.
    pub places: usize,
    /// Places of one tenant at a time, when no other has any; beside others it may have fewer, see [`Shares`].
    pub share: usize,
    /// How many of one tenant may wait; more is turned away.
    pub waiting: usize,
}

impl PlaceLimits {
    /// So many places, at least 1, of which one tenant alone may have a half, see [`half`].
    #[must_use]
    pub const fn halves(places: usize, waiting: usize) -> Self {
        let places = if places == 0 { 1 } else { places };
        Self { places, share: half(places), waiting }
    }
}

/// Too much of the tenant's waits already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{waiting} of this tenant's wait already, which is the limit; try again later")]
pub struct TooManyWait {
    /// The limit.
    pub waiting: usize,
}

/// Places that tenants (`K`) share.
///
/// A place that becomes free goes round robin over the tenants that wait, so one with a thousand requests holds up one
/// with a single request for no longer than it takes until the next place is given back; and with a share of less than
/// everything a place is kept free for who comes new.
pub struct Places<K: Eq + Hash + Clone> {
    limits: PlaceLimits,
    queue: Mutex<Queue<K>>,
}

/// Who stops waiting is gone from memory, and its entry here leads nowhere.
type Queue<K> = FairQueue<K, Weak<Waiting<K>>>;

/// Somebody who waits for a place. A place that was given and not taken goes back with it.
struct Waiting<K: Eq + Hash + Clone> {
    place: Mutex<Option<Place<K>>>,
    given: Notify,
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
        let queue = FairQueue::new(limits);
        Arc::new(Self { limits: queue.limits(), queue: Mutex::new(queue) })
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
        let waiting = {
            let mut queue = self.lock();
            if queue.take(tenant) {
                return Ok(self.place(tenant.clone()));
            }
            if queue.is_full(tenant) {
                queue.retain(tenant, |waiting| waiting.strong_count() > 0);
            }
            let waiting = Arc::new(Waiting { place: Mutex::new(None), given: Notify::new() });
            queue.push(tenant, Arc::downgrade(&waiting))?;
            waiting
        };
        Ok(waiting.place().await)
    }

    /// A place at once, if one is free and nobody of the tenant's waits.
    #[must_use]
    pub fn try_take(self: &Arc<Self>, tenant: &K) -> Option<Place<K>> {
        let taken = self.lock().take(tenant);
        taken.then(|| self.place(tenant.clone()))
    }

    fn place(self: &Arc<Self>, tenant: K) -> Place<K> {
        Place { of: Some((Arc::clone(self), tenant)) }
    }

    fn give_back(self: &Arc<Self>, tenant: &K) {
        self.lock().give_back(tenant);
        loop {
            let Some((tenant, waiting)) = self.lock().next(|_, _| true) else { break };
            match waiting.upgrade() {
                None => self.lock().give_back(&tenant),
                // Not under the lock: who stops waiting just now gives the place back.
                Some(waiting) => waiting.give(self.place(tenant)),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue<K>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone> Waiting<K> {
    fn give(&self, place: Place<K>) {
        *self.lock() = Some(place);
        self.given.notify_one();
    }

    /// The place, when it is given. One that comes before anybody waits for it is kept, and so is its notice.
    async fn place(&self) -> Place<K> {
        loop {
            self.given.notified().await;
            if let Some(place) = self.lock().take() {
                return place;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Place<K>>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert!(places.lock().is_idle(), "nothing is kept of tenants without places");
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
