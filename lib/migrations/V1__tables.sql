-- Rules for every migration: forward only, and each statement may run twice (IF NOT EXISTS), since two processes
-- may migrate at once. Never change a file that has been released; add the next one.
--
-- For people who ask in SQL there are the views: `workflows`, `workflow_versions`, `runs`, `steps`, `dead_letters`.
-- They show each thing once, in its newest state, with nothing (NULL) where there is nothing. Name the tenant in every
-- question, and the run or the workflow where you know it: those are the keys.
--
-- Tables whose names end in `_rows` are storage: a row may be there several times until the server has merged it.
-- All that can receive a row twice are ReplacingMergeTrees with an explicit version: the highest wins, whatever the
-- order of arrival. `version` of runs and steps is attempt * 2^32 + revision, so a late row of an older attempt never
-- hides a newer one.
--
-- Ids are UUID: half the size of text in keys and caches. ClickHouse orders that type by its second half, so inside
-- a key it is good for finding a row, not for its age.
--
-- Small granules (256 rows, at most 128 KiB) since rows carry JSON and most reads want one of them. Columns of small
-- inserts are counted: each costs an insert about 0.1 ms of CPU, `Nullable`, `LowCardinality` and ZSTD half as much
-- again. So no moment is the epoch, no JSON is the empty text, and only payloads are worth ZSTD.

-- The newest version of every workflow, or its deletion.
CREATE TABLE IF NOT EXISTS workflow_rows
(
    tenant      String,
    workflow_id UUID,
    version     UInt32,
    deleted     Bool,
    name        String,
    active      Bool,
    document    String CODEC(ZSTD(3)),
    created_at  DateTime64(3, 'UTC'),
    updated_at  DateTime64(3, 'UTC'),
    recorded_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, workflow_id)
SETTINGS index_granularity = 256, index_granularity_bytes = 131072;

CREATE VIEW IF NOT EXISTS workflows AS
SELECT tenant, workflow_id, version, name, active, created_at, updated_at, document
FROM workflow_rows FINAL
WHERE NOT deleted;

