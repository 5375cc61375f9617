//! Counters and states, for `/metrics` and `/healthz`. Plain atomics: counting costs no look-up on the hot path.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    lock::lock,
    log::{Log, TopicPartition},
};

/// Everything that is counted.
#[derive(Debug, Default)]
pub struct Stats {
    requests: AtomicU64,
    records: AtomicU64,
    bytes: AtomicU64,
    refused: AtomicU64,
    /// Answers by status.
    responses: Mutex<BTreeMap<u16, u64>>,
    tasks: Mutex<Vec<Arc<TaskStats>>>,
}

impl Stats {
    /// Counts a produce request.
    pub fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an answer of the front.
    pub fn answered(&self, status: u16) {
        *lock(&self.responses).entry(status).or_default() += 1;
    }

    /// Counts records that were stored, their bytes, and records that were refused by the log.
    pub fn appended(&self, records: u64, bytes: u64, refused: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.refused.fetch_add(refused, Ordering::Relaxed);
    }

    /// The place where a delivery task counts; the same one when the partition comes back.
    pub fn task(&self, connector: &str, at: &TopicPartition) -> Arc<TaskStats> {
        let mut tasks = lock(&self.tasks);
        if let Some(task) = tasks.iter().find(|task| task.connector == connector && task.at == *at) {
            return task.clone();
        }
        let task = Arc::new(TaskStats::new(connector, at.clone()));
        tasks.push(task.clone());
        task
    }

    /// All delivery tasks.
    #[must_use]
    pub fn tasks(&self) -> Vec<Arc<TaskStats>> {
        lock(&self.tasks).clone()
    }

    /// Prometheus' text form.
    #[must_use]
    pub fn render(&self, log: &dyn Log) -> String {
        let mut out = String::new();
        let mut plain = |name: &str, help: &str, value: &AtomicU64| {
            let value = value.load(Ordering::Relaxed);
            // Writing into a string cannot fail.
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
        };
        plain("bridge_produce_requests_total", "Produce requests.", &self.requests);
        plain("bridge_produced_records_total", "Records stored.", &self.records);
        plain("bridge_produced_bytes_total", "Bytes of records stored.", &self.bytes);
        plain("bridge_refused_records_total", "Records refused by the log.", &self.refused);
        let responses = "bridge_http_responses_total";
        let _ = writeln!(out, "# HELP {responses} Answers by HTTP status.\n# TYPE {responses} counter");
        for (status, count) in &*lock(&self.responses) {
            let _ = writeln!(out, "{responses}{{status=\"{status}\"}} {count}");
        }
        let tasks = self.tasks();
        let mut family = |name: &str, kind: &str, help: &str, value: &dyn Fn(&TaskStats) -> u64| {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for task in &tasks {
                let (connector, TopicPartition { topic, partition }) = (&task.connector, &task.at);
                let value = value(task);
                let _ = writeln!(
                    out,
                    "{name}{{connector=\"{connector}\",topic=\"{topic}\",partition=\"{partition}\"}} {value}"
                );
            }
        };
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        family("bridge_delivered_records_total", "counter", "Records the receiver took.", &|t| {
            of(&t.delivered)
        });
        family("bridge_deliveries_total", "counter", "Requests the receiver took.", &|t| of(&t.requests));
        family("bridge_delivery_retries_total", "counter", "Attempts after the first.", &|t| of(&t.retries));
        family(
            "bridge_skipped_records_total",
            "counter",
            "Records without a delivery (tombstones, errors).",
            &|t| of(&t.skipped),
        );
        family("bridge_task_failures_total", "counter", "Times the task failed.", &|t| of(&t.failures));
        family("bridge_task_failed", "gauge", "1 while the task is failed.", &|t| {
            u64::from(matches!(t.state(), TaskState::Failed(_)))
        });
        family("bridge_delivery_lag_records", "gauge", "Records not delivered yet.", &|t| {
            t.lag(log.end(&t.at))
        });
        out
    }
}

/// What a delivery task is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskState {
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
#[derive(Debug)]
pub struct TaskStats {
    /// The connector's name.
    pub connector: String,
    /// The partition.
    pub at: TopicPartition,
    delivered: AtomicU64,
    requests: AtomicU64,
    retries: AtomicU64,
    skipped: AtomicU64,
    failures: AtomicU64,
    /// The next record to handle; [`UNKNOWN`] until one was read.
    position: AtomicU64,
    state: Mutex<TaskState>,
}

/// A position that nobody has told: the log knows where a group goes on, and nothing was read from there yet.
const UNKNOWN: u64 = u64::MAX;

impl TaskStats {
    fn new(connector: &str, at: TopicPartition) -> Self {
        let zero = AtomicU64::default;
        Self {
            connector: connector.to_owned(),
            at,
            delivered: zero(),
            requests: zero(),
            retries: zero(),
            skipped: zero(),
            failures: zero(),
            position: AtomicU64::new(UNKNOWN),
            state: Mutex::new(TaskState::Running),
        }
    }

    /// A request with `records` was taken.
    pub fn delivered(&self, records: u64) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.delivered.fetch_add(records, Ordering::Relaxed);
    }

    /// Records that the receiver took.
    #[must_use]
    pub fn delivered_records(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Another attempt is made.
    pub fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// `records` are handled without a delivery.
    pub fn skipped(&self, records: u64) {
        self.skipped.fetch_add(records, Ordering::Relaxed);
    }

    /// Everything before `next` is handled.
    pub fn moved(&self, next: u64) {
        self.position.store(next, Ordering::Relaxed);
    }

    /// Enters `state`.
    pub fn enter(&self, state: TaskState) {
        match state {
            TaskState::Failed(_) => drop(self.failures.fetch_add(1, Ordering::Relaxed)),
            // Whoever delivers the partition now knows how far it is.
            TaskState::Stopped => self.moved(UNKNOWN),
            TaskState::Running | TaskState::Retrying(_) => {}
        }
        *lock(&self.state) = state;
    }

    /// What the task is doing.
    #[must_use]
    pub fn state(&self) -> TaskState {
        lock(&self.state).clone()
    }

    /// Records between the position and the partition's end. None as long as nothing was read: what waits is read at
    /// once, whether or not the receiver takes it.
    #[must_use]
    pub fn lag(&self, end: Option<u64>) -> u64 {
        end.unwrap_or(0).saturating_sub(self.position.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_told_by_who_delivers_the_partition_from_the_first_record_that_it_has_read() {
        let stats = Stats::default();
        let task = stats.task("c", &TopicPartition::new("t", 0));
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
