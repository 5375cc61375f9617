//! The names of all metrics and of their labels, so that two parts never spell one differently, and so that the table
//! in `docs/metrics.md` can be compared with them.
//!
//! Labels have few values: never an id, an address or a message.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values by size.
    Histogram,
}

impl Kind {
    /// As Prometheus names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Where a metric comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Every process.
    Process,
    /// Whatever calls a dependency: functions and workers.
    Calls,
    /// The functions.
    Functions,
    /// What connectors call: the scheduler function and the worker.
    Doors,
    /// The worker.
    Worker,
}

/// A metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Where it comes from.
    pub part: Part,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it counts or measures.
    pub unit: &'static str,
    /// What it says.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($id:ident = $kind:ident $name:literal, $part:ident, [$($label:ident),*], $unit:literal, $help:literal;)*) => {
        $(
            #[doc = concat!(stringify!($kind), ": ", $help)]
            pub const $id: &str = $name;
        )*

        /// All of them.
        pub const ALL: &[Metric] = &[$(Metric {
            name: $name, kind: Kind::$kind, part: Part::$part, labels: &[$($label),*], unit: $unit, help: $help,
        }),*];
    };
}

metrics! {
    BUILD_INFO = Gauge "minireipaz_build_info", Process, [VERSION], "-",
        "Always 1; the label says which version runs.";
    CALL_ATTEMPTS = Counter "minireipaz_call_attempts_total", Calls, [DESTINATION, OPERATION, OUTCOME], "attempts",
        "Attempts of calls to a dependency; the outcome is `success` or the kind of failure.";
    CALL_RETRIES = Counter "minireipaz_call_retries_total", Calls, [DESTINATION, OPERATION, FAILURE], "attempts",
        "Attempts that failed and were made again.";
    BREAKER_OPEN = Gauge "minireipaz_breaker_open", Calls, [DESTINATION], "0 or 1",
        "1 while the circuit breaker of a dependency is open or tried with one call.";
    BREAKER_OPENED = Counter "minireipaz_breaker_opened_total", Calls, [DESTINATION], "times",
        "Times that the circuit breaker of a dependency opened.";
    BREAKER_REJECTED = Counter "minireipaz_breaker_rejected_total", Calls, [DESTINATION], "calls",
        "Times that a call waited or gave up because the circuit breaker was open.";
    ALERTS = Counter "minireipaz_alerts_total", Calls, [DESTINATION, OPERATION, FAILURE], "alerts",
        "Error patterns that kept coming back; each is a warning in the log, too.";
    STORE_INSERTS = Counter "minireipaz_store_inserts_total", Calls, [], "inserts",
        "Inserts that were sent to ClickHouse, one a table.";
    STORE_UNREADABLE_ROWS = Counter "minireipaz_store_unreadable_rows_total", Calls, [], "rows",
        "Rows of ClickHouse that cannot be read, each counted once a process; the log says whose they are and why.";
    HTTP_REQUEST_SECONDS = Histogram "minireipaz_http_request_seconds", Functions, [ROUTE, METHOD, STATUS], "seconds",
        "Time until the answer to a request began; its `_count` is the number of requests.";
    BUS_RECORDS = Counter "minireipaz_bus_records_total", Functions, [TOPIC], "records",
        "Records that the bus took.";
    BUS_REQUESTS = Counter "minireipaz_bus_requests_total", Functions, [TOPIC], "requests",
        "Produce requests; against the records it tells how well publishes coalesce.";
    SCHEDULE_OCCURRENCES = Counter "minireipaz_schedule_occurrences_total", Functions, [OUTCOME], "occurrences",
        "Occurrences of schedules: `started`, their runs were asked for; `missed`, each time that some were and nobody makes up for them.";
    CONNECTOR_REFUSED = Counter "minireipaz_connector_refused_total", Doors, [CONSUMER, REASON], "requests",
        "Requests that were turned away for good: `secret_missing` and `secret_wrong` with 401, `too_large` with 413.";
    UNREADABLE_BODIES = Counter "minireipaz_unreadable_bodies_total", Doors, [CONSUMER], "requests",
        "Requests of connectors without a single readable event, at the door of the `worker` or the `scheduler`: a converter or the body's form is wrong.";
    WORKER_REQUEST_SECONDS = Histogram "minireipaz_worker_request_seconds", Worker, [STATUS], "seconds",
        "Time to answer a batch of tasks, which is after its commit; its `_count` is the number of batches.";
    WORKER_REFUSED = Counter "minireipaz_worker_refused_total", Worker, [STATUS], "requests",
        "Batches that were turned away.";
    WORKER_TASKS = Counter "minireipaz_worker_tasks_total", Worker, [OUTCOME], "tasks",
        "Tasks that were handed over: `accepted`, `duplicate`, `handed_over` (it belongs to another worker) or `dead_letter`.";
    WORKER_CONTROLS = Counter "minireipaz_worker_controls_total", Worker, [CONTROL, OUTCOME], "records",
        "What was wanted of runs, `cancel` or `resume`: `done`, `kept` (the run is brought into memory for it), `late` (it has ended, or does not wait for that signal), `unknown` (not known here, or ended long ago), `handed_over` (it belongs to another worker) or `refused` (too much of its tenant's waits; it is a dead letter).";
    WORKER_ACTIVE_RUNS = Gauge "minireipaz_worker_active_runs", Worker, [], "runs",
        "Runs in memory; waiting ones are in the journal only.";
    WORKER_RUN_BYTES = Gauge "minireipaz_worker_run_bytes", Worker, [], "bytes",
        "Memory that the data of the runs in memory takes, as it is estimated.";
    WORKER_RUNS_ASIDE = Gauge "minireipaz_worker_runs_aside", Worker, [], "runs",
        "Runs that left memory while a step waits for a place, since their tenant's runs take more than they may.";
    WORKER_RUNS_TO_BEGIN = Gauge "minireipaz_worker_runs_to_begin", Worker, [], "runs",
        "Runs that wait in the journal until there is room for them to begin.";
    WORKER_RUNS_TO_BEGIN_BYTES = Gauge "minireipaz_worker_runs_to_begin_bytes", Worker, [], "bytes",
        "Bytes of the journal that those runs take.";
    WORKER_RUNS_FINISHED = Counter "minireipaz_worker_runs_finished_total", Worker, [OUTCOME], "runs",
        "Runs that ended, by their status.";
    WORKER_RUN_SECONDS = Histogram "minireipaz_worker_run_seconds", Worker, [OUTCOME], "seconds",
        "Time from a run's acceptance by a function to its end.";
    WORKER_ERROR_WORKFLOWS = Counter "minireipaz_worker_error_workflows_total", Worker, [OUTCOME], "runs",
        "Runs of error workflows: `started`, or `not_started` since the workflow is not there or cannot run; the log says why.";
    WORKER_BROKEN_RUNS = Counter "minireipaz_worker_broken_runs_total", Worker, [OUTCOME], "runs",
        "Runs over which the worker's own code panicked, which is a bug of it: they `failed`, or were `put_aside` as dead letters where even that panicked.";
    WORKER_ALERTS = Counter "minireipaz_worker_alerts_total", Worker, [OUTCOME], "alerts",
        "Alerts about errors that keep coming back in workflows: `raised`; and of what the webhook is told, `announced` or `not_announced`; the log says why.";
    WORKER_STEPS = Counter "minireipaz_worker_steps_total", Worker, [OUTCOME], "attempts",
        "Attempts of steps that came to an end: `succeeded` or `failed`.";
    WORKER_STEP_SECONDS = Histogram "minireipaz_worker_step_seconds", Worker, [NODE_KIND, OUTCOME], "seconds",
        "Time that an attempt of a step took, without waiting for a place.";
    WORKER_STEP_RETRIES = Counter "minireipaz_worker_step_retries_total", Worker, [NODE_KIND], "attempts",
        "Attempts of steps that failed and will be made again.";
    WORKER_RUNNING_STEPS = Gauge "minireipaz_worker_running_steps", Worker, [], "steps",
        "Steps with a call or a long computation under way.";
    WORKER_QUEUED_RUNS = Gauge "minireipaz_worker_queued_runs", Worker, [], "runs",
        "Runs with a step that waits for a place.";
    WORKER_JAVASCRIPT_ENDED = Counter "minireipaz_worker_javascript_ended_total", Worker, [], "processes",
        "Processes for JavaScript that did not stop, gave no answer or broke, and were ended.";
    WORKER_HTTP_CALLS = Counter "minireipaz_worker_http_calls_total", Worker, [STATUS], "calls",
        "Calls of `http_request` steps by the answer's status; `none` when there was no whole answer.";
    WORKER_FILES_SWEPT = Counter "minireipaz_worker_files_swept_total", Worker, [], "files",
        "Files that were deleted because they were older than files are kept.";
    WORKER_HOST_BREAKERS_OPENED = Counter "minireipaz_worker_host_breakers_opened_total", Worker, [], "times",
        "Times that the circuit breaker of a host that steps call opened; the log names the host.";
    WORKER_CREDENTIAL_RENEWALS = Counter "minireipaz_worker_credential_renewals_total", Worker, [OUTCOME], "requests",
        "Requests of this worker for the next tokens of a credential (OAuth 2.0): `renewed`, `refused` (somebody has to agree again) or `failed`.";
    WORKER_READS = Counter "minireipaz_worker_reads_total", Worker, [OUTCOME], "requests",
        "Requests for runs: `answered`, `unknown` (the store is to be asked), `asked_elsewhere` (it belongs to another worker) or `refused`.";
    WORKER_WAITERS = Gauge "minireipaz_worker_waiters", Worker, [], "requests",
        "Requests that wait for runs.";
    JOURNAL_BYTES = Gauge "minireipaz_journal_bytes", Worker, [], "bytes",
        "Size of the journal's file.";
    JOURNAL_COMMITS = Counter "minireipaz_journal_commits_total", Worker, [], "commits",
        "Transactions of the journal, each with one fsync.";
    JOURNAL_COMMIT_SECONDS = Histogram "minireipaz_journal_commit_seconds", Worker, [], "seconds",
        "Time that a commit took.";
    JOURNAL_FAILURES = Counter "minireipaz_journal_failures_total", Worker, [], "commits",
        "Commits that failed: the disk is full or broken, and nothing is accepted.";
    JOURNAL_UNREADABLE_ROWS = Counter "minireipaz_journal_unreadable_rows_total", Worker, [], "rows",
        "Rows of the journal that cannot be read, and are set aside as dead letters; a run that they are of fails.";
    WORKER_BACKLOG_ROWS = Gauge "minireipaz_worker_backlog_rows", Worker, [], "rows",
        "Rows of the journal's outbox that the store has not confirmed.";
    WORKER_BACKLOG_BYTES = Gauge "minireipaz_worker_backlog_bytes", Worker, [], "bytes",
        "Bytes of those rows.";
    WORKER_HANDOFF_ROWS = Gauge "minireipaz_worker_handoff_rows", Worker, [], "tasks",
        "Tasks of other workers that these do not have yet.";
    WORKER_HANDOFF_FAILURES = Counter "minireipaz_worker_handoff_failures_total", Worker, [], "requests",
        "Requests to other workers that these did not answer with success.";
    RUNS_RECORDED = Counter "minireipaz_runs_recorded_total", Worker, [], "runs",
        "Runs whose end the store has confirmed.";
    WORKER_RECORD_FAILURES = Counter "minireipaz_worker_record_failures_total", Worker, [], "calls",
        "Calls of the recorder that the store did not confirm.";
}

/// Label: the dependency that was called, such as `kafka_rest`.
pub const DESTINATION: &str = "destination";
/// Label: what is wanted of a run: `cancel` or `resume`.
pub const CONTROL: &str = "control";
/// Label: the topic.
pub const TOPIC: &str = "topic";
/// Label: what was asked of it, such as `produce`.
pub const OPERATION: &str = "operation";
/// Label: `success`, or the kind of failure.
pub const OUTCOME: &str = "outcome";
/// Label: the kind of failure, as [`domain::retry::Failure::as_str`] names it.
pub const FAILURE: &str = "failure";
/// Label: the route as it is declared, ids as placeholders.
pub const ROUTE: &str = "route";
/// Label: the HTTP method.
pub const METHOD: &str = "method";
/// Label: at whose door: `worker` or `scheduler`.
pub const CONSUMER: &str = "consumer";
/// Label: the HTTP status.
pub const STATUS: &str = "status";
/// Label: the node's kind, such as `http_request`.
pub const NODE_KIND: &str = "kind";
/// Label: why a request was turned away.
pub const REASON: &str = "reason";
/// Label: the version that runs.
pub const VERSION: &str = "version";
