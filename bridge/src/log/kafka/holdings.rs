//! Which partitions are being read: before one is given away, its reader has to be done with it.

use std::{
    collections::HashSet,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{lock::lock, log::TopicPartition};

/// A partition that goes to another member is waited for so long: until the request in flight has its answer.
pub(super) const HAND_OVER: Duration = Duration::from_secs(10);

/// The partitions that feeds hold.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    held: Mutex<HashSet<TopicPartition>>,
    freed: Condvar,
}

/// A partition that is held until this is dropped.
#[derive(Debug)]
pub(super) struct Hold {
    holdings: Arc<Holdings>,
    at: TopicPartition,
}

impl Holdings {
    /// Notes that `at` is read.
    pub(super) fn hold(self: &Arc<Self>, at: TopicPartition) -> Hold {
        lock(&self.held).insert(at.clone());
        Hold { holdings: self.clone(), at }
    }

    /// All that are held.
    pub(super) fn all(&self) -> Vec<TopicPartition> {
        lock(&self.held).iter().cloned().collect()
    }

    /// Waits until none of `these` is held, at most `patience`; tells whether that came true.
    pub(super) fn wait_until_free(&self, these: &[TopicPartition], patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut held = lock(&self.held);
        while these.iter().any(|at| held.contains(at)) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            held = self.freed.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        lock(&self.holdings.held).remove(&self.at);
        self.holdings.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_free_when_its_reader_has_let_go() {
        let holdings = Arc::new(Holdings::default());
        let (zero, one) = (TopicPartition::new("t", 0), TopicPartition::new("t", 1));
        let (hold, _other) = (holdings.hold(zero.clone()), holdings.hold(one));
        let these = [zero];
        assert!(!holdings.wait_until_free(&these, Duration::ZERO));
        std::thread::scope(|scope| {
            scope.spawn(move || drop(hold));
            assert!(holdings.wait_until_free(&these, Duration::from_secs(60)));
        });
        assert_eq!(holdings.all().len(), 1);
    }
}
