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
    withdrawn   UInt8,
    at          DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY (tenant, workflow_id, version)
TTL toDateTime(at) + INTERVAL 1 DAY
SETTINGS index_granularity = 256, index_granularity_bytes = 131072;
