//! Counters and state of one delivery task.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use metrics::{Counter, Gauge};

use super::exporter::{Exporter, Metric, label};
use crate::{lock::lock, log::TopicPartition};

const DELIVERED: Metric =
    Metric { name: "bridge_delivered_records_total", help: "Records that the receiver took." };
const REQUESTS: Metric = Metric { name: "bridge_deliveries_total", help: "Requests that the receiver took." };
const RETRIES: Metric = Metric { name: "bridge_delivery_retries_total", help: "Attempts after the first." };
const SKIPPED: Metric = Metric {
    name: "bridge_skipped_records_total",
    help: "Records that need no delivery or got none: tombstones, and errors that the connector tolerates.",
};
const FAILURES: Metric = Metric {
    name: "bridge_task_failures_total",
    help: "Times that the delivery task failed; it is started again.",
};
const FAILED: Metric = Metric { name: "bridge_task_failed", help: "1 while the delivery task is failed." };
const LAG: Metric = Metric {
    name: "bridge_delivery_lag_records",
    help: "Records that are not delivered yet, told by the bridge that has the partition; 0 at the others.",
};

/// What a delivery task is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TaskState {
    /// Delivering, or waiting for records.
    Running,
    /// The receiver does not take the records at the moment; the reason.
    Retrying(String),
    /// Given up; started again after a pause. The reason.
    Failed(String),
    /// The bridge stops, or another member delivers the partition.
    Stopped,
}

/// Counters and state of one delivery task.
pub(crate) struct TaskStats {
    /// The connector's name.
    pub(crate) connector: String,
    /// The partition.
    pub(crate) at: TopicPartition,
    delivered: Counter,
    requests: Counter,
    retries: Counter,
    skipped: Counter,
    failures: Counter,
    failed: Gauge,
    lag: Gauge,
    /// The next record to handle; [`UNKNOWN`] until one was read.
    position: AtomicU64,
    state: Mutex<TaskState>,
}

/// A position that nobody has told: the log knows where a group goes on, and nothing was read from there yet.
const UNKNOWN: u64 = u64::MAX;

impl TaskStats {
    pub(super) fn new(connector: &str, at: TopicPartition, exporter: &Exporter) -> Self {
        let labels = [
            label("connector", connector),
            label("topic", &at.topic),
            label("partition", &at.partition.to_string()),
        ];
        let counter = |metric| exporter.counter(metric, &labels);
        let gauge = |metric| exporter.gauge(metric, &labels);
        Self {
            delivered: counter(DELIVERED),
            requests: counter(REQUESTS),
            retries: counter(RETRIES),
            skipped: counter(SKIPPED),
            failures: counter(FAILURES),
            failed: gauge(FAILED),
            lag: gauge(LAG),
            connector: connector.to_owned(),
            at,
            position: AtomicU64::new(UNKNOWN),
            state: Mutex::new(TaskState::Running),
        }
    }

    /// A request with `records` was taken.
    pub(crate) fn delivered(&self, records: u64) {
        self.requests.increment(1);
        self.delivered.increment(records);
    }

    /// Another attempt is made.
    pub(crate) fn retry(&self) {
        self.retries.increment(1);
    }

    /// `records` are handled without a delivery.
    pub(crate) fn skipped(&self, records: u64) {
        self.skipped.increment(records);
    }

    /// Everything before `next` is handled.
    pub(crate) fn moved(&self, next: u64) {
        self.position.store(next, Ordering::Relaxed);
    }

    /// Enters `state`.
    pub(crate) fn enter(&self, state: TaskState) {
        match state {
            TaskState::Failed(_) => self.failures.increment(1),
            // Whoever delivers the partition now knows how far it is.
            TaskState::Stopped => self.moved(UNKNOWN),
            TaskState::Running | TaskState::Retrying(_) => {}
        }
        let failed = matches!(state, TaskState::Failed(_));
        let mut current = lock(&self.state);
        *current = state;
        self.failed.set(u8::from(failed));
    }

    /// What the task is doing.
    pub(crate) fn state(&self) -> TaskState {
        lock(&self.state).clone()
    }

    /// Records between the position and the partition's end. None as long as nothing was read: what waits is read at
    /// once, whether or not the receiver takes it.
    pub(crate) fn lag(&self, end: Option<u64>) -> u64 {
        end.unwrap_or(0).saturating_sub(self.position.load(Ordering::Relaxed))
    }

    /// Shows the lag as it is now.
    pub(super) fn measure_lag(&self, end: Option<u64>) {
        self.lag.set(self.lag(end) as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_told_by_who_delivers_the_partition_from_the_first_record_that_it_has_read() {
        let task = TaskStats::new("c", TopicPartition::new("t", 0), &Exporter::new());
        // Another member, or this one before its start, may have delivered all of them.
        assert_eq!(task.lag(Some(100)), 0);
        task.moved(40);
        assert_eq!(task.lag(Some(100)), 60);
        task.enter(TaskState::Retrying("503".to_owned()));
        assert_eq!(task.lag(Some(100)), 60);
        task.enter(TaskState::Stopped);
        assert_eq!(task.lag(Some(200)), 0);
        task.enter(TaskState::Running);
        assert_eq!(task.lag(Some(200)), 0);
    }
}
