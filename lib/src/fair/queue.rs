//! What waits for a place, by tenant.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

use super::{PlaceLimits, Shares, TooManyWait};

/// Places that tenants (`K`) share, and what (`T`) waits for one. A free place goes round robin over the tenants that
/// wait and may take one; within a tenant who came first is first.
#[derive(Debug)]
pub struct FairQueue<K, T> {
    limits: PlaceLimits,
    taken: Shares<K>,
    waiting: HashMap<K, VecDeque<T>>,
    /// The tenants of `waiting`, the next first; each once.
    ring: VecDeque<K>,
}

impl<K: Eq + Hash + Clone, T> FairQueue<K, T> {
    /// A queue in which nothing waits. Every limit is at least 1.
    #[must_use]
    pub fn new(limits: PlaceLimits) -> Self {
        let PlaceLimits { places, share, waiting } = limits;
        let places = places.max(1);
        let limits = PlaceLimits { places, share: share.clamp(1, places), waiting: waiting.max(1) };
        let taken = Shares::new(limits.places, limits.share);
        Self { limits, taken, waiting: HashMap::new(), ring: VecDeque::new() }
    }

    /// The limits.
    #[must_use]
    pub const fn limits(&self) -> PlaceLimits {
        self.limits
    }

    /// Who holds how many places.
    #[must_use]
    pub const fn taken(&self) -> &Shares<K> {
        &self.taken
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
    }

    /// Whether nobody holds a place and nothing waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.taken.taken() == 0 && self.ring.is_empty()
    }

    /// Takes a place at once, if there is one that the tenant may take and nothing of it waits.
    pub fn take(&mut self, tenant: &K) -> bool {
        let takes = !self.waiting.contains_key(tenant) && self.taken.has_room(tenant);
        if takes {
            self.taken.take(tenant, 1);
        }
        takes
    }

    /// Whether no more of a tenant's may wait.
    #[must_use]
    pub fn is_full(&self, tenant: &K) -> bool {
        self.waiting.get(tenant).is_some_and(|waiting| waiting.len() >= self.limits.waiting)
    }

    /// Lets something wait.
    ///
    /// # Errors
    /// When too much of the tenant's waits already.
    pub fn push(&mut self, tenant: &K, what: T) -> Result<(), TooManyWait> {
        if self.is_full(tenant) {
            return Err(TooManyWait { waiting: self.limits.waiting });
        }
        match self.waiting.get_mut(tenant) {
            Some(waiting) => waiting.push_back(what),
            None => {
                self.waiting.insert(tenant.clone(), VecDeque::from([what]));
                self.ring.push_back(tenant.clone());
            }
        }
        Ok(())
    }

    /// Lets something wait that comes before all else of its tenant's, and before any limit: it goes on.
    pub fn push_first(&mut self, tenant: &K, what: T) {
        match self.waiting.get_mut(tenant) {
            Some(waiting) => waiting.push_front(what),
            None => {
                self.waiting.insert(tenant.clone(), VecDeque::from([what]));
                self.ring.push_back(tenant.clone());
            }
        }
    }

    /// Who is next to have a place, if there is one; it is taken then. `may` can pass a tenant over.
    pub fn next(&mut self, may: impl Fn(&Self, &K) -> bool) -> Option<(K, T)> {
        if self.taken.taken() >= self.limits.places {
            return None;
        }
        // Few are passed over: those that hold places already.
        let next = self.ring.iter().position(|tenant| self.taken.has_room(tenant) && may(self, tenant))?;
        let tenant = self.ring.remove(next)?;
        let waiting = self.waiting.get_mut(&tenant)?;
        let what = waiting.pop_front()?;
        if waiting.is_empty() {
            self.waiting.remove(&tenant);
        } else {
            self.ring.push_back(tenant.clone());
        }
        self.taken.take(&tenant, 1);
        Some((tenant, what))
    }

    /// Gives a tenant's place back.
    pub fn give_back(&mut self, tenant: &K) {
        self.taken.give_back(tenant, 1);
    }

    /// Forgets what of a tenant's need not wait any more.
    pub fn retain(&mut self, tenant: &K, waits: impl FnMut(&T) -> bool) {
        if let Some(waiting) = self.waiting.get_mut(tenant) {
            waiting.retain(waits);
            if waiting.is_empty() {
                self.waiting.remove(tenant);
                self.ring.retain(|other| other != tenant);
            }
        }
    }

    /// Forgets all that waits, and all places.
    pub fn clear(&mut self) {
        *self = Self::new(self.limits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(places: usize, share: usize) -> FairQueue<&'static str, u32> {
        FairQueue::new(PlaceLimits { places, share, waiting: 9 })
    }

    #[test]
    fn two_tenants_that_never_give_back_do_not_keep_a_third_waiting() {
        let mut queue = queue(12, 6);
        for n in 0..9 {
            queue.push(&"one", n).unwrap();
            queue.push(&"two", n).unwrap();
        }
        while queue.next(|_, _| true).is_some() {}
        assert_eq!(
            (queue.taken().of(&"one"), queue.taken().of(&"two")),
            (4, 4),
            "a third each, a third is free"
        );
        queue.push(&"third", 0).unwrap();
        assert_eq!(queue.next(|_, _| true), Some(("third", 0)));
    }

    #[test]
    fn a_tenant_that_is_passed_over_keeps_its_turn() {
        let mut queue = queue(4, 4);
        queue.push(&"one", 1).unwrap();
        queue.push(&"two", 2).unwrap();
        queue.push(&"two", 3).unwrap();
        assert_eq!(queue.next(|_, tenant| *tenant != "one"), Some(("two", 2)));
        assert_eq!(queue.next(|_, _| true), Some(("one", 1)));
        queue.give_back(&"one");
        queue.push_first(&"two", 9);
        queue.push_first(&"one", 7);
        assert_eq!([queue.next(|_, _| true), queue.next(|_, _| true)], [Some(("two", 9)), Some(("one", 7))]);
        queue.give_back(&"two");
        queue.give_back(&"one");
        queue.retain(&"two", |_| false);
        assert_eq!((queue.next(|_, _| true), queue.waiting()), (None, 0));
        queue.give_back(&"two");
        assert!(queue.is_idle());
    }
}
