//! How much of something bounded each tenant holds, and whether it may have more.

use std::{collections::HashMap, hash::Hash};

/// What one tenant alone may hold of most things that are bounded: half of it, rounded down, so that there is something
/// for the next one, and at least 1.
#[must_use]
pub const fn half(limit: usize) -> usize {
    if limit < 2 { 1 } else { limit / 2 }
}

/// What tenants (`K`) hold of something bounded: places, bytes, rows.
///
/// What a tenant may hold grows and shrinks with what is left, which is how switches share the memory of their queues
/// (dynamic thresholds: Choudhury and Hahne, 1998). Alone it may hold its share. With a share of a half and n tenants
/// that want all they can get, each has 1/(n+1), and as much stays free for the next one: however long they hold what
/// they have, who comes new finds something. With a share of everything nothing is kept free.
#[derive(Debug)]
pub struct Shares<K> {
    limit: usize,
    share: usize,
    taken: usize,
    tenants: HashMap<K, usize>,
}

impl<K: Eq + Hash + Clone> Shares<K> {
    /// Shares of which nothing is taken. The share is what one tenant may hold when nobody else holds anything.
    #[must_use]
    pub fn new(limit: usize, share: usize) -> Self {
        Self { limit, share: share.clamp(1.min(limit), limit), taken: 0, tenants: HashMap::new() }
    }

    /// Shares of which one tenant alone may hold a half, see [`half`].
    #[must_use]
    pub fn halves(limit: usize) -> Self {
        Self::new(limit, half(limit))
    }

    /// How much there is.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// How much of it is taken. More than there is only when somebody took more than was left.
    #[must_use]
    pub const fn taken(&self) -> usize {
        self.taken
    }

    /// How much a tenant holds.
    #[must_use]
    pub fn of(&self, tenant: &K) -> usize {
        self.tenants.get(tenant).copied().unwrap_or_default()
    }

    /// Whether the tenant may take something.
    #[must_use]
    pub fn has_room(&self, tenant: &K) -> bool {
        self.would_have_room(self.of(tenant), self.taken)
    }

    /// Whether a tenant might take something if it held `own` and all together `taken`.
    #[must_use]
    pub const fn would_have_room(&self, own: usize, taken: usize) -> bool {
        let left = self.limit.saturating_sub(taken) as u128;
        (own as u128) * ((self.limit - self.share) as u128) < (self.share as u128) * left
    }

    /// The tenant takes so much, whether it may or not.
    pub fn take(&mut self, tenant: &K, amount: usize) {
        if amount == 0 {
            return;
        }
        match self.tenants.get_mut(tenant) {
            Some(own) => *own += amount,
            None => {
                self.tenants.insert(tenant.clone(), amount);
            }
        }
        self.taken += amount;
    }

    /// The tenant gives so much back.
    pub fn give_back(&mut self, tenant: &K, amount: usize) {
        let Some(own) = self.tenants.get_mut(tenant) else { return };
        let amount = amount.min(*own);
        *own -= amount;
        self.taken -= amount;
        if *own == 0 {
            self.tenants.remove(tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each tenant in turn takes what it may, until nobody may.
    fn filled(limit: usize, share: usize, tenants: usize) -> Shares<usize> {
        let mut shares = Shares::new(limit, share);
        while let Some(tenant) = (0..tenants).find(|tenant| shares.has_room(tenant)) {
            shares.take(&tenant, 1);
        }
        shares
    }

    #[test]
    fn alone_a_tenant_has_its_share_and_several_leave_as_much_as_each_of_them_has() {
        assert_eq!(filled(256, 128, 1).of(&0), 128);
        assert_eq!(filled(256, 20, 1).of(&0), 20);
        assert_eq!(filled(4, 3, 1).of(&0), 3);
        assert_eq!(filled(8, 8, 1).of(&0), 8, "a share of everything");
        for tenants in 2..40 {
            let mut shares = Shares::halves(256);
            // Side by side, as round robin has it.
            while let Some(tenant) =
                (0..tenants).filter(|tenant| shares.has_room(tenant)).min_by_key(|tenant| shares.of(tenant))
            {
                shares.take(&tenant, 1);
            }
            let fair = 256 / (tenants + 1);
            assert!((0..tenants).all(|tenant| (fair - 1..=fair + 1).contains(&shares.of(&tenant))));
            assert!(
                shares.has_room(&99),
                "who comes new finds something beside {tenants} that take all they can"
            );
        }
    }

    #[test]
    fn half_of_something_is_something_and_leaves_something_where_there_is_more_than_one() {
        assert_eq!([0, 1, 2, 3, 4, 5].map(half), [1, 1, 1, 1, 2, 2]);
        assert_eq!(
            (Shares::<u8>::halves(0).has_room(&1), Shares::<u8>::halves(1).has_room(&1)),
            (false, true)
        );
    }

    proptest! {
        #[test]
        fn what_is_taken_is_what_tenants_hold_and_never_more_than_there_is(
            limit in 1usize..64,
            share in 1usize..64,
            moves in prop::collection::vec((0usize..5, any::<bool>()), 0..200),
        ) {
            let mut shares = Shares::new(limit, share);
            for (tenant, takes) in moves {
                if takes && shares.has_room(&tenant) {
                    shares.take(&tenant, 1);
                } else if !takes {
                    shares.give_back(&tenant, 1);
                }
                prop_assert!(shares.taken() <= limit);
                prop_assert_eq!(shares.taken(), (0..5).map(|tenant| shares.of(&tenant)).sum::<usize>());
                prop_assert!((0..5).all(|tenant| shares.of(&tenant) <= share.min(limit)));
            }
        }

        #[test]
        fn two_tenants_that_take_all_they_can_leave_room_for_a_third(limit in 3usize..1_000) {
            let shares = filled(limit, half(limit), 2);
            prop_assert!(shares.has_room(&2), "{} of {limit} are taken", shares.taken());
        }
    }
}
