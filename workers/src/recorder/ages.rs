//! For how long rows have waited, without a moment for each of them: rows of about the same moment count together. Pure.

use std::{collections::VecDeque, time::Duration};

use domain::timestamp::Timestamp;

/// Rows that came within so long are of one moment.
const MOMENT: Duration = Duration::from_secs(1);
/// So many moments are told apart: of more, the newest one takes what comes.
const MOST: usize = 4_096;

/// When the rows came that wait.
#[derive(Debug, Default)]
pub(super) struct Ages {
    moments: VecDeque<Moment>,
}

#[derive(Debug)]
struct Moment {
    at: Timestamp,
    /// The sequence of its first row. Sequences rise.
    first: u64,
    /// How many of its rows wait.
    rows: usize,
}

impl Ages {
    /// A row came.
    pub(super) fn add(&mut self, sequence: u64, at: Timestamp) {
        let full = self.moments.len() >= MOST;
        match self.moments.back_mut() {
            Some(last) if full || at.since(last.at) < MOMENT => last.rows += 1,
            _ => self.moments.push_back(Moment { at, first: sequence, rows: 1 }),
        }
    }

    /// A row waits no more.
    pub(super) fn remove(&mut self, sequence: u64) {
        let after = self.moments.partition_point(|moment| moment.first <= sequence);
        if let Some(moment) = after.checked_sub(1).and_then(|place| self.moments.get_mut(place)) {
            moment.rows = moment.rows.saturating_sub(1);
        }
        while self.moments.front().is_some_and(|moment| moment.rows == 0) {
            self.moments.pop_front();
        }
    }

    /// When the oldest row came that waits.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.moments.front().map(|moment| moment.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(0).plus(Duration::from_millis(millis))
    }

    #[test]
    fn the_oldest_row_is_told_in_whatever_order_rows_go() {
        let mut ages = Ages::default();
        assert_eq!(ages.oldest(), None);
        for (sequence, came) in [(1, 0), (2, 10), (3, 5_000), (4, 5_100), (5, 9_000)] {
            ages.add(sequence, at(came));
        }
        ages.remove(4);
        ages.remove(1);
        assert_eq!(ages.oldest(), Some(at(0)));
        ages.remove(2);
        assert_eq!(ages.oldest(), Some(at(5_000)));
        ages.remove(3);
        assert_eq!(ages.oldest(), Some(at(9_000)));
        ages.remove(5);
        assert_eq!(ages.oldest(), None);
    }

    #[test]
    fn any_number_of_rows_takes_bounded_memory() {
        let mut ages = Ages::default();
        let all = 1..=3 * MOST as u64;
        all.clone().for_each(|n| ages.add(n, at(n * 2_000)));
        assert!(ages.moments.len() <= MOST);
        all.for_each(|n| ages.remove(n));
        assert_eq!(ages.oldest(), None);
    }
}
