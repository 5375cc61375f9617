//! Alerts: a row a worker's process, put together when they are read. A tenant has few of them.

use std::time::Duration;

use async_trait::async_trait;
use klickhouse::Value;
use uuid::Uuid;

use super::{
    ClickHouse,
    cells::{Reader, moment, optional_moment, row, text},
    connection::InsertRow,
    sql::{Moment, Text, after},
};
use crate::store::{
    AlertStore, Cursor, Found, Page, PageRequest, StoreError, UnreadableRow, alerts::version,
};
use domain::{
    alert::{Acknowledgement, Alert, AlertReport, ErrorPattern, cleared_at},
    ids::{AlertId, NodeId, TenantId, WorkflowId},
    timestamp::Timestamp,
};

#[async_trait]
impl AlertStore for ClickHouse {
    async fn report(&self, reports: &[AlertReport]) -> Result<(), StoreError> {
        self.database.insert("report_alerts", "alert_rows", reports.iter().map(report_row).collect()).await
    }

    async fn acknowledge(&self, known: &Acknowledgement) -> Result<(), StoreError> {
        let row = row! {
            "tenant": text(known.tenant.as_str()),
            "alert_id": Value::Uuid(known.id.0),
            "by": text(&known.by),
            "at": moment(known.at),
        };
        self.database.insert("acknowledge_alert", "alert_acknowledgement_rows", vec![row]).await
    }

    async fn alerts(
        &self,
        tenant: &TenantId,
        page: &PageRequest,
        open: bool,
        now: Timestamp,
    ) -> Result<Page<Alert>, StoreError> {
        let limit = page.limit.clamp(1, 200) as usize;
        let mut wanted = "1".to_owned();
        if open {
            wanted += &format!(" AND calm_at >= {}", Moment(now));
        }
        if let Some(cursor) = &page.after {
            wanted += &format!(" AND {}", after("first_at", "alert_id", cursor));
        }
        let sql = statement(tenant, "", &wanted, limit + 1);
        let rows = self.database.select("alerts", &sql).await?;
        let unreadable = &self.database.unreadable;
        let read = |row| unreadable.readable("alerts", read_alert(row, now));
        let alerts: Vec<_> = rows.into_iter().filter_map(read).collect();
        for (place, alert) in &alerts {
            if let Err(why) = alert {
                unreadable.tell(format_args!("alert {}", place.id), why);
            }
        }
        Ok(Page::of(alerts, limit))
    }

    async fn alert(
        &self,
        tenant: &TenantId,
        id: AlertId,
        now: Timestamp,
    ) -> Result<Option<Alert>, StoreError> {
        self.one(tenant, &format!(" AND alert_id = '{id}'"), now).await
    }

    async fn newest_alert(
        &self,
        tenant: &TenantId,
        pattern: Uuid,
        now: Timestamp,
    ) -> Result<Option<Alert>, StoreError> {
        self.one(tenant, &format!(" AND pattern_id = '{pattern}'"), now).await
    }
}

impl ClickHouse {
    async fn one(&self, tenant: &TenantId, which: &str, now: Timestamp) -> Result<Option<Alert>, StoreError> {
        let sql = statement(tenant, which, "1", 1);
        let row = self.database.select("alert", &sql).await?.pop();
        row.map(|row| Ok(read_alert(row, now)?.1?)).transpose()
    }
}

fn statement(tenant: &TenantId, which: &str, wanted: &str, limit: usize) -> String {
    let tenant = Text(tenant.as_str());
    format!(
        "SELECT alert_id, first_at, seen_at, calm, occurrences, told_at, known_at, known_by, said, of_workflow, of_node, \
         of_code, of_status, of_host FROM (\
         SELECT alert_id, min(r.raised_at) AS first_at, max(r.last_seen_at) AS seen_at, max(r.calm_ms) AS calm, \
         sum(r.count) AS occurrences, max(r.announced_at) AS told_at, argMax(r.message, r.last_seen_at) AS said, \
         any(r.workflow_id) AS of_workflow, any(r.node_id) AS of_node, any(r.code) AS of_code, \
         any(r.http_status) AS of_status, any(r.host) AS of_host, seen_at + toIntervalMillisecond(calm) AS calm_at \
         FROM alert_rows AS r FINAL WHERE tenant = {tenant}{which} GROUP BY alert_id) AS seen \
         LEFT JOIN (SELECT alert_id, min(a.at) AS known_at, argMin(a.by, a.at) AS known_by \
         FROM alert_acknowledgement_rows AS a WHERE tenant = {tenant} GROUP BY alert_id) AS known USING alert_id \
         WHERE {wanted} ORDER BY first_at DESC, toUInt128(alert_id) DESC LIMIT {limit}"
    )
}

fn report_row(report: &AlertReport) -> InsertRow {
    let AlertReport { tenant, pattern, .. } = report;
    let ErrorPattern { workflow_id, node_id, code, status, host } = pattern;
    row! {
        "tenant": text(tenant.as_str()),
        "alert_id": Value::Uuid(report.id.0),
        "reporter": Value::Uuid(report.reporter),
        "last_seen_at": moment(report.last_seen_at),
        "version": Value::UInt64(version(report)),
        "pattern_id": Value::Uuid(pattern.id(tenant)),
        "workflow_id": Value::Uuid(workflow_id.0),
        "node_id": text(node_id.as_ref().map_or("", NodeId::as_str)),
        "code": text(code),
        "http_status": Value::UInt32(u32::from(status.unwrap_or_default())),
        "host": text(host.as_deref().unwrap_or_default()),
        "message": text(&report.message),
        "raised_at": moment(report.raised_at),
        "count": Value::UInt64(report.count),
        "calm_ms": Value::UInt64(u64::try_from(report.calm.as_millis()).unwrap_or(u64::MAX)),
        "announced_at": optional_moment(report.announced_at),
    }
}

/// An alert and its place in the list.
fn read_alert(mut row: Reader, now: Timestamp) -> Found<(Cursor, Found<Alert>)> {
    let id = AlertId(row.uuid()?);
    let raised_at = row.moment()?;
    Ok((Cursor { at: raised_at, id: id.0 }, read_rest(id, raised_at, row, now)))
}

fn read_rest(id: AlertId, raised_at: Timestamp, mut row: Reader, now: Timestamp) -> Found<Alert> {
    let last_seen_at = row.moment()?;
    let calm = Duration::from_millis(row.u64()?);
    let count = row.u64()?;
    let (announced_at, acknowledged_at) = (row.optional_moment()?, row.optional_moment()?);
    let (by, message) = (row.text()?, row.text()?);
    let workflow_id = WorkflowId(row.uuid()?);
    let (node, code) = (row.text()?, row.text()?);
    let (status, host) = (row.u32()?, row.text()?);
    let node_id = if node.is_empty() { None } else { Some(NodeId::parse(&node)) };
    let pattern = ErrorPattern {
        workflow_id,
        node_id: node_id.transpose().map_err(|error| UnreadableRow(error.to_string()))?,
        code,
        status: u16::try_from(status).ok().filter(|status| *status > 0),
        host: Some(host).filter(|host| !host.is_empty()),
    };
    Ok(Alert {
        id,
        pattern,
        message,
        raised_at,
        last_seen_at,
        count,
        cleared_at: cleared_at(last_seen_at, calm, now),
        acknowledged_at,
        acknowledged_by: acknowledged_at.map(|_| by),
        announced_at,
    })
}
