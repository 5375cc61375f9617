-- The newest version of every credential, or its deletion. `sealed` is what it says (XChaCha20-Poly1305, with the key
-- that `key` names); nothing here is of use without that key. `hosts` is JSON, `oauth_grant` that of OAuth 2.0.
CREATE TABLE IF NOT EXISTS credential_rows
(
    tenant        String,
    credential_id UUID,
    version       UInt32,
    deleted       Bool,
    name          String,
    type          String,
    hosts         String,
    oauth_grant   String,
    key           String,
    sealed        String,
    created_at    DateTime64(3, 'UTC'),
    updated_at    DateTime64(3, 'UTC'),
    recorded_at   DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, credential_id)
SETTINGS index_granularity = 256, index_granularity_bytes = 131072;

-- What a provider gave for a credential (OAuth 2.0), sealed likewise; `refused`: it does not renew the access any more.
-- A table of its own, since workers write it and people write the other one: neither takes a version from the other.
CREATE TABLE IF NOT EXISTS credential_token_rows
(
    tenant        String,
    credential_id UUID,
    generation    UInt32,
    refused       Bool,
    key           String,
    sealed        String,
    recorded_at   DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(generation)
ORDER BY (tenant, credential_id)
SETTINGS index_granularity = 256, index_granularity_bytes = 131072;

-- `key` names the key that the values are sealed with: who still uses one that is to go.
CREATE VIEW IF NOT EXISTS credentials AS
SELECT tenant, credential_id, version, name, type, JSONExtract(hosts, 'Array(String)') AS hosts, key, created_at, updated_at
FROM credential_rows FINAL
WHERE NOT deleted;

-- The credentials that a workflow names: `"credential": "<id>"` anywhere in its document. ClickHouse computes it, so it
-- is right whoever writes the row. (A quotation mark within a text has a backslash, so a text is not taken for a name.)
ALTER TABLE workflow_rows ADD COLUMN IF NOT EXISTS credentials Array(String)
    MATERIALIZED arrayDistinct(extractAll(lower(document), '"credential"\\s*:\\s*"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"'));

-- Who is about to save which version of a workflow or a credential, or the next tokens of one; `subject` is its id. A
-- writer inserts its claim and then looks for others': whoever sees another one steps back, so at most one goes on. For
-- that a read must see every insert that was acknowledged before it: so it is on one server and on ClickHouse Cloud with
-- `select_sequential_consistency`, which the read asks for.
CREATE TABLE IF NOT EXISTS claims
(
    tenant    String,
    subject   UUID,
    version   UInt32,
    claim     UUID,
    -- A hash of what is to be saved: who saves the same again is no rival of themselves.
    content   UUID,
    withdrawn Bool,
    at        DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY (tenant, subject, version)
TTL toDateTime(at) + INTERVAL 1 DAY
SETTINGS index_granularity = 256, index_granularity_bytes = 131072;

-- It was for workflows alone.
DROP TABLE IF EXISTS workflow_claims;
