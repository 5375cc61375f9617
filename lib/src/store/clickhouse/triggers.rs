//! Triggers that start runs by themselves.

use std::collections::HashMap;

use async_trait::async_trait;
use klickhouse::Value;

use super::{
    ClickHouse,
    cells::{Reader, json, moment, optional_moment, row, text},
    connection::InsertRow,
    sql::{MAX_KEYS, Moment, Text, keys_are},
};
use crate::store::{
    Cursor, Found, Next, Page, PageRequest, Standing, StoreError, TriggerRow, TriggerState, TriggerStore,
    UnreadableRow,
};
use domain::{
    ids::{NodeId, TenantId, WorkflowId},
    schedule::{Missed, ScheduleKey},
    timestamp::Timestamp,
    workflow::WorkflowKey,
};

const TRIGGER_ROWS: &str = "trigger_rows";

/// What a [`TriggerRow`] is read from.
const TRIGGER: &str = "tenant, workflow_id, node_id, version, state, params, since, planned_at, due_at, started_at, \
                       missed_from, missed_to, trigger_id";

/// Of several rows of a trigger, the one that a merge would leave.
const NEWEST: &str = "ORDER BY version DESC, recorded_at DESC LIMIT 1 BY tenant, workflow_id, node_id";

#[async_trait]
impl TriggerStore for ClickHouse {
    async fn put_triggers(&self, rows: &[TriggerRow]) -> Result<(), StoreError> {
        let rows = rows.iter().map(trigger_row).collect::<Result<_, _>>()?;
        self.database.insert("put_triggers", TRIGGER_ROWS, rows).await
    }

    async fn due_triggers(&self, until: Timestamp, limit: usize) -> Result<Vec<TriggerRow>, StoreError> {
        self.triggers("due_triggers", &due_statement(until, limit)).await
    }

    async fn triggers_of(&self, workflows: &[WorkflowKey]) -> Result<Vec<TriggerRow>, StoreError> {
        let mut found = Vec::new();
        for keys in workflows.chunks(MAX_KEYS) {
            let condition = keys_are("workflow_id", keys.iter().map(|(tenant, id)| (tenant, id.0)));
            let sql = format!("SELECT {TRIGGER} FROM {TRIGGER_ROWS} WHERE {condition} {NEWEST}");
            found.extend(self.triggers("triggers_of", &sql).await?);
        }
        Ok(found)
    }

    async fn list_triggers(
        &self,
        tenant: &TenantId,
        workflow: Option<WorkflowId>,
        page: &PageRequest,
    ) -> Result<Page<TriggerRow>, StoreError> {
        let limit = page.limit.clamp(1, 200) as usize;
        let of_workflow = workflow.map_or(String::new(), |id| format!(" AND workflow_id = '{id}'"));
        let after = page.after.map_or(String::new(), |Cursor { at, id }| {
            let at = Moment(at);
            format!(
                " AND due_at >= {at} AND (due_at > {at} OR toUInt128(trigger_id) > toUInt128(toUUID('{id}')))"
            )
        });
        let sql = format!(
            "SELECT {TRIGGER} FROM {TRIGGER_ROWS} FINAL WHERE tenant = {}{of_workflow} AND state != 'gone'{after} \
             ORDER BY due_at, toUInt128(trigger_id) LIMIT {}",
            Text(tenant.as_str()),
            limit + 1
        );
        let rows = self.triggers("list_triggers", &sql).await?;
        let place = |row: &TriggerRow| Cursor { at: row.due(), id: row.id() };
        Ok(Page::of(rows.into_iter().map(|row| (place(&row), Ok(row))).collect(), limit))
    }

    async fn standings(&self, keys: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, Standing>, StoreError> {
        let mut standings = HashMap::with_capacity(keys.len());
        for keys in keys.chunks(MAX_KEYS) {
            let condition = keys_are("workflow_id", keys.iter().map(|(tenant, id)| (tenant, id.0)));
            let sql = format!(
                "SELECT tenant, workflow_id, max(version) AS newest, argMax(deleted, version) AS is_deleted \
                 FROM workflow_rows WHERE {condition} GROUP BY tenant, workflow_id"
            );
            for row in self.database.select("standings", &sql).await? {
                standings.extend(self.database.unreadable.readable("workflows", read_standing(row)));
            }
        }
        Ok(standings)
    }
}

impl ClickHouse {
    async fn triggers(&self, name: &'static str, sql: &str) -> Result<Vec<TriggerRow>, StoreError> {
        let rows = self.database.select(name, sql).await?;
        let unreadable = &self.database.unreadable;
        Ok(rows.into_iter().filter_map(|row| unreadable.readable("triggers", read_trigger(row))).collect())
    }
}

/// The question for what is due.
///
/// The inner one is answered by the index on `due_at`: where nothing is due, it looks at no rows but those that a merge has
/// not replaced yet. The outer one looks at what it found.
pub(super) fn due_statement(until: Timestamp, limit: usize) -> String {
    let until = Moment(until);
    format!(
        "SELECT {TRIGGER} FROM (SELECT * FROM {TRIGGER_ROWS} WHERE (tenant, workflow_id, node_id) IN \
         (SELECT tenant, workflow_id, node_id FROM {TRIGGER_ROWS} WHERE due_at <= {until}) {NEWEST}) \
         WHERE due_at <= {until} ORDER BY due_at LIMIT {} BY tenant LIMIT {limit}",
        (limit / 4).max(1)
    )
}

fn trigger_row(row: &TriggerRow) -> Result<InsertRow, StoreError> {
    let ScheduleKey { tenant, workflow, node } = &row.key;
    Ok(row! {
        "tenant": text(tenant.as_str()),
        "workflow_id": Value::Uuid(workflow.0),
        "node_id": text(node.as_str()),
        "version": Value::UInt64(row.version()),
        "state": text(row.state.as_str()),
        "params": Value::String(json(&row.params)?),
        "since": moment(row.since),
        "planned_at": optional_moment(row.next.map(|next| next.planned)),
        "due_at": moment(row.due()),
        "started_at": optional_moment(row.started),
        "missed_from": optional_moment(row.missed.map(|missed| missed.first)),
        "missed_to": optional_moment(row.missed.map(|missed| missed.last)),
        "trigger_id": Value::Uuid(row.id()),
    })
}

fn read_trigger(mut row: Reader) -> Found<TriggerRow> {
    let (tenant, workflow) = (row.tenant()?, WorkflowId(row.uuid()?));
    let node = NodeId::parse(&row.text()?).map_err(|error| UnreadableRow(error.to_string()))?;
    let version = row.u64()?;
    let state: TriggerState = row.name()?;
    let params = row.json()?;
    let since = row.moment()?;
    let (planned, due) = (row.optional_moment()?, row.moment()?);
    let started = row.optional_moment()?;
    let missed = row.optional_moment()?.zip(row.optional_moment()?);
    Ok(TriggerRow {
        key: ScheduleKey { tenant, workflow, node },
        workflow_version: u32::try_from(version >> 32).unwrap_or(u32::MAX),
        revision: u32::try_from(version & u64::from(u32::MAX)).unwrap_or(u32::MAX),
        state,
        params,
        since,
        next: planned.map(|planned| Next { planned, due }),
        started,
        missed: missed.map(|(first, last)| Missed { first, last }),
    })
}

fn read_standing(mut row: Reader) -> Found<(WorkflowKey, Standing)> {
    let key = (row.tenant()?, WorkflowId(row.uuid()?));
    Ok((key, Standing { version: row.u32()?, deleted: row.flag()? }))
}
