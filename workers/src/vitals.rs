//! How the worker is, as its heartbeat tells it: what only its parts know.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use domain::{event::Topic, heartbeat::TopicLag, timestamp::Timestamp};

/// How the worker is.
#[derive(Debug, Default)]
pub(crate) struct Vitals {
    active_runs: AtomicU64,
    topics: Mutex<Vec<TopicLag>>,
}

/// The newest task of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NewestTask {
    /// When its run was accepted.
    pub(crate) accepted_at: Timestamp,
    /// When the scheduler made the task.
    pub(crate) scheduled_at: Timestamp,
}

impl Vitals {
    /// So many runs are in memory.
    pub(crate) fn set_active_runs(&self, runs: usize) {
        self.active_runs.store(runs as u64, Ordering::Relaxed);
    }

    pub(crate) fn active_runs(&self) -> u64 {
        self.active_runs.load(Ordering::Relaxed)
    }

    /// A batch came. How old its newest task is tells how far behind topic `tasks` is; and how long it had waited for the
    /// scheduler, how far topic `workflows` was.
    pub(crate) fn took(&self, task: NewestTask, now: Timestamp) {
        let lag = |topic: Topic, from: Timestamp, to: Timestamp| TopicLag {
            topic: topic.as_str().to_owned(),
            lag_ms: u64::try_from(to.since(from).as_millis()).unwrap_or(u64::MAX),
            handled_at: now,
        };
        let lags = vec![
            lag(Topic::Tasks, task.scheduled_at, now),
            lag(Topic::Workflows, task.accepted_at, task.scheduled_at),
        ];
        *self.topics.lock().unwrap_or_else(PoisonError::into_inner) = lags;
    }

    pub(crate) fn topics(&self) -> Vec<TopicLag> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_tells_how_long_it_waited_in_each_topic() {
        let (vitals, at) = (Vitals::default(), Timestamp::from_millis);
        vitals.took(NewestTask { accepted_at: at(1_000), scheduled_at: at(1_040) }, at(1_050));
        let lags: Vec<_> = vitals.topics().into_iter().map(|lag| (lag.topic, lag.lag_ms)).collect();
        assert_eq!(lags, [("tasks".to_owned(), 10), ("workflows".to_owned(), 40)]);
    }
}
