//! The names of all metrics and of their labels, so that two parts never spell one differently.
//!
//! Labels have few values: never an id, an address or a message.

/// Counter: attempts of outward calls, by [`DESTINATION`], [`OPERATION`] and [`OUTCOME`].
pub const CALL_ATTEMPTS: &str = "minireipaz_call_attempts_total";
/// Counter: attempts that were made again, by [`DESTINATION`], [`OPERATION`] and [`FAILURE`].
pub const CALL_RETRIES: &str = "minireipaz_call_retries_total";
/// Counter: times that a destination's breaker opened, by [`DESTINATION`].
pub const BREAKER_OPENED: &str = "minireipaz_breaker_opened_total";
/// Counter: times that a call waited or gave up because the breaker was open, by [`DESTINATION`].
pub const BREAKER_REJECTED: &str = "minireipaz_breaker_rejected_total";
/// Counter: error patterns that kept coming back, by [`DESTINATION`], [`OPERATION`] and [`FAILURE`].
pub const ALERTS: &str = "minireipaz_alerts_total";

/// Histogram: seconds that a request to the API took until its answer began, by [`ROUTE`], [`METHOD`] and [`STATUS`].
pub const HTTP_REQUEST_SECONDS: &str = "minireipaz_http_request_seconds";

/// Counter: transactions that the worker's journal committed, each with one fsync.
pub const JOURNAL_COMMITS: &str = "minireipaz_journal_commits_total";
/// Counter: inserts that the store sent to `ClickHouse`, one a table.
pub const STORE_INSERTS: &str = "minireipaz_store_inserts_total";
/// Counter: runs whose end the recorder has seen confirmed by the store.
pub const RUNS_RECORDED: &str = "minireipaz_runs_recorded_total";

/// Counter: records that the bus took, by [`TOPIC`].
pub const BUS_RECORDS: &str = "minireipaz_bus_records_total";
/// Counter: produce requests, by [`TOPIC`]. Against [`BUS_RECORDS`] it tells how well publishes coalesce.
pub const BUS_REQUESTS: &str = "minireipaz_bus_requests_total";

/// Counter: tasks that the worker was handed, by [`OUTCOME`]: `accepted`, `duplicate`, `handed_over` (it belongs to
/// another worker) or `dead_letter`.
pub const WORKER_TASKS: &str = "minireipaz_worker_tasks_total";
/// Counter: requests that the worker's ingest turned away, by [`OUTCOME`]: the status.
pub const WORKER_REFUSED: &str = "minireipaz_worker_refused_total";
/// Counter: runs that ended in the worker, by [`OUTCOME`]: the run's status.
pub const WORKER_RUNS_FINISHED: &str = "minireipaz_worker_runs_finished_total";
/// Counter: attempts of steps that came to an end, by [`OUTCOME`].
pub const WORKER_STEPS: &str = "minireipaz_worker_steps_total";
/// Gauge: runs in the worker's memory.
pub const WORKER_ACTIVE_RUNS: &str = "minireipaz_worker_active_runs";
/// Gauge: steps with a call or a computation under way.
pub const WORKER_RUNNING_STEPS: &str = "minireipaz_worker_running_steps";
/// Gauge: steps that wait for a place.
pub const WORKER_QUEUED_STEPS: &str = "minireipaz_worker_queued_steps";
/// Gauge: rows of the journal's outbox that the store has not confirmed.
pub const WORKER_BACKLOG_ROWS: &str = "minireipaz_worker_backlog_rows";
/// Gauge: tasks of other workers that these do not have yet.
pub const WORKER_HANDOFF_ROWS: &str = "minireipaz_worker_handoff_rows";
/// Counter: requests to other workers that these did not answer with success.
pub const WORKER_HANDOFF_FAILURES: &str = "minireipaz_worker_handoff_failures_total";
/// Counter: calls of the recorder that the store did not confirm.
pub const WORKER_RECORD_FAILURES: &str = "minireipaz_worker_record_failures_total";
/// Counter: commits of the journal that failed.
pub const JOURNAL_FAILURES: &str = "minireipaz_journal_failures_total";
/// Histogram: seconds that a commit of the journal took.
pub const JOURNAL_COMMIT_SECONDS: &str = "minireipaz_journal_commit_seconds";

/// Label: the dependency that was called, such as `kafka_rest`.
pub const DESTINATION: &str = "destination";
/// Label: the topic.
pub const TOPIC: &str = "topic";
/// Label: what was asked of it, such as `produce`.
pub const OPERATION: &str = "operation";
/// Label: `success`, or the kind of failure.
pub const OUTCOME: &str = "outcome";
/// Label: the kind of failure, as [`crate::domain::retry::Failure::as_str`] names it.
pub const FAILURE: &str = "failure";
/// Label: the route as it is declared, ids as placeholders.
pub const ROUTE: &str = "route";
/// Label: the HTTP method.
pub const METHOD: &str = "method";
/// Label: the HTTP status.
pub const STATUS: &str = "status";
