//! Workflows and their versions.

use std::collections::HashMap;

use async_trait::async_trait;

use klickhouse::Value;

use super::{
    ClickHouse,
    cells::{Reader, flag, moment, row, text},
    connection::InsertRow,
    run_list::next,
    sql::{MAX_KEYS, Text, after, keys_are},
};
use crate::store::{Claim, Cursor, Page, PageRequest, StoreError, WorkflowChange, WorkflowStore};
use domain::{
    ids::{TenantId, WorkflowId},
    timestamp::Timestamp,
    workflow::{DocumentText, StoredWorkflow, WorkflowKey, WorkflowSummary},
};

/// The newest version of each workflow, or its deletion.
const WORKFLOW_ROWS: &str = "workflow_rows";

/// What a [`WorkflowSummary`] is read from.
const SUMMARY: &str = "workflow_id, name, active, version, created_at, updated_at";

#[async_trait]
impl WorkflowStore for ClickHouse {
    async fn save(&self, changes: &[WorkflowChange]) -> Result<(), StoreError> {
        let rows = changes.iter().map(workflow_row).collect();
        self.database.insert("save_workflows", WORKFLOW_ROWS, rows).await
    }

    async fn newest(&self, keys: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, StoredWorkflow>, StoreError> {
        let mut newest = HashMap::with_capacity(keys.len());
        for keys in keys.chunks(MAX_KEYS) {
            let condition = keys_are("workflow_id", keys.iter().map(|(tenant, id)| (tenant, id.0)));
            // `recorded_at` decides between two rows of one version as a merge would: the last one stays.
            let sql = format!(
                "SELECT tenant, deleted, {SUMMARY}, document FROM {WORKFLOW_ROWS} WHERE {condition} \
                 ORDER BY version DESC, recorded_at DESC LIMIT 1 BY tenant, workflow_id"
            );
            for row in self.database.select("workflows", &sql).await? {
                newest.extend(read_workflow(row)?);
            }
        }
        Ok(newest)
    }

    async fn versions(&self, keys: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, u32>, StoreError> {
        let mut newest: HashMap<WorkflowKey, (u32, bool)> = HashMap::with_capacity(keys.len());
        for keys in keys.chunks(MAX_KEYS) {
            let condition = keys_are("workflow_id", keys.iter().map(|(tenant, id)| (tenant, id.0)));
            // All rows, few and short: the server would need longer to tell the newest apart.
            let sql = format!(
                "SELECT tenant, workflow_id, version, deleted FROM {WORKFLOW_ROWS} WHERE {condition}"
            );
            for row in self.database.select("workflow_versions", &sql).await? {
                let (key, version, deleted) = read_version(row)?;
                let kept = newest.entry(key).or_insert((version, deleted));
                *kept = (version, deleted).max(*kept);
            }
        }
        let existing = newest.into_iter().filter(|(_, (_, deleted))| !deleted);
        Ok(existing.map(|(key, (version, _))| (key, version)).collect())
    }

    async fn claim(&self, key: &WorkflowKey, claim: &Claim) -> Result<bool, StoreError> {
        self.database.insert("claim", "workflow_claims", vec![claim_row(key, claim, false)]).await?;
        let (tenant, workflow) = key;
        let sql = format!(
            "SELECT claim FROM workflow_claims WHERE tenant = {} AND workflow_id = '{workflow}' AND version = {} \
             AND content != '{}' AND at > now64(3) - INTERVAL {} SECOND GROUP BY claim HAVING max(withdrawn) = 0 \
             LIMIT 1 SETTINGS select_sequential_consistency = 1",
            Text(tenant.as_str()),
            claim.version,
            claim.content,
            Claim::EXPIRY.as_secs()
        );
        Ok(self.database.select("claims", &sql).await?.is_empty())
    }

    async fn withdraw(&self, key: &WorkflowKey, claim: &Claim) -> Result<(), StoreError> {
        self.database.insert("withdraw_claim", "workflow_claims", vec![claim_row(key, claim, true)]).await
    }

    async fn list(&self, tenant: &TenantId, page: &PageRequest) -> Result<Page<WorkflowSummary>, StoreError> {
        let limit = page.limit.clamp(1, 200) as usize;
        let after = page
            .after
            .map_or(String::new(), |cursor| format!(" AND {}", after("updated_at", "workflow_id", &cursor)));
        // The order changes with every save, so it is no key; a tenant's workflows are few and documents stay unread.
        let sql = format!(
            "SELECT {SUMMARY} FROM {WORKFLOW_ROWS} FINAL WHERE tenant = {} AND deleted = 0{after} \
             ORDER BY updated_at DESC, toUInt128(workflow_id) DESC LIMIT {}",
            Text(tenant.as_str()),
            limit + 1
        );
        let rows = self.database.select("list_workflows", &sql).await?;
        let mut items =
            rows.into_iter().map(|mut row| read_summary(&mut row)).collect::<Result<Vec<_>, _>>()?;
        Ok(Page { next: next(&mut items, limit, |w| Cursor { at: w.updated_at, id: w.id.0 }), items })
    }
}

fn workflow_row(change: &WorkflowChange) -> InsertRow {
    let (tenant, workflow) = change.key();
    let row = |name: &str, active, document: &str, created_at: Timestamp, updated_at: Timestamp| {
        row! {
            "tenant": text(tenant.as_str()),
            "workflow_id": Value::Uuid(workflow.0),
            "version": Value::UInt32(change.version()),
            "deleted": flag(matches!(change, WorkflowChange::Deleted { .. })),
            "name": text(name),
            "active": flag(active),
            "document": text(document),
            "created_at": moment(created_at),
            "updated_at": moment(updated_at),
        }
    };
    match change {
        WorkflowChange::Saved { workflow: StoredWorkflow { summary, document }, .. } => {
            row(&summary.name, summary.active, document.as_str(), summary.created_at, summary.updated_at)
        }
        WorkflowChange::Deleted { deleted, .. } => row("", false, "", deleted.created_at, deleted.deleted_at),
    }
}

fn claim_row((tenant, workflow): &WorkflowKey, claim: &Claim, withdrawn: bool) -> InsertRow {
    row! {
        "tenant": text(tenant.as_str()),
        "workflow_id": Value::Uuid(workflow.0),
        "version": Value::UInt32(claim.version),
        "claim": Value::Uuid(claim.id),
        "content": Value::Uuid(claim.content),
        "withdrawn": flag(withdrawn),
    }
}

/// A row of [`SUMMARY`].
fn read_summary(row: &mut Reader) -> Result<WorkflowSummary, StoreError> {
    Ok(WorkflowSummary {
        id: WorkflowId(row.uuid()?),
        name: row.text()?,
        active: row.flag()?,
        version: row.u32()?,
        created_at: row.moment()?,
        updated_at: row.moment()?,
    })
}

/// A row of the tenant, whether it is deleted, [`SUMMARY`], and the document; `None` when deleted.
fn read_workflow(mut row: Reader) -> Result<Option<(WorkflowKey, StoredWorkflow)>, StoreError> {
    let tenant = row.tenant()?;
    if row.flag()? {
        return Ok(None);
    }
    let summary = read_summary(&mut row)?;
    let document = DocumentText::parse(row.text()?)
        .map_err(|error| StoreError::Decode(format!("the document: {error}")))?;
    Ok(Some(((tenant, summary.id), StoredWorkflow { summary, document })))
}

/// A workflow, its version, and whether that is a deletion.
fn read_version(mut row: Reader) -> Result<(WorkflowKey, u32, bool), StoreError> {
    Ok(((row.tenant()?, WorkflowId(row.uuid()?)), row.u32()?, row.flag()?))
}
