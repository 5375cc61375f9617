-- How often the address of a webhook was exchanged. A hook whose address never was has no row: its address follows from
-- tenant, workflow and node. `number` is in the address, so one of another number is not taken, but for the one before
-- until `previous_until`. Rows are few and stay as long as their database does: an address that was given up must never
-- become valid again.
CREATE TABLE IF NOT EXISTS hook_rows
(
    tenant         String,
    workflow_id    UUID,
    node_id        String,
    number         UInt32,
    rotated_at     DateTime64(3, 'UTC'),
    previous_until DateTime64(3, 'UTC'),
    recorded_at    DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(number)
ORDER BY (tenant, workflow_id, node_id)
SETTINGS index_granularity = 256, index_granularity_bytes = 131072;

CREATE VIEW IF NOT EXISTS hooks AS
SELECT
    tenant,
    workflow_id,
    node_id,
    number AS rotations,
    rotated_at,
    nullIf(previous_until, toDateTime64(0, 3, 'UTC')) AS previous_until
FROM hook_rows FINAL;
