-- Statistics, alerts, heartbeats of workers, and what was done with dead letters.

-- A run that has ended, without payloads: what statistics are made of. Filled from the run's own rows, as often as these
-- come: the same row again, and the end of an older attempt, are replaced under the same key, since a run is accepted
-- once. (A sum that is kept by a materialized view would count each of them.) Test runs are left out.
--
-- The key begins with what every question names: a tenant and hours. `hour` is that of the run's acceptance.
-- `error_key` is JSON: the code, the node, the HTTP status and the host of the error; empty without an error.
CREATE TABLE IF NOT EXISTS run_end_rows
(
    tenant       String,
    hour         DateTime('UTC'),
    workflow_id  UUID,
    run_id       UUID,
    version      UInt64,
    status       LowCardinality(String),
    trigger_kind LowCardinality(String),
    created_at   DateTime64(3, 'UTC'),
    finished_at  DateTime64(3, 'UTC'),
    -- From when a worker began it; both are 0 of a run that none has begun.
    began        UInt8,
    took_ms      UInt64,
    error_key    String,
    recorded_at  DateTime('UTC') DEFAULT now(),
    INDEX by_recording recorded_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, hour, workflow_id, run_id)
TTL hour + INTERVAL 100 DAY
SETTINGS merge_with_ttl_timeout = 86400;

CREATE MATERIALIZED VIEW IF NOT EXISTS run_end_rows_from_run_rows TO run_end_rows AS
SELECT
    tenant,
    toStartOfHour(toDateTime(created_at, 'UTC')) AS hour,
    workflow_id,
    owner_id AS run_id,
    version,
    status,
    JSONExtractString(trigger, 'kind') AS trigger_kind,
    created_at,
    finished_at,
    toUInt8(started_at > toDateTime64(0, 3, 'UTC')) AS began,
    if(began = 1, toUInt64(greatest(dateDiff('millisecond', started_at, finished_at), 0)), 0) AS took_ms,
    if(error = '', '', concat('[', toJSONString(JSONExtractString(error, 'code')), ',',
        toJSONString(JSONExtractString(error, 'node_id')), ',',
        toString(toUInt16(JSONExtractUInt(error, 'details', 'status'))), ',',
        toJSONString(JSONExtractString(error, 'details', 'host')), ']')) AS error_key,
    toDateTime(now(), 'UTC') AS recorded_at
FROM run_rows
WHERE place = '' AND status IN ('succeeded', 'failed', 'cancelled', 'timed_out') AND trigger_kind != 'test';

-- The same by hour and workflow, so that a question reads a row an hour and workflow instead of one a run. The server
-- computes hours anew of which something has been recorded since the last time, from all of their runs, and replaces
-- them: so what comes twice or late changes nothing that it should not. Hours that have lost runs to their retention are
-- left as they are. Whoever asks reads the newest hours from `run_end_rows`.
--
-- `error_keys` and `error_counts`: the 100 errors that ended most of the hour's runs.
CREATE TABLE IF NOT EXISTS run_hour_rows
(
    tenant       String,
    hour         DateTime('UTC'),
    workflow_id  UUID,
    succeeded    UInt64,
    failed       UInt64,
    cancelled    UInt64,
    timed_out    UInt64,
    began        UInt64,
    took         AggregateFunction(quantilesTDigestIf(0.5, 0.95, 0.99), UInt64, UInt8),
    error_keys   Array(String),
    error_counts Array(UInt64),
    computed_at  DateTime('UTC')
)
ENGINE = ReplacingMergeTree(computed_at)
ORDER BY (tenant, hour, workflow_id)
TTL hour + INTERVAL 400 DAY
SETTINGS index_granularity = 1024, merge_with_ttl_timeout = 86400;

CREATE MATERIALIZED VIEW IF NOT EXISTS run_hour_rows_from_run_end_rows
REFRESH EVERY 1 HOUR APPEND TO run_hour_rows EMPTY AS
WITH
    -- Ten minutes are more than clocks of servers differ, and an insert takes.
    (SELECT toDateTime(greatest(toUnixTimestamp(max(computed_at)), 600) - 600, 'UTC') FROM run_hour_rows) AS since,
    toDateTime(now(), 'UTC') AS this
SELECT
    tenant,
    hour,
    workflow_id,
    sum(succeeded) AS succeeded,
    sum(failed) AS failed,
    sum(cancelled) AS cancelled,
    sum(timed_out) AS timed_out,
    sum(began) AS began,
    quantilesTDigestIfMergeState(0.5, 0.95, 0.99)(took) AS took,
    arrayMap(pair -> pair.1, arraySlice(arrayReverseSort(pair -> pair.2, groupArrayIf((error_key, runs), error_key != '')), 1, 100)) AS error_keys,
    arrayMap(pair -> pair.2, arraySlice(arrayReverseSort(pair -> pair.2, groupArrayIf((error_key, runs), error_key != '')), 1, 100)) AS error_counts,
    this AS computed_at
