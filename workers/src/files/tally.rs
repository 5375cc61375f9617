//! **Pure**: what one worker may store of a tenant's files until it counts again.
//!
//! Several workers share a store, and none of them sees at once what the others store. So a worker that has counted may
//! add its part of what was left then, one of as many parts as there are workers, and counts again when that is used
//! up. Whatever the others do meanwhile: from the last moment at which a count still found room, each of them adds at most
//! a part of the whole bound. So all together never have more than twice the bound, and a worker that is alone never more
//! than the bound.

use std::time::Duration;

use tokio::time::Instant;

/// What was counted longer ago is counted again.
const FRESH: Duration = Duration::from_secs(600);

/// Who is refused does not make the store count again right away.
const LEAST: Duration = Duration::from_secs(10);

/// What a worker knows of what a tenant has.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counted: Option<Instant>,
    /// What may be added since the count.
    part: u64,
    /// What was added, and is in the store.
    kept: u64,
    /// What is on its way. A count does not see it.
    coming: u64,
}

impl Tally {
    /// Whether the store has to be asked before anything is added.
    pub(super) fn is_stale(&self, now: Instant) -> bool {
        self.counted.is_none_or(|counted| now.duration_since(counted) > FRESH)
    }

    /// Takes so much more; `false`: it does not fit.
    pub(super) fn take(&mut self, more: u64) -> bool {
        let fits = self.kept.saturating_add(self.coming).saturating_add(more) <= self.part;
        if fits {
            self.coming += more;
        }
        fits
    }

    /// Whether another count may find room: much was added since the last one, or it is a while ago.
    pub(super) fn may_count_again(&self, now: Instant) -> bool {
        let much = self.kept > 0 && self.kept >= self.part / 2;
        much || self.counted.is_none_or(|counted| now.duration_since(counted) >= LEAST)
    }

    /// What was kept by now: a count that begins now sees it.
    pub(super) const fn kept(&self) -> u64 {
        self.kept
    }

    /// The store was asked, and had `found`; when that began, [`Self::kept`] was `seen`.
    pub(super) fn count(&mut self, found: u64, seen: u64, (most, workers): (u64, u64), now: Instant) {
        self.counted = Some(now);
        self.kept = self.kept.saturating_sub(seen);
        self.part = most.saturating_sub(found) / workers.max(1);
    }

    /// So much of what came is stored.
    pub(super) const fn keep(&mut self, charged: u64) {
        self.coming = self.coming.saturating_sub(charged);
        self.kept = self.kept.saturating_add(charged);
    }

    /// So much of what came is not stored, or was there before.
    pub(super) const fn give_back(&mut self, charged: u64) {
        self.coming = self.coming.saturating_sub(charged);
    }

    /// The store is asked before anything is added.
    pub(super) const fn forget(&mut self) {
        self.counted = None;
    }

    /// Nothing is lost with it.
    pub(super) const fn is_idle(&self) -> bool {
        self.coming == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST: u64 = 10_000;

    #[test]
    fn who_is_alone_has_exactly_what_is_left() {
        let now = Instant::now();
        let mut tally = Tally::default();
        assert!(tally.is_stale(now) && !tally.take(1));
        tally.count(4_000, 0, (MOST, 1), now);
        assert!(!tally.is_stale(now) && tally.take(6_000) && !tally.take(1));
        tally.give_back(2_000);
        tally.keep(4_000);
        assert!(tally.take(2_000) && !tally.take(1));
    }

    #[test]
    fn what_is_coming_counts_over_a_count_and_what_was_kept_is_in_it() {
        let now = Instant::now();
        let mut tally = Tally::default();
        tally.count(0, 0, (MOST, 1), now);
        assert!(tally.take(3_000) && tally.take(4_000));
        tally.keep(3_000);
        let seen = tally.kept();
        // It is kept while the store counts, which may have seen it or not.
        tally.keep(1_000);
        tally.count(3_000, seen, (MOST, 1), now);
        assert!(tally.take(3_000) && !tally.take(1), "7,000 are left, of which 4,000 are there or coming");
    }

    #[test]
    fn who_is_refused_makes_nobody_count_at_once_again() {
        let now = Instant::now();
        let mut tally = Tally::default();
        tally.count(MOST, 0, (MOST, 2), now);
        assert!(!tally.take(1) && !tally.may_count_again(now));
        assert!(tally.may_count_again(now + LEAST));
        tally.count(0, 0, (MOST, 2), now);
        assert!(tally.take(2_500));
        assert!(!tally.may_count_again(now));
        tally.keep(2_500);
        assert!(tally.may_count_again(now), "half of its part is stored");
        tally.forget();
        assert!(tally.is_stale(now));
    }

    proptest! {
        /// Workers store, give up and count in any order; files are deleted meanwhile.
        #[test]
        fn all_together_never_have_more_than_twice_the_bound(
            workers in 1_usize..6,
            moves in prop::collection::vec((0_usize..6, 0_u8..5, 1_u64..3_000), 1..300),
        ) {
            let now = Instant::now();
            let mut tallies: Vec<(Tally, Vec<u64>)> = (0..workers).map(|_| Default::default()).collect();
            let mut stored = 0_u64;
            for (who, what, much) in moves {
                let (tally, coming) = &mut tallies[who % workers];
                match what {
                    0 | 1 => {
                        if tally.take(much) {
                            coming.push(much);
                        }
                    }
                    2 => {
                        if let Some(done) = coming.pop() {
                            tally.keep(done);
                            stored += done;
                        }
                    }
                    3 => tally.count(stored, tally.kept(), (MOST, workers as u64), now),
                    _ if much % 3 == 0 => stored = stored.saturating_sub(much),
                    _ => {
                        if let Some(lost) = coming.pop() {
                            tally.give_back(lost);
                        }
                    }
                }
                let bound = if workers == 1 { MOST } else { 2 * MOST };
                prop_assert!(stored <= bound, "{stored}");
            }
        }
    }
}
