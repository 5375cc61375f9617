//! A bound on the bytes that wait to be written.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Room for some bytes among those that may wait; given back when this is dropped.
pub(super) struct Reservation {
    queued: Arc<AtomicUsize>,
    bytes: usize,
}

impl Reservation {
    /// Takes room for `bytes`, unless more than `limit` would wait then.
    pub(super) fn take(queued: &Arc<AtomicUsize>, bytes: usize, limit: usize) -> Option<Self> {
        let taken = queued.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |queued| {
            // One append larger than the whole queue may pass when nothing else waits.
            let after = queued.saturating_add(bytes);
            (queued == 0 || after <= limit).then_some(after)
        });
        taken.ok().map(|_| Self { queued: queued.clone(), bytes })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.queued.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