-- Every version that was ever saved, for the runs that name it: `workflow_rows` forgets the older ones. Filled from
-- there, so that one insert is both; saves are rare, and lists of workflows stay as short as they are many (with 50
-- versions of each in one table a list took three times as long).
CREATE TABLE IF NOT EXISTS workflow_version_rows
(
    tenant      String,
    workflow_id UUID,
    version     UInt32,
    name        String,
    active      Bool,
    document    String CODEC(ZSTD(3)),
    created_at  DateTime64(3, 'UTC'),
    updated_at  DateTime64(3, 'UTC'),
    recorded_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(recorded_at)
ORDER BY (tenant, workflow_id, version)
SETTINGS index_granularity = 256, index_granularity_bytes = 131072;

CREATE MATERIALIZED VIEW IF NOT EXISTS workflow_version_rows_from_workflow_rows TO workflow_version_rows AS
SELECT tenant, workflow_id, version, name, active, document, created_at, updated_at, recorded_at
FROM workflow_rows
WHERE NOT deleted;

CREATE VIEW IF NOT EXISTS workflow_versions AS
SELECT tenant, workflow_id, version, name, active, created_at, updated_at, document
FROM workflow_version_rows FINAL;

-- Who is about to save which version of a workflow. A writer inserts its claim and then looks for others': whoever
-- sees another one steps back, so at most one goes on. For that a read must see every insert that was acknowledged
-- before it: so it is on one server and on ClickHouse Cloud with `select_sequential_consistency`, which the read asks for.
CREATE TABLE IF NOT EXISTS workflow_claims
(
    tenant      String,
    workflow_id UUID,
    version     UInt32,
    claim       UUID,
    -- A hash of what is to be saved: who saves the same again is no rival of themselves.
    content     UUID,
    withdrawn   Bool,
    at          DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY (tenant, workflow_id, version)
TTL toDateTime(at) + INTERVAL 1 DAY
SETTINGS index_granularity = 256, index_granularity_bytes = 131072;

-- A run, its steps and its entry in the list of its workflow's runs, a row each. One table, so that one insert writes
-- them together and nobody sees the one without the others; and because an insert costs the server a fixed 3 to 4 ms
-- of CPU whatever is in it (measured: 1 row 3.6, 12 rows 4.9, a second table 4.1 more, a projection instead of the
-- entries 1.3 more), and every run is recorded at least twice.
--
-- `owner_id` and `place` say what a row is:
--   owner_id = a run's id       place = ''          the run
--   owner_id = a run's id       place = a node's id the newest step of it
--   owner_id = a run's id       place = char(1), a node's id, char(1), and the iteration: 8 hexadecimal digits a loop
--                                                   of a node in loops, the step of each iteration, the newest too
--   owner_id = a workflow's id  place = `created_at` in milliseconds (12 hexadecimal digits) and the run's id (32)
--                                                   the run's entry in the list, without payloads
-- So a run with its newest steps is one range of the key, and a page of a list is a short read within another one. (A key
-- with a column for each of these things costs point reads a quarter more.)
--
-- Merges: about ten small inserts a second come here, and as it is set up the server merges the large part with each
-- of them, for it drops small parts from a merge and takes what is left (measured with ten inserts a second of ten runs
-- each: 77 rows merged for each one inserted, and as set here 6, at half the CPU). With the base, parts are merged ten
-- at a time. What is too old goes once a day, not every four hours: for that, parts are rewritten.
--
-- Retention counts from the last change, so that a run that waits for months is not lost while it waits.
CREATE TABLE IF NOT EXISTS run_rows
(
    tenant           String,
    owner_id         UUID,
    place            String,
    iteration        Array(UInt32),
    version          UInt64,
    status           String,
    started_at       DateTime64(3, 'UTC'),
    finished_at      DateTime64(3, 'UTC'),
    output           String CODEC(ZSTD(1)),
    error            String,
    -- of the run and of its entry
    workflow_id      UUID,
    workflow_version UInt32,
    trigger          String,
    input            String CODEC(ZSTD(1)),
    created_at       DateTime64(3, 'UTC'),
    -- of a step
    ordinal          UInt32,
    kind             String,
    attempts         UInt32,
    lineage          String,
    console          String,
    waits_for        String,
    -- of the run
    response         String CODEC(ZSTD(1)),
    recorded_at      DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, owner_id, place)
TTL toDateTime(recorded_at) + INTERVAL 30 DAY
SETTINGS index_granularity = 256, index_granularity_bytes = 131072,
    merge_selector_base = 10, merge_selector_enable_heuristic_to_remove_small_parts_at_right = 0,
    merge_with_ttl_timeout = 86400;

-- `input`, `output`, `response`, `error` and `trigger` are JSON.
CREATE VIEW IF NOT EXISTS runs AS
SELECT
    tenant,
    owner_id AS run_id,
    workflow_id,
    workflow_version,
    status,
    JSONExtractString(trigger, 'kind') AS trigger_kind,
    created_at,
    nullIf(started_at, toDateTime64(0, 3, 'UTC')) AS started_at,
    nullIf(finished_at, toDateTime64(0, 3, 'UTC')) AS finished_at,
    input,
    nullIf(output, '') AS output,
    nullIf(response, '') AS response,
    nullIf(error, '') AS error,
    trigger,
    toUInt32(bitShiftRight(version, 32)) AS attempt,
    toUInt32(bitAnd(version, 0xFFFFFFFF)) AS revision
FROM run_rows FINAL
WHERE place = '';

-- In a run, `ordinal` is the order in which its steps began. `output`, `lineage`, `console`, `waits_for` and `error` are JSON.
CREATE VIEW IF NOT EXISTS steps AS
SELECT
    tenant,
    owner_id AS run_id,
    if(startsWith(place, char(1)), splitByChar(char(1), place)[2], place) AS node_id,
    iteration,
    kind,
    status,
    attempts,
    nullIf(started_at, toDateTime64(0, 3, 'UTC')) AS started_at,
    nullIf(finished_at, toDateTime64(0, 3, 'UTC')) AS finished_at,
    nullIf(output, '') AS output,
    nullIf(lineage, '') AS lineage,
    nullIf(console, '') AS console,
    nullIf(waits_for, '') AS waits_for,
    nullIf(error, '') AS error,
    ordinal
FROM run_rows FINAL
WHERE kind != '' AND (empty(iteration) OR startsWith(place, char(1)));

-- The same record refused twice at the same moment is one row: an insert that is tried again adds nothing.
CREATE TABLE IF NOT EXISTS dead_letter_rows
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

-- Records that no part could read, with the reason. The tenant is empty where it could not be read either.
CREATE VIEW IF NOT EXISTS dead_letters AS
SELECT tenant, at, consumer, reason, record
FROM dead_letter_rows FINAL;
