-- Rules for every migration: forward only, and each statement may run twice (IF NOT EXISTS), since two processes
-- may migrate at once. Never change a file that has been released; add the next one.
--
-- Every table that can receive a row twice is a ReplacingMergeTree with an explicit version: the highest wins,
-- whatever the order of arrival. `version` of runs and steps is attempt * 2^32 + revision, so a late row of an older
-- attempt never hides a newer one.
--
-- Ids are UUID: half the size of text in keys and caches. ClickHouse orders that type by its second half, so inside
-- a key it is good for finding a row, not for its age; where the order counts the key has toUInt128(id).
--
-- Small granules (256 rows, at most 128 KiB) since rows carry JSON and most reads want one of them.

CREATE TABLE IF NOT EXISTS workflows
(
    tenant      String,
    id          UUID,
    version     UInt32,
    deleted     UInt8,
    name        String CODEC(ZSTD(1)),
    active      UInt8,
    document    String CODEC(ZSTD(3)),
    created_at  DateTime64(3, 'UTC'),
    updated_at  DateTime64(3, 'UTC'),
    recorded_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, id)
SETTINGS index_granularity = 256, index_granularity_bytes = 131072;

-- All versions, for the runs that name them. Filled from `workflows`, so that one insert is both.
CREATE TABLE IF NOT EXISTS workflow_versions
(
    tenant      String,
    workflow_id UUID,
    version     UInt32,
    name        String CODEC(ZSTD(1)),
    active      UInt8,
    document    String CODEC(ZSTD(3)),
    created_at  DateTime64(3, 'UTC'),
    updated_at  DateTime64(3, 'UTC'),
    recorded_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(recorded_at)
ORDER BY (tenant, workflow_id, version)
SETTINGS index_granularity = 256, index_granularity_bytes = 131072;

CREATE MATERIALIZED VIEW IF NOT EXISTS workflow_versions_from_workflows TO workflow_versions AS
SELECT tenant, id AS workflow_id, version, name, active, document, created_at, updated_at, recorded_at
FROM workflows
WHERE deleted = 0;

-- Retention counts from the last change, so that a run that waits for months is not lost while it waits.
CREATE TABLE IF NOT EXISTS runs
(
    tenant           String,
    id               UUID,
    version          UInt64,
    workflow_id      UUID,
    workflow_version UInt32,
    status           LowCardinality(String),
    trigger          String CODEC(ZSTD(1)),
    input            String CODEC(ZSTD(1)),
    output           String CODEC(ZSTD(1)),
    error            String CODEC(ZSTD(1)),
    created_at       DateTime64(3, 'UTC'),
    started_at       Nullable(DateTime64(3, 'UTC')),
    finished_at      Nullable(DateTime64(3, 'UTC')),
    recorded_at      DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, id)
TTL toDateTime(recorded_at) + INTERVAL 30 DAY
SETTINGS index_granularity = 256, index_granularity_bytes = 131072;

-- The list of a workflow's runs: without JSON payloads, in the order of the list, so that a page is a short read at
-- the end of a range. A view fills it, so that no writer can forget it and an insert stays one round trip.
CREATE TABLE IF NOT EXISTS runs_by_workflow
(
    tenant           String,
    workflow_id      UUID,
    created_at       DateTime64(3, 'UTC'),
    id               UUID,
    version          UInt64,
    workflow_version UInt32,
    status           LowCardinality(String),
    trigger          String CODEC(ZSTD(1)),
    started_at       Nullable(DateTime64(3, 'UTC')),
    finished_at      Nullable(DateTime64(3, 'UTC')),
    recorded_at      DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, workflow_id, created_at, toUInt128(id))
TTL toDateTime(recorded_at) + INTERVAL 30 DAY
SETTINGS index_granularity = 256;

CREATE MATERIALIZED VIEW IF NOT EXISTS runs_by_workflow_from_runs TO runs_by_workflow AS
SELECT tenant, workflow_id, created_at, id, version, workflow_version, status, trigger, started_at, finished_at,
       recorded_at
FROM runs;

CREATE TABLE IF NOT EXISTS steps
(
    tenant      String,
    run_id      UUID,
    node_id     String,
    version     UInt64,
    ordinal     UInt32,
    kind        LowCardinality(String),
    status      LowCardinality(String),
    attempts    UInt32,
    output      String CODEC(ZSTD(1)),
    error       String CODEC(ZSTD(1)),
    started_at  Nullable(DateTime64(3, 'UTC')),
    finished_at Nullable(DateTime64(3, 'UTC')),
    recorded_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(version)
PRIMARY KEY (tenant, run_id)
ORDER BY (tenant, run_id, node_id)
TTL toDateTime(recorded_at) + INTERVAL 30 DAY
SETTINGS index_granularity = 256, index_granularity_bytes = 131072;

-- The same record refused twice at the same moment is one row: an insert that is tried again adds nothing.
CREATE TABLE IF NOT EXISTS dead_letters
(
    tenant   String,
    at       DateTime64(3, 'UTC'),
    consumer LowCardinality(String),
    reason   String CODEC(ZSTD(1)),
    record   String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, at, consumer, cityHash64(record))
TTL toDateTime(at) + INTERVAL 90 DAY
SETTINGS index_granularity = 256, index_granularity_bytes = 131072;
