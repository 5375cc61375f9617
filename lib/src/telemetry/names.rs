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
