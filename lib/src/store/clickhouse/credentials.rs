//! Credentials, sealed, and what providers gave for them.

use async_trait::async_trait;
use klickhouse::Value;

use super::{
    ClickHouse,
    cells::{Reader, flag, json, moment, row, text},
    connection::InsertRow,
    sql::{Text, after},
};
use crate::{
    credentials::Sealed,
    store::{
        CredentialStore, Cursor, Found, FoundCredential, Page, PageRequest, StoreError, StoredCredential,
        StoredTokens, UnreadableRow, UsedBy, credentials::status,
    },
};
use domain::{
    credential::{Credential, CredentialKey, CredentialType, Grant, Hosts},
    ids::{CredentialId, TenantId, WorkflowId},
    timestamp::Timestamp,
};

/// The newest version of each credential, or its deletion.
const ROWS: &str = "credential_rows";

/// What providers gave.
const TOKEN_ROWS: &str = "credential_token_rows";

/// What a [`StoredCredential`] is read from, but for what is sealed.
const COLUMNS: &str = "credential_id, name, type, hosts, oauth_grant, version, created_at, updated_at";

#[async_trait]
impl CredentialStore for ClickHouse {
    async fn save_credential(
        &self,
        tenant: &TenantId,
        credential: &StoredCredential,
    ) -> Result<(), StoreError> {
        let row = credential_row(tenant, credential)?;
        self.database.insert("save_credential", ROWS, vec![row]).await
    }

    async fn delete_credential(
        &self,
        (tenant, id): &CredentialKey,
        version: u32,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let row = row! {
            "tenant": text(tenant.as_str()),
            "credential_id": Value::Uuid(id.0),
            "version": Value::UInt32(version),
            "deleted": flag(true),
            "updated_at": moment(at),
        };
        self.database.insert("delete_credential", ROWS, vec![row]).await
    }

    async fn credential(&self, key: &CredentialKey) -> Result<Option<FoundCredential>, StoreError> {
        let (tenant, id) = key;
        let sql = format!(
            "SELECT deleted, sealed, {COLUMNS} FROM {ROWS} WHERE tenant = {} AND credential_id = '{id}' \
             ORDER BY version DESC, recorded_at DESC LIMIT 1",
            Text(tenant.as_str())
        );
        let Some(mut row) = self.database.select("credential", &sql).await?.pop() else { return Ok(None) };
        if row.flag()? {
            return Ok(None);
        }
        let read = row.bytes().and_then(sealed).and_then(|sealed| read_credential(row, sealed));
        if let Err(why) = &read {
            self.database.unreadable.tell(format_args!("credential {id} of tenant {tenant}"), why);
        }
        Ok(Some(read))
    }

    async fn save_tokens(
        &self,
        (tenant, id): &CredentialKey,
        tokens: &StoredTokens,
    ) -> Result<(), StoreError> {
        let row = row! {
            "tenant": text(tenant.as_str()),
            "credential_id": Value::Uuid(id.0),
            "generation": Value::UInt32(tokens.generation),
            "refused": flag(tokens.refused),
            "key": text(tokens.sealed.key_id()),
            "sealed": Value::String(tokens.sealed.as_bytes().to_vec()),
        };
        self.database.insert("save_tokens", TOKEN_ROWS, vec![row]).await
    }

    async fn tokens(&self, (tenant, id): &CredentialKey) -> Result<Option<StoredTokens>, StoreError> {
        let sql = format!(
            "SELECT generation, refused, sealed FROM {TOKEN_ROWS} WHERE tenant = {} AND credential_id = '{id}' \
             ORDER BY generation DESC, recorded_at DESC LIMIT 1 SETTINGS select_sequential_consistency = 1",
            Text(tenant.as_str())
        );
        let Some(mut row) = self.database.select("tokens", &sql).await?.pop() else { return Ok(None) };
        Ok(Some(StoredTokens { generation: row.u32()?, refused: row.flag()?, sealed: sealed(row.bytes()?)? }))
    }

    async fn list_credentials(
        &self,
        tenant: &TenantId,
        page: &PageRequest,
    ) -> Result<Page<Credential>, StoreError> {
        let limit = page.limit.clamp(1, 200) as usize;
        let beyond = page.after.map_or(String::new(), |cursor| {
            format!(" AND {}", after("updated_at", "credential_id", &cursor))
        });
        let tenant = Text(tenant.as_str());
        // What is sealed stays unread. A tenant's credentials are few.
        let sql = format!(
            "SELECT refusals.known, refusals.refused, key, {COLUMNS} FROM \
             (SELECT * FROM {ROWS} FINAL WHERE tenant = {tenant} AND deleted = 0{beyond}) AS newest LEFT JOIN \
             (SELECT credential_id, 1 AS known, toUInt8(argMax(refused, generation)) AS refused FROM {TOKEN_ROWS} \
              WHERE tenant = {tenant} GROUP BY credential_id) AS refusals USING (credential_id) \
             ORDER BY updated_at DESC, toUInt128(credential_id) DESC LIMIT {}",
            limit + 1
        );
        let rows = self.database.select("list_credentials", &sql).await?;
        let unreadable = &self.database.unreadable;
        let read = |row| unreadable.readable("a list of credentials", read_listed(row));
        let entries: Vec<_> = rows.into_iter().filter_map(read).collect();
        for (place, credential) in &entries {
            if let Err(why) = credential {
                unreadable.tell(format_args!("credential {} in a list", place.id), why);
            }
        }
        Ok(Page::of(entries, limit))
    }

