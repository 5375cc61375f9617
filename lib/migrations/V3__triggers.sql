-- Triggers that start runs by themselves: of each schedule of each workflow what is next. `version` is the workflow's
-- version * 2^32 + how often it changed since.
--
-- A tick asks for all that is due, whoever's it is: `due_at <= now`. The key is the trigger's, so that a row replaces the
-- one before; the index has for each granule the earliest moment in it, which is later than now where nothing is due. So a
-- tick with nothing due looks at the index, and at the few rows that no merge has replaced yet. What is never due again is
-- due at the last moment that can be stored.
CREATE TABLE IF NOT EXISTS trigger_rows
(
    tenant      String,
    workflow_id UUID,
    node_id     String,
    trigger_id  UUID,
    version     UInt64,
    state       String,
    params      String,
    since       DateTime64(3, 'UTC'),
    planned_at  DateTime64(3, 'UTC'),
    due_at      DateTime64(3, 'UTC'),
    started_at  DateTime64(3, 'UTC'),
    missed_from DateTime64(3, 'UTC'),
    missed_to   DateTime64(3, 'UTC'),
    recorded_at DateTime64(6, 'UTC') DEFAULT now64(6),
    INDEX due due_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, workflow_id, node_id)
SETTINGS index_granularity = 256, index_granularity_bytes = 131072;

-- `params` are JSON. `missed_from` and `missed_to` are the first and the last of the occurrences that were missed last.
CREATE VIEW IF NOT EXISTS triggers AS
SELECT
    tenant,
    workflow_id,
    node_id,
    toUInt32(bitShiftRight(version, 32)) AS workflow_version,
    state,
    params,
    nullIf(planned_at, toDateTime64(0, 3, 'UTC')) AS next_planned_at,
    nullIf(started_at, toDateTime64(0, 3, 'UTC')) AS last_planned_at,
    nullIf(missed_from, toDateTime64(0, 3, 'UTC')) AS missed_from,
    nullIf(missed_to, toDateTime64(0, 3, 'UTC')) AS missed_to
FROM trigger_rows FINAL
WHERE state != 'gone';

-- With the trigger at which a run began.
CREATE OR REPLACE VIEW runs AS
SELECT
    tenant,
    owner_id AS run_id,
    workflow_id,
    workflow_version,
    status,
    JSONExtractString(trigger, 'kind') AS trigger_kind,
    nullIf(JSONExtractString(trigger, 'node'), '') AS trigger_node,
    nullIf(JSONExtractString(trigger, 'replay_of'), '') AS replay_of,
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
