//! What others have confirmed: it leaves the journal with a commit that is made anyway, or a little later.

use std::{
    collections::BTreeMap,
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
    confirmed: Option<u64>,
    /// What other workers have.
    handed_over: BTreeMap<Arc<str>, u64>,
    due: Option<Instant>,
}

impl Settled {
    /// The store has all rows up to this one.
    pub(super) fn confirm(&mut self, sequence: u64) {
        self.confirmed = Some(sequence);
        self.wait();
    }

    /// A worker has all of its tasks up to this one.
    pub(super) fn hand_over(&mut self, owner: Arc<str>, last: u64) {
        self.handed_over.insert(owner, last);
        self.wait();
    }

    /// When to write it down if nothing else is written before.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Lets it be written with this commit.
    pub(super) fn put_into(&mut self, commit: &mut Commit) {
        commit.confirmed = self.confirmed.take();
        commit.handed_over = std::mem::take(&mut self.handed_over).into_iter().collect();
        self.due = None;
    }

    fn wait(&mut self) {
        self.due.get_or_insert_with(|| Instant::now() + DELAY);
    }
}