    async fn count_credentials(&self, tenant: &TenantId) -> Result<u64, StoreError> {
        let sql = format!(
            "SELECT count() FROM {ROWS} FINAL WHERE tenant = {} AND deleted = 0",
            Text(tenant.as_str())
        );
        let row = self.database.select("count_credentials", &sql).await?.pop();
        Ok(row.map_or(Ok(0), |mut row| row.u64())?)
    }

    async fn used_by(&self, (tenant, id): &CredentialKey, most: usize) -> Result<Vec<UsedBy>, StoreError> {
        let sql = format!(
            "SELECT workflow_id, name FROM workflow_rows FINAL WHERE tenant = {} AND deleted = 0 \
             AND has(credentials, '{id}') ORDER BY name, toUInt128(workflow_id) LIMIT {most}",
            Text(tenant.as_str())
        );
        let rows = self.database.select("used_by", &sql).await?;
        let read =
            |mut row: Reader| Ok(UsedBy { workflow_id: WorkflowId(row.uuid()?), name: row.lossy_text()? });
        rows.into_iter().map(read).collect::<Found<_>>().map_err(StoreError::from)
    }
}

fn credential_row(tenant: &TenantId, credential: &StoredCredential) -> Result<InsertRow, StoreError> {
    Ok(row! {
        "tenant": text(tenant.as_str()),
        "credential_id": Value::Uuid(credential.id.0),
        "version": Value::UInt32(credential.version),
        "deleted": flag(false),
        "name": text(&credential.name),
        "type": text(credential.kind.as_str()),
        "hosts": Value::String(json(&credential.hosts)?),
        "oauth_grant": text(credential.grant.map_or("", Grant::as_str)),
        "key": text(credential.sealed.key_id()),
        "sealed": Value::String(credential.sealed.as_bytes().to_vec()),
        "created_at": moment(credential.created_at),
        "updated_at": moment(credential.updated_at),
    })
}

fn sealed(bytes: Vec<u8>) -> Found<Sealed> {
    Sealed::parse(bytes).map_err(|error| UnreadableRow(error.to_string()))
}

/// A row of [`COLUMNS`].
fn read_credential(mut row: Reader, sealed: Sealed) -> Found<StoredCredential> {
    let columns = Columns::read(&mut row)?;
    let Columns { id, name, kind, hosts, grant, version, created_at, updated_at } = columns;
    Ok(StoredCredential {
        id,
        name: name?,
        kind: kind?,
        hosts: hosts?,
        grant: grant?,
        version,
        sealed,
        created_at,
        updated_at,
    })
}

/// A row of what is known of tokens, the key's id and [`COLUMNS`], and its place in the list.
fn read_listed(mut row: Reader) -> Found<(Cursor, Found<Credential>)> {
    let (known, refused) = (row.flag()?, row.flag()?);
    let key = row.lossy_text()?;
    let Columns { id, name, kind, hosts, grant, version, created_at, updated_at } = Columns::read(&mut row)?;
    let whole = || -> Found<Credential> {
        let status = status(grant?, known.then_some(refused));
        Ok(Credential {
            id,
            name: name?,
            kind: kind?,
            hosts: hosts?,
            version,
            status,
            key,
            created_at,
            updated_at,
        })
    };
    Ok((Cursor { at: updated_at, id: id.0 }, whole()))
}

/// [`COLUMNS`]. Only texts may be damaged and still be what their column holds.
struct Columns {
    id: CredentialId,
    name: Found<String>,
    kind: Found<CredentialType>,
    hosts: Found<Hosts>,
    grant: Found<Option<Grant>>,
    version: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Columns {
    fn read(row: &mut Reader) -> Found<Self> {
        Ok(Self {
            id: CredentialId(row.uuid()?),
            name: row.text(),
            kind: row.name(),
            hosts: row.json(),
            grant: row.text().and_then(|text| grant(&text)),
            version: row.u32()?,
            created_at: row.moment()?,
            updated_at: row.moment()?,
        })
    }
}

fn grant(text: &str) -> Found<Option<Grant>> {
    [Grant::ClientCredentials, Grant::AuthorizationCode]
        .into_iter()
        .find(|grant| grant.as_str() == text)
        .map_or_else(
            || if text.is_empty() { Ok(None) } else { Err(UnreadableRow("an unknown grant".to_owned())) },
            |grant| Ok(Some(grant)),
        )
}
