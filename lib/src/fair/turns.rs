//! Whose turn it is, when what waits costs differently.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    hash::Hash,
};

/// What (`T`) of several tenants (`K`) waits, each with its cost.
///
/// Over time all that wait get the same, measured in cost, and who has had little is next: something small is never
/// behind all that is large of others (start-time fair queueing: Goyal, Vin and Cheng, 1996). What is one tenant's
/// stays in its order.
#[derive(Debug)]
pub struct FairTurns<K, T> {
    tenants: HashMap<K, Tenant<T>>,
    /// When each tenant's next turn begins, in cost; then who was first to have it.
    order: BTreeMap<Turn, K>,
    /// When the last turn began, or would have begun of a tenant that had nothing more.
    now: u64,
    tickets: u64,
    waiting: usize,
}

type Turn = (u64, u64);

#[derive(Debug)]
struct Tenant<T> {
    waiting: VecDeque<(T, u64)>,
    turn: Turn,
}

impl<K, T> Default for FairTurns<K, T> {
    fn default() -> Self {
        Self { tenants: HashMap::new(), order: BTreeMap::new(), now: 0, tickets: 0, waiting: 0 }
    }
}

impl<K: Eq + Hash + Clone, T> FairTurns<K, T> {
    /// How many wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.waiting
    }

    /// Whether nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Lets something wait; its cost is at least 1.
    pub fn push(&mut self, tenant: K, what: T, cost: u64) {
        self.waiting += 1;
        let entry = (what, cost.max(1));
        if let Some(own) = self.tenants.get_mut(&tenant) {
            own.waiting.push_back(entry);
            return;
        }
        let turn = self.turn(self.now);
        self.order.insert(turn, tenant.clone());
        self.tenants.insert(tenant, Tenant { waiting: VecDeque::from([entry]), turn });
    }

    /// The next one and its cost; it goes on waiting.
    pub fn peek(&mut self) -> Option<(&T, u64)> {
        let tenant = self.first()?;
        self.tenants.get(&tenant)?.waiting.front().map(|(what, cost)| (what, *cost))
    }

    /// The next one.
    pub fn pop(&mut self) -> Option<T> {
        let tenant = self.first()?;
        let begins = self.tenants.get(&tenant)?.turn;
        self.order.remove(&begins);
        self.now = begins.0;
        let turn = self.tenants.get(&tenant)?.waiting.front().map(|(_, cost)| begins.0.saturating_add(*cost));
        let turn = self.turn(turn?);
        let own = self.tenants.get_mut(&tenant)?;
        let (what, _) = own.waiting.pop_front()?;
        // Also who has nothing more: what it had counts when it comes back soon.
        own.turn = turn;
        self.order.insert(turn, tenant);
        self.waiting -= 1;
        Some(what)
    }

    /// The tenant whose turn it is. Those that have nothing more are forgotten once their turn would come.
    fn first(&mut self) -> Option<K> {
        while let Some(first) = self.order.first_entry() {
            if self.tenants.get(first.get()).is_some_and(|own| !own.waiting.is_empty()) {
                return Some(first.get().clone());
            }
            // Time goes on to it: else who comes back at once would be first again and again.
            let ((begins, _), tenant) = first.remove_entry();
            self.now = self.now.max(begins);
            self.tenants.remove(&tenant);
        }
        None
    }

    fn turn(&mut self, begins: u64) -> Turn {
        self.tickets += 1;
        (begins, self.tickets)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn something_small_that_comes_late_is_before_all_that_is_large_of_others_but_what_was_next() {
        let mut turns = FairTurns::default();
        for tenant in ["a", "b", "c"] {
            (0..10).for_each(|n| turns.push(tenant, (tenant, n), 1_000));
        }
        for _ in 0..7 {
            turns.pop();
        }
        turns.push("small", ("small", 0), 1);
        let next: Vec<_> = (0..4).filter_map(|_| turns.pop()).collect();
        assert!(next.contains(&("small", 0)), "{next:?}");
    }

    #[test]
    fn what_each_gets_is_equal_in_cost() {
        let mut turns = FairTurns::default();
        (0..100).for_each(|n| turns.push("small", n, 10));
        (0..100).for_each(|n| turns.push("large", 1_000 + n, 100));
        let first: Vec<_> = (0..55).filter_map(|_| turns.pop()).collect();
        let large = first.iter().filter(|n| **n >= 1_000).count();
        assert!((4..=6).contains(&large), "{large} of 55, and the cost of 5 is that of 50 small ones");
    }

    #[test]
    fn who_comes_back_at_once_each_time_does_not_keep_others_waiting_for_ever() {
        let mut turns = FairTurns::default();
        turns.push("large", 1, 10);
        turns.push("large", 2, 10);
        turns.push("small", 0, 1);
        let mut seen = Vec::new();
        for _ in 0..20 {
            let next = turns.pop().unwrap();
            seen.push(next);
            // Who fills batches looks at what is next, and may find it too large for the rest of this one.
            turns.peek();
            if next == 0 {
                turns.push("small", 0, 1);
            }
        }
        assert!(seen.contains(&2), "{seen:?}");
    }

    proptest! {
        #[test]
        fn all_comes_once_and_in_the_order_of_its_tenant(
            moves in prop::collection::vec(prop::option::of((0u8..4, 1u64..1_000)), 1..200),
        ) {
            let (mut turns, mut pushed, mut popped) = (FairTurns::default(), Vec::new(), Vec::new());
            for (n, step) in moves.into_iter().enumerate() {
                match step {
                    Some((tenant, cost)) => {
                        turns.push(tenant, (tenant, n), cost);
                        pushed.push((tenant, n));
                    }
                    None => popped.extend(turns.pop()),
                }
                prop_assert_eq!(turns.len(), pushed.len() - popped.len());
            }
            while turns.peek().is_some() {
                popped.extend(turns.pop());
            }
            prop_assert!(turns.is_empty() && turns.pop().is_none() && turns.tenants.is_empty());
            for tenant in 0..4 {
                let of = |all: &[(u8, usize)]| all.iter().copied().filter(|one| one.0 == tenant).collect::<Vec<_>>();
                prop_assert_eq!(of(&popped), of(&pushed));
            }
        }
    }
}
