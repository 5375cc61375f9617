-- One table for a run, its steps and its entry in the list of its workflow's runs, a row each. An insert costs the
-- server a fixed 3 to 4 ms of CPU whatever is in it (measured: 1 row 3.6, 12 rows 4.9, one more table 4.1 more), and
-- every run is recorded at least twice; so one insert into one table, where V1 had two side by side. It also makes
-- the list and the run agree at every moment.
--
-- `scope` and `place` say what a row is:
--   scope = a run's id       place = ''          the run
--   scope = a run's id       place = a node's id a step of it
--   scope = a workflow's id  place = `created_at` in milliseconds (12 hexadecimal digits) and the run's id (32)
--                                                the run's entry in the list, without payloads
-- So a run with its steps is one range of the key, and a page of a list is a short read within another one.
--
-- The tables of V1 stay for programs of before, which go on writing to them while the new ones start; what they
-- write is taken over by the two views. Order of an update: migrate, functions, workers.

CREATE TABLE IF NOT EXISTS run_facts
(
    tenant           String,
    scope            UUID,
    place            String,
    version          UInt64,
    status           LowCardinality(String),
    output           String CODEC(ZSTD(1)),
    error            String CODEC(ZSTD(1)),
    started_at       Nullable(DateTime64(3, 'UTC')),
    finished_at      Nullable(DateTime64(3, 'UTC')),
    -- of the run and of its entry
    workflow_id      UUID,
    workflow_version UInt32,
    trigger          String CODEC(ZSTD(1)),
    input            String CODEC(ZSTD(1)),
    created_at       DateTime64(3, 'UTC'),
    -- of a step
    ordinal          UInt32,
    kind             LowCardinality(String),
    attempts         UInt32,
    recorded_at      DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, scope, place)
TTL toDateTime(recorded_at) + INTERVAL 30 DAY
SETTINGS index_granularity = 256, index_granularity_bytes = 131072;

CREATE MATERIALIZED VIEW IF NOT EXISTS run_facts_from_runs TO run_facts AS
SELECT tenant, run_id AS scope, node_id AS place, version, status, output, error, started_at, finished_at,
       workflow_id, workflow_version, trigger, input, created_at, ordinal, kind, attempts, recorded_at
FROM runs;

CREATE MATERIALIZED VIEW IF NOT EXISTS run_facts_from_lists TO run_facts AS
SELECT tenant, workflow_id AS scope,
       lower(concat(leftPad(hex(toUnixTimestamp64Milli(created_at)), 12, '0'), replaceAll(toString(run_id), '-', ''))) AS place,
       version, status, started_at, finished_at, workflow_id, workflow_version, trigger, created_at, recorded_at
FROM runs_by_workflow;

-- What was there before; a row that comes twice is one.
INSERT INTO run_facts
    (tenant, scope, place, version, status, output, error, started_at, finished_at,
     workflow_id, workflow_version, trigger, input, created_at, ordinal, kind, attempts, recorded_at)
SELECT tenant, run_id, node_id, version, status, output, error, started_at, finished_at,
       workflow_id, workflow_version, trigger, input, created_at, ordinal, kind, attempts, recorded_at
FROM runs;

INSERT INTO run_facts
    (tenant, scope, place, version, status, started_at, finished_at,
     workflow_id, workflow_version, trigger, created_at, recorded_at)
SELECT tenant, workflow_id,
       lower(concat(leftPad(hex(toUnixTimestamp64Milli(created_at)), 12, '0'), replaceAll(toString(run_id), '-', ''))),
       version, status, started_at, finished_at, workflow_id, workflow_version, trigger, created_at, recorded_at
FROM runs_by_workflow;

-- For people who look for steps.
CREATE OR REPLACE VIEW steps AS
SELECT tenant, scope AS run_id, place AS node_id, kind, status, attempts, started_at, finished_at, output, error,
       ordinal, version
FROM run_facts FINAL
WHERE kind != '';
