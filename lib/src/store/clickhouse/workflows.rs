//! Workflows and their versions.

use std::collections::HashMap;

use async_trait::async_trait;

use klickhouse::Value;

use super::{
    ClickHouse,
    cells::{Reader, flag, moment, row, text},
    connection::InsertRow,
    sql::{MAX_KEYS, Text, after, keys_are},
};
use crate::store::{
    Cursor, Found, FoundWorkflow, Page, PageRequest, StoreError, UnreadableRow, UnreadableWorkflow,
    VersionKey, WorkflowChange, WorkflowStore,
};
use domain::{
    ids::{TenantId, WorkflowId},
    timestamp::Timestamp,
    workflow::{DocumentText, StoredWorkflow, WorkflowKey, WorkflowSummary},
};

/// The newest version of each workflow, or its deletion.
const WORKFLOW_ROWS: &str = "workflow_rows";

/// Every version.
const VERSION_ROWS: &str = "workflow_version_rows";

/// What a [`WorkflowSummary`] is read from.
const SUMMARY: &str = "workflow_id, name, active, version, created_at, updated_at";

#[async_trait]
impl WorkflowStore for ClickHouse {
    async fn save(&self, changes: &[WorkflowChange]) -> Result<(), StoreError> {
        let rows = changes.iter().map(workflow_row).collect();
        self.database.insert("save_workflows", WORKFLOW_ROWS, rows).await
    }

    async fn newest(&self, keys: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, FoundWorkflow>, StoreError> {
        let unreadable = &self.database.unreadable;
        let mut newest = HashMap::with_capacity(keys.len());
        for keys in keys.chunks(MAX_KEYS) {
            let condition = keys_are("workflow_id", keys.iter().map(|(tenant, id)| (tenant, id.0)));
            // `recorded_at` decides between two rows of one version as a merge would: the last one stays.
            let sql = format!(
                "SELECT tenant, deleted, {SUMMARY}, document FROM {WORKFLOW_ROWS} WHERE {condition} \
                 ORDER BY version DESC, recorded_at DESC LIMIT 1 BY tenant, workflow_id"
            );
            for row in self.database.select("workflows", &sql).await? {
                let Some((key, workflow)) = unreadable.readable("workflows", read_workflow(row)) else {
                    continue;
                };
                // A deleted one is not there.
                let Some(workflow) = workflow else { continue };
                if let Err(unread) = &workflow {
                    unreadable.tell(format_args!("workflow {} of tenant {}", key.1, key.0), &unread.why);
                }
                newest.insert(key, workflow);
            }
        }
        Ok(newest)
    }

    async fn at_versions(
        &self,
        versions: &[VersionKey],
    ) -> Result<HashMap<VersionKey, FoundWorkflow>, StoreError> {
        let unreadable = &self.database.unreadable;
        let mut found = HashMap::with_capacity(versions.len());
        for versions in versions.chunks(MAX_KEYS) {
            let sql = versions_statement(versions);
            for row in self.database.select("workflow_versions", &sql).await? {
                let Some((key, workflow)) = unreadable.readable("workflow versions", read_version(row))
                else {
                    continue;
                };
                if let Err(unread) = &workflow {
                    let ((tenant, id), version) = &key;
                    let whose = format_args!("version {version} of workflow {id} of tenant {tenant}");
                    unreadable.tell(whose, &unread.why);
                }
                found.insert(key, workflow);
            }
        }
        Ok(found)
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
        let unreadable = &self.database.unreadable;
        let read = |row| unreadable.readable("a list of workflows", read_summary(row));
        let entries: Vec<_> = rows.into_iter().filter_map(read).collect();
        for (place, workflow) in &entries {
            if let Err(why) = workflow {
                unreadable.tell(format_args!("workflow {} in a list", place.id), why);
            }
        }
        Ok(Page::of(entries, limit))
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

/// A row of [`SUMMARY`], and its place in the list.
fn read_summary(mut row: Reader) -> Found<(Cursor, Found<WorkflowSummary>)> {
    let id = WorkflowId(row.uuid()?);
    let summary = Summary::read(&mut row)?;
    Ok((Cursor { at: summary.updated_at, id: id.0 }, summary.whole(id)))
}

/// A row of the tenant, whether it is deleted, [`SUMMARY`], and the document; `None` when deleted.
fn read_workflow(mut row: Reader) -> Found<(WorkflowKey, Option<FoundWorkflow>)> {
    let (tenant, deleted, id) = (row.tenant()?, row.flag()?, WorkflowId(row.uuid()?));
    if deleted {
        return Ok(((tenant, id), None));
    }
    Ok(((tenant, id), Some(read_stored(id, row)?)))
}

fn read_stored(id: WorkflowId, mut row: Reader) -> Found<FoundWorkflow> {
    let summary = Summary::read(&mut row)?;
    let Summary { version, created_at, updated_at, .. } = summary;
    let stored =
        summary.whole(id).and_then(|summary| Ok(StoredWorkflow { summary, document: read_document(row)? }));
    Ok(stored.map_err(|UnreadableRow(why)| UnreadableWorkflow { version, created_at, updated_at, why }))
}

fn read_document(mut row: Reader) -> Found<DocumentText> {
    DocumentText::parse(row.text()?)
        .map_err(|error| UnreadableRow(format!("the document is not JSON that can be read: {error}")))
}

/// [`SUMMARY`] without the id. Only texts may be damaged and still be what their column holds.
struct Summary {
    name: Found<String>,
    active: bool,
    version: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Summary {
    fn read(row: &mut Reader) -> Found<Self> {
        Ok(Self {
            name: row.text(),
            active: row.flag()?,
            version: row.u32()?,
            created_at: row.moment()?,
            updated_at: row.moment()?,
        })
    }

    fn whole(self, id: WorkflowId) -> Found<WorkflowSummary> {
        let Self { name, active, version, created_at, updated_at } = self;
        name.map(|name| WorkflowSummary { id, name, active, version, created_at, updated_at })
    }
}

/// Which version it is, and what it says.
fn read_version(mut row: Reader) -> Found<(VersionKey, FoundWorkflow)> {
    let (tenant, version, id) = (row.tenant()?, row.u32()?, WorkflowId(row.uuid()?));
    Ok((((tenant, id), version), read_stored(id, row)?))
}

fn versions_statement(versions: &[VersionKey]) -> String {
    let condition = keys_are("workflow_id", versions.iter().map(|((tenant, id), _)| (tenant, id.0)));
    let pairs: Vec<_> = versions.iter().map(|((_, id), version)| format!("('{id}',{version})")).collect();
    // An answer has each name once.
    format!(
        "SELECT tenant, version AS of_version, {SUMMARY}, document FROM {VERSION_ROWS} WHERE {condition} \
         AND (workflow_id, version) IN ({}) ORDER BY recorded_at DESC LIMIT 1 BY tenant, workflow_id, version",
        pairs.join(",")
    )
}
