//! Workflows and their versions.

use std::collections::HashMap;

use async_trait::async_trait;

use super::{
    ClickHouse,
    rows::{
        WORKFLOW_SUMMARIES, WORKFLOW_VERSIONS, claim_row, read_workflow, read_workflow_summary,
        read_workflow_version, tombstone_row, workflow_row,
    },
    run_list::next,
    sql::{MAX_KEYS, Text, after, keys_are},
};
use crate::store::{Claim, Cursor, Page, PageRequest, StoreError, WorkflowStore};
use domain::{
    event::WorkflowDeleted,
    ids::TenantId,
    workflow::{StoredWorkflow, WorkflowKey, WorkflowSummary},
};

#[async_trait]
impl WorkflowStore for ClickHouse {
    async fn save(&self, tenant: &TenantId, workflow: &StoredWorkflow) -> Result<(), StoreError> {
        self.database.insert("save_workflow", "workflows", vec![workflow_row(tenant, workflow)]).await
    }

    async fn delete(&self, tenant: &TenantId, deleted: &WorkflowDeleted) -> Result<(), StoreError> {
        self.database.insert("delete_workflow", "workflows", vec![tombstone_row(tenant, deleted)]).await
    }

    async fn newest(&self, keys: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, StoredWorkflow>, StoreError> {
        let mut newest = HashMap::with_capacity(keys.len());
        for keys in keys.chunks(MAX_KEYS) {
            let condition = keys_are("id", keys.iter().map(|(tenant, id)| (tenant, id.0)));
            // `recorded_at` decides between two rows of one version as a merge would: the last one stays.
            let sql = format!(
                "SELECT tenant, deleted, {WORKFLOW_SUMMARIES}, document FROM workflows WHERE {condition} \
                 ORDER BY version DESC, recorded_at DESC LIMIT 1 BY tenant, id"
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
            let condition = keys_are("id", keys.iter().map(|(tenant, id)| (tenant, id.0)));
            // All rows, few and short: the server would need longer to tell the newest apart.
            let sql = format!("SELECT {WORKFLOW_VERSIONS} FROM workflows WHERE {condition}");
            for row in self.database.select("workflow_versions", &sql).await? {
                let (key, version, deleted) = read_workflow_version(row)?;
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
        let after =
            page.after.map_or(String::new(), |cursor| format!(" AND {}", after("updated_at", "id", &cursor)));
        // The order changes with every save, so it is no key; a tenant's workflows are few and documents stay unread.
        let sql = format!(
            "SELECT {WORKFLOW_SUMMARIES} FROM workflows FINAL WHERE tenant = {} AND deleted = 0{after} \
             ORDER BY updated_at DESC, toUInt128(id) DESC LIMIT {}",
            Text(tenant.as_str()),
            limit + 1
        );
        let rows = self.database.select("list_workflows", &sql).await?;
        let mut items =
            rows.into_iter().map(|mut row| read_workflow_summary(&mut row)).collect::<Result<Vec<_>, _>>()?;
        Ok(Page { next: next(&mut items, limit, |w| Cursor { at: w.updated_at, id: w.id.0 }), items })
    }
}
