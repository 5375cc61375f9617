//! Appends that wait for librdkafka's answers.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::oneshot;

use super::failure::RecordFacts;
use crate::{
    lock::lock,
    log::{Appended, LogError, reservation::Reservation},
};

/// One append: its results as they come.
pub(super) struct PendingAppend {
    results: Mutex<Vec<Option<Result<Appended, LogError>>>>,
    left: AtomicUsize,
    done: Mutex<Option<oneshot::Sender<()>>>,
    /// Given back with the last result, whether or not somebody still waits for it.
    _room: Reservation,
}

/// A record on its way: librdkafka gives this back with its answer.
pub(super) struct PendingRecord {
    append: Arc<PendingAppend>,
    place: usize,
    pub(super) facts: RecordFacts,
}

impl PendingAppend {
    /// An append of `count` records, and what tells that all of them have their results.
    pub(super) fn new(count: usize, room: Reservation) -> (Arc<Self>, oneshot::Receiver<()>) {
        let (done, waits) = oneshot::channel();
        let append = Self {
            results: Mutex::new(vec![None; count]),
            left: AtomicUsize::new(count),
            done: Mutex::new(Some(done)),
            _room: room,
        };
        (Arc::new(append), waits)
    }

    /// The record at `place`.
    pub(super) fn record(self: &Arc<Self>, place: usize, facts: RecordFacts) -> PendingRecord {
        PendingRecord { append: self.clone(), place, facts }
    }

    /// The results; a record that has none was forgotten.
    pub(super) fn take(&self) -> Vec<Result<Appended, LogError>> {
        let results = std::mem::take(&mut *lock(&self.results));
        results.into_iter().map(|result| result.unwrap_or(Err(LogError::Closed))).collect()
    }

    fn settle(&self, place: usize, result: Result<Appended, LogError>) {
        if let Some(slot) = lock(&self.results).get_mut(place) {
            *slot = Some(result);
        }
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1
            && let Some(done) = lock(&self.done).take()
        {
            // Who waited may have gone away; the records are appended all the same.
            let _ = done.send(());
        }
    }
}

impl PendingRecord {
    /// Notes what became of the record.
    pub(super) fn settle(&self, result: Result<Appended, LogError>) {
        self.append.settle(self.place, result);
    }
}
