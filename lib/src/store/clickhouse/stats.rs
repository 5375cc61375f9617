//! Statistics: hours that the server has computed, and the runs of those that it has not.
//!
//! The server computes each hour once it is over, and again when something of it was recorded since (see the migration).
//! So the newest hours are read run by run, and all others a row an hour and workflow. Where the server is behind, more
//! hours are read run by run: it costs time and changes nothing.

use std::{collections::HashSet, time::Duration};

use async_trait::async_trait;

use super::{
    ClickHouse,
    cells::Reader,
    sql::{Hour, Text},
};
use crate::store::{
    Found, StatsAsk, StatsStore, StoreError, UnreadableRow,
    stats::{MOST_ERRORS, MOST_RECENT},
};
use domain::{
    alert::ErrorPattern,
    ids::{NodeId, RunId, WorkflowId},
    stats::{Bucket, Durations, RecentRun, RecurringError, RunStats, StatsPoint, Totals},
    timestamp::Timestamp,
};

/// The hour that goes on, and the ones before it that the server may not have computed yet or again.
const READ_BY_RUN: Duration = Duration::from_hours(3);

#[async_trait]
impl StatsStore for ClickHouse {
    async fn run_stats(&self, ask: &StatsAsk) -> Result<RunStats, StoreError> {
        let split = self.split(ask).await?;
        let series = self.database.select("run_stats", &series_statement(ask, split)).await?;
        let mut points = series.into_iter().map(read_point).collect::<Found<Vec<_>>>()?;
        // The first one is all of them together, and is there without any.
        let all = if points.is_empty() { None } else { Some(points.remove(0)) };
        let (totals, durations) = all.map_or_else(Default::default, |all| (all.totals, all.durations));
        let errors = if totals.all() == totals.succeeded {
            Vec::new()
        } else {
            let rows = self.database.select("run_errors", &errors_statement(ask, split)).await?;
            rows.into_iter().map(read_error).collect::<Found<Vec<_>>>()?
        };
        let recent = if totals.all() == 0 { Vec::new() } else { self.recent(ask).await? };
        let StatsAsk { from, to, bucket, .. } = *ask;
        Ok(RunStats { from, to, bucket, totals, durations, series: points, errors, recent })
    }
}

impl ClickHouse {
    /// From when on runs are read one by one.
    async fn split(&self, ask: &StatsAsk) -> Result<Timestamp, StoreError> {
        let (tenant, window) = (Text(ask.tenant.as_str()), window("", ask.from, ask.to));
        let sql = format!(
            "SELECT toUnixTimestamp(max(hour)) FROM run_hour_rows WHERE tenant = {tenant} AND {window}"
        );
        let newest = self.database.select("computed_hours", &sql).await?.pop().map(|mut row| row.u32());
        let newest = i64::from(newest.transpose()?.unwrap_or_default()) * 1_000;
        let computed = Timestamp::from_millis(newest).plus(Duration::from_hours(1));
        let settled = Bucket::Hour.start(ask.now.minus(READ_BY_RUN)).plus(Duration::from_hours(1));
        Ok(computed.min(settled).clamp(ask.from, ask.to))
    }

    /// Runs in order are a merge of all parts: so they are looked for in the newest hours first.
    async fn recent(&self, ask: &StatsAsk) -> Result<Vec<RecentRun>, StoreError> {
        let newest = ask.to.min(Bucket::Hour.start(ask.now).plus(Duration::from_hours(1)));
        let mut found = Vec::new();
        for hours in [Some(3), Some(24), None] {
            let since =
                hours.map_or(ask.from, |hours| newest.minus(Duration::from_hours(hours)).max(ask.from));
            let rows = self.database.select("recent_runs", &recent_statement(ask, since)).await?;
            found = rows.into_iter().map(read_recent).collect::<Found<Vec<_>>>()?;
            // A run may be there several times until the server has merged it.
            let mut seen = HashSet::new();
            found.retain(|run| seen.insert(run.id));
            if found.len() >= MOST_RECENT || since == ask.from {
                break;
            }
        }
        found.truncate(MOST_RECENT);
        Ok(found)
    }
}

fn window(table: &str, from: Timestamp, to: Timestamp) -> String {
    format!("{table}hour >= {} AND {table}hour < {}", Hour(from), Hour(to))
}

fn of_workflow(workflow: Option<WorkflowId>) -> String {
    workflow.map_or(String::new(), |id| format!(" AND workflow_id = '{id}'"))
}

