//! What others have confirmed: it leaves the journal with a commit that is made anyway, or a little later.

use std::{
    ops::RangeInclusive,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::journal::Commit;

/// Confirmations wait that long for a commit that is made anyway.
const DELAY: Duration = Duration::from_millis(100);

/// Confirmations that are not written down.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// What the store has.
    confirmed: Vec<u64>,
    /// What other workers have.
    handed_over: Vec<(Arc<str>, u64)>,
    due: Option<Instant>,
}

impl Settled {
    /// The store has these rows.
    pub(super) fn confirm(&mut self, sequences: Vec<u64>) {
        self.confirmed.extend(sequences);
        self.wait();
    }

    /// A worker has these of its tasks.
    pub(super) fn hand_over(&mut self, owner: &Arc<str>, sequences: Vec<u64>) {
        self.handed_over.extend(sequences.into_iter().map(|sequence| (Arc::clone(owner), sequence)));
        self.wait();
    }

    /// When to write it down if nothing else is written before.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Lets it be written with this commit.
    pub(super) fn put_into(&mut self, commit: &mut Commit) {
        commit.confirmed = ranges(std::mem::take(&mut self.confirmed));
        commit.handed_over = std::mem::take(&mut self.handed_over);
        self.due = None;
    }

    fn wait(&mut self) {
        self.due.get_or_insert_with(|| Instant::now() + DELAY);
    }
}

/// The same numbers as ranges without gaps: most rows are confirmed side by side.
fn ranges(mut numbers: Vec<u64>) -> Vec<RangeInclusive<u64>> {
    numbers.sort_unstable();
    let ranges = numbers.chunk_by(|before, after| after - before <= 1);
    ranges.filter_map(|range| Some(*range.first()?..=*range.last()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_side_by_side_become_one_range() {
        assert_eq!(ranges(vec![7, 3, 1, 2, 9, 8]), [1..=3, 7..=9]);
        assert_eq!(ranges(vec![5, 5]), [5..=5]);
        assert_eq!(ranges(Vec::new()), []);
    }
}
