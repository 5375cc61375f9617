//! Counters and states, for `/metrics` and `/healthz`. Every counter is registered once and kept: counting costs no
//! look-up and no allocation on the hot path.

mod exporter;
mod task;

use std::sync::{Arc, Mutex, OnceLock};

use http::StatusCode;
use metrics::Counter;

use self::exporter::{Exporter, Metric, label};
pub(crate) use self::task::{TaskState, TaskStats};
use crate::{
    lock::lock,
    log::{Log, TopicPartition},
};

const REQUESTS: Metric = Metric { name: "bridge_produce_requests_total", help: "Produce requests." };
const RECORDS: Metric =
    Metric { name: "bridge_produced_records_total", help: "Records that the log has stored." };
const BYTES: Metric =
    Metric { name: "bridge_produced_bytes_total", help: "Bytes of records that the log has stored." };
const REFUSED: Metric =
    Metric { name: "bridge_refused_records_total", help: "Records that the log refused." };
const RESPONSES: Metric = Metric { name: "bridge_http_responses_total", help: "Answers by HTTP status." };

/// The lowest and the highest status that there can be.
const STATUSES: std::ops::RangeInclusive<u16> = 100..=999;

/// Everything that one bridge counts.
pub(crate) struct Stats {
    exporter: Exporter,
    requests: Counter,
    records: Counter,
    bytes: Counter,
    refused: Counter,
    /// Answers, a place for every status; registered with the first answer that has it.
    responses: Box<[OnceLock<Counter>]>,
    tasks: Mutex<Vec<Arc<TaskStats>>>,
}

impl Stats {
    pub(crate) fn new() -> Self {
        let exporter = Exporter::new();
        Self {
            requests: exporter.counter(REQUESTS, &[]),
            records: exporter.counter(RECORDS, &[]),
            bytes: exporter.counter(BYTES, &[]),
            refused: exporter.counter(REFUSED, &[]),
            responses: STATUSES.map(|_| OnceLock::new()).collect(),
            tasks: Mutex::default(),
            exporter,
        }
    }

    /// Counts a produce request.
    pub(crate) fn request(&self) {
        self.requests.increment(1);
    }

    /// Counts an answer of the front.
    pub(crate) fn answered(&self, status: StatusCode) {
        let place = usize::from(status.as_u16() - STATUSES.start());
        let Some(counter) = self.responses.get(place) else { return };
        let register = || self.exporter.counter(RESPONSES, &[label("status", status.as_str())]);
        counter.get_or_init(register).increment(1);
    }

    /// Counts records that were stored, their bytes, and records that were refused by the log.
    pub(crate) fn appended(&self, records: u64, bytes: u64, refused: u64) {
        self.records.increment(records);
        self.bytes.increment(bytes);
        self.refused.increment(refused);
    }

    /// The place where a delivery task counts; the same one when the partition comes back.
    pub(crate) fn task(&self, connector: &str, at: &TopicPartition) -> Arc<TaskStats> {
        let mut tasks = lock(&self.tasks);
        if let Some(task) = tasks.iter().find(|task| task.connector == connector && task.at == *at) {
            return task.clone();
        }
        let task = Arc::new(TaskStats::new(connector, at.clone(), &self.exporter));
        tasks.push(task.clone());
        task
    }

    /// All delivery tasks.
    pub(crate) fn tasks(&self) -> Vec<Arc<TaskStats>> {
        lock(&self.tasks).clone()
    }

    /// Prometheus' text form.
    pub(crate) fn render(&self, log: &dyn Log) -> String {
        for task in self.tasks() {
            task.measure_lag(log.end(&task.at));
        }
        self.exporter.render()
    }
}