/// The totals of the window, and then those of each bucket.
pub(super) fn series_statement(ask: &StatsAsk, split: Timestamp) -> String {
    let (tenant, workflow) = (Text(ask.tenant.as_str()), of_workflow(ask.workflow));
    let (computed, by_run) = (window("", ask.from, split), window("r.", split, ask.to));
    let bucket = match ask.bucket {
        Bucket::Hour => "toUnixTimestamp(hour)",
        Bucket::Day => "toUnixTimestamp(toStartOfDay(hour, 'UTC'))",
    };
    format!(
        "SELECT {bucket} AS at, sum(succeeded), sum(failed), sum(cancelled), sum(timed_out), sum(began), \
         arrayMap(x -> if(isNaN(x), 0, toUInt64(round(x))), quantilesTDigestIfMerge(0.5, 0.95, 0.99)(took)) AS q, \
         q[1], q[2], q[3] FROM (\
         SELECT hour, succeeded, failed, cancelled, timed_out, began, took FROM run_hour_rows FINAL \
         WHERE tenant = {tenant} AND {computed}{workflow} \
         UNION ALL SELECT r.hour, countIf(r.status = 'succeeded'), countIf(r.status = 'failed'), \
         countIf(r.status = 'cancelled'), countIf(r.status = 'timed_out'), sum(toUInt64(r.began)), \
         quantilesTDigestIfState(0.5, 0.95, 0.99)(r.took_ms, r.began) FROM run_end_rows AS r FINAL \
         WHERE r.tenant = {tenant} AND {by_run}{workflow} GROUP BY r.hour\
         ) GROUP BY at WITH ROLLUP ORDER BY at"
    )
}

fn read_point(mut row: Reader) -> Found<StatsPoint> {
    let at = seconds(row.u32()?);
    let totals =
        Totals { succeeded: row.u64()?, failed: row.u64()?, cancelled: row.u64()?, timed_out: row.u64()? };
    let began = row.u64()?;
    row.skip(1);
    let durations = Durations { p50_ms: row.u64()?, p95_ms: row.u64()?, p99_ms: row.u64()? };
    Ok(StatsPoint { at, totals, durations: (began > 0).then_some(durations) })
}

fn seconds(seconds: u32) -> Timestamp {
    Timestamp::from_millis(i64::from(seconds) * 1_000)
}

pub(super) fn errors_statement(ask: &StatsAsk, split: Timestamp) -> String {
    let (tenant, workflow) = (Text(ask.tenant.as_str()), of_workflow(ask.workflow));
    let (computed, by_run) = (window("", ask.from, split), window("", split, ask.to));
    format!(
        "SELECT workflow_id, key, sum(runs) AS all_runs FROM (\
         SELECT workflow_id, key, runs FROM run_hour_rows FINAL ARRAY JOIN error_keys AS key, error_counts AS runs \
         WHERE tenant = {tenant} AND {computed}{workflow} \
         UNION ALL SELECT workflow_id, error_key, count() FROM run_end_rows FINAL \
         WHERE tenant = {tenant} AND {by_run}{workflow} AND error_key != '' GROUP BY workflow_id, error_key\
         ) GROUP BY workflow_id, key ORDER BY all_runs DESC, key LIMIT {MOST_ERRORS}"
    )
}

fn read_error(mut row: Reader) -> Found<RecurringError> {
    let workflow_id = WorkflowId(row.uuid()?);
    let (code, node, status, host): (String, String, u16, String) = row.json()?;
    let node_id = if node.is_empty() { None } else { Some(NodeId::parse(&node)) };
    let pattern = ErrorPattern {
        workflow_id,
        node_id: node_id.transpose().map_err(|error| UnreadableRow(error.to_string()))?,
        code,
        status: Some(status).filter(|status| *status > 0),
        host: Some(host).filter(|host| !host.is_empty()),
    };
    Ok(RecurringError { pattern, runs: row.u64()? })
}

pub(super) fn recent_statement(ask: &StatsAsk, since: Timestamp) -> String {
    let (tenant, workflow) = (Text(ask.tenant.as_str()), of_workflow(ask.workflow));
    let window = window("", since, ask.to);
    // Without `FINAL`, which would read all of the window: so some rows more than runs are wanted.
    format!(
        "SELECT run_id, workflow_id, status, trigger_kind, created_at, finished_at FROM run_end_rows \
         WHERE tenant = {tenant} AND {window}{workflow} \
         ORDER BY hour DESC, created_at DESC, toUInt128(run_id) DESC, version DESC LIMIT {}",
        4 * MOST_RECENT
    )
}

fn read_recent(mut row: Reader) -> Found<RecentRun> {
    Ok(RecentRun {
        id: RunId(row.uuid()?),
        workflow_id: WorkflowId(row.uuid()?),
        status: row.name()?,
        trigger: row.text()?,
        created_at: row.moment()?,
        finished_at: row.moment()?,
    })
}