FROM
(
    SELECT
        tenant,
        hour,
        workflow_id,
        error_key,
        count() AS runs,
        countIf(status = 'succeeded') AS succeeded,
        countIf(status = 'failed') AS failed,
        countIf(status = 'cancelled') AS cancelled,
        countIf(status = 'timed_out') AS timed_out,
        sum(toUInt64(run_end_rows.began)) AS began,
        quantilesTDigestIfState(0.5, 0.95, 0.99)(took_ms, run_end_rows.began) AS took
    FROM run_end_rows FINAL
    WHERE hour < toStartOfHour(this) AND hour > this - INTERVAL 98 DAY
        -- From pairs alone the index takes only one column.
        AND tenant IN (SELECT DISTINCT tenant FROM run_end_rows WHERE recorded_at >= since)
        AND hour IN (SELECT DISTINCT hour FROM run_end_rows WHERE recorded_at >= since)
        AND (tenant, hour) IN (SELECT DISTINCT tenant, hour FROM run_end_rows WHERE recorded_at >= since)
    GROUP BY tenant, hour, workflow_id, error_key
)
GROUP BY tenant, hour, workflow_id;

-- What each worker has said of itself last. No tenant's: a worker works for all of them. `topics` and `breakers` are JSON.
CREATE TABLE IF NOT EXISTS heartbeat_rows
(
    worker         String,
    at             DateTime64(3, 'UTC'),
    started_at     DateTime64(3, 'UTC'),
    program        String,
    active_runs    UInt64,
    backlog_rows   UInt64,
    backlog_bytes  UInt64,
    unrecorded_ms  UInt64,
    topics         String,
    breakers       String,
    recorded_at    DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree(at)
ORDER BY worker
TTL recorded_at + INTERVAL 30 DAY;

CREATE VIEW IF NOT EXISTS workers AS
SELECT worker, at AS seen_at, started_at, program, active_runs, backlog_rows, backlog_bytes, unrecorded_ms, topics, breakers
FROM heartbeat_rows FINAL;

-- What each worker's process (`reporter`) has seen of an alert; all of them together are the alert. Each replaces its own
-- row alone, so two workers that see the same error neither count for each other nor hide each other.
CREATE TABLE IF NOT EXISTS alert_rows
(
    tenant       String,
    alert_id     UUID,
    reporter     UUID,
    last_seen_at DateTime64(3, 'UTC'),
    -- Rises with every report of a reporter.
    version      UInt64,
    pattern_id   UUID,
    workflow_id  UUID,
    node_id      String,
    code         String,
    http_status  UInt32,
    host         String,
    message      String CODEC(ZSTD(1)),
    raised_at    DateTime64(3, 'UTC'),
    count        UInt64,
    calm_ms      UInt64,
    announced_at DateTime64(3, 'UTC'),
    recorded_at  DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, alert_id, reporter)
TTL recorded_at + INTERVAL 90 DAY;

-- Who knows of an alert: the first who said so.
CREATE TABLE IF NOT EXISTS alert_acknowledgement_rows
(
    tenant   String,
    alert_id UUID,
    by       String,
    at       DateTime64(3, 'UTC'),
    recorded_at DateTime('UTC') DEFAULT now()
)
ENGINE = MergeTree
ORDER BY (tenant, alert_id)
TTL recorded_at + INTERVAL 120 DAY;

CREATE VIEW IF NOT EXISTS alerts AS
SELECT
    tenant,
    alert_id,
    workflow_id,
    nullIf(node_id, '') AS node_id,
    code,
    nullIf(http_status, 0) AS http_status,
    nullIf(host, '') AS host,
    message,
    raised_at,
    seen_at AS last_seen_at,
    occurrences AS count,
    if(calm_at < now64(3), calm_at, NULL) AS cleared_at,
    nullIf(told_at, toDateTime64(0, 3, 'UTC')) AS announced_at,
    if(known_at = toDateTime64(0, 3, 'UTC'), NULL, known_at) AS acknowledged_at,
    nullIf(known_by, '') AS acknowledged_by
FROM
(
    SELECT
        tenant,
        alert_id,
        any(reports.workflow_id) AS workflow_id,
        any(reports.node_id) AS node_id,
        any(reports.code) AS code,
        any(reports.http_status) AS http_status,
        any(reports.host) AS host,
        argMax(reports.message, reports.last_seen_at) AS message,
        min(reports.raised_at) AS raised_at,
        max(reports.last_seen_at) AS seen_at,
        sum(reports.count) AS occurrences,
        max(reports.last_seen_at + toIntervalMillisecond(reports.calm_ms)) AS calm_at,
        max(reports.announced_at) AS told_at
    FROM alert_rows AS reports FINAL
    GROUP BY tenant, alert_id
) AS seen
LEFT JOIN
(
    SELECT tenant, alert_id, min(at) AS known_at, argMin(by, at) AS known_by
    FROM alert_acknowledgement_rows
    GROUP BY tenant, alert_id
) AS known USING (tenant, alert_id);

-- A dead letter's name. It follows from the letter.
ALTER TABLE dead_letter_rows ADD COLUMN IF NOT EXISTS letter_id UUID;

-- What somebody has done with a dead letter: `sent_again` or `dismissed`.
CREATE TABLE IF NOT EXISTS dead_letter_handling_rows
(
    tenant    String,
    letter_id UUID,
    handling  String,
    by        String,
    at        DateTime64(3, 'UTC'),
    recorded_at DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree(at)
ORDER BY (tenant, letter_id)
TTL recorded_at + INTERVAL 120 DAY;

CREATE OR REPLACE VIEW dead_letters AS
SELECT
    letters.tenant AS tenant,
    letters.letter_id AS letter_id,
    letters.at AS at,
    consumer,
    reason,
    record,
    nullIf(handled.handling, '') AS handling
FROM dead_letter_rows AS letters FINAL
LEFT JOIN dead_letter_handling_rows AS handled FINAL ON handled.tenant = letters.tenant AND handled.letter_id = letters.letter_id;
