//! What workers say of themselves.

use async_trait::async_trait;
use klickhouse::Value;

use super::{
    ClickHouse,
    cells::{Reader, json, moment, row, text},
    connection::InsertRow,
    sql::Moment,
};
use crate::store::{Found, HeartbeatStore, StoreError};
use domain::{heartbeat::Heartbeat, timestamp::Timestamp};

#[async_trait]
impl HeartbeatStore for ClickHouse {
    async fn beat(&self, beat: &Heartbeat) -> Result<(), StoreError> {
        self.database.insert("beat", "heartbeat_rows", vec![beat_row(beat)?]).await
    }

    async fn heartbeats(&self, since: Timestamp) -> Result<Vec<Heartbeat>, StoreError> {
        let sql = format!(
            "SELECT worker, at, started_at, program, active_runs, backlog_rows, backlog_bytes, unrecorded_ms, topics, \
             breakers FROM heartbeat_rows FINAL WHERE at >= {} ORDER BY worker",
            Moment(since)
        );
        let rows = self.database.select("heartbeats", &sql).await?;
        let read = |row| self.database.unreadable.readable("heartbeats", read_beat(row));
        Ok(rows.into_iter().filter_map(read).collect())
    }
}

fn beat_row(beat: &Heartbeat) -> Result<InsertRow, StoreError> {
    Ok(row! {
        "worker": text(&beat.worker),
        "at": moment(beat.at),
        "started_at": moment(beat.started_at),
        "program": text(&beat.version),
        "active_runs": Value::UInt64(beat.active_runs),
        "backlog_rows": Value::UInt64(beat.backlog_rows),
        "backlog_bytes": Value::UInt64(beat.backlog_bytes),
        "unrecorded_ms": Value::UInt64(beat.unrecorded_ms),
        "topics": Value::String(json(&beat.topics)?),
        "breakers": Value::String(json(&beat.breakers)?),
    })
}

fn read_beat(mut row: Reader) -> Found<Heartbeat> {
    Ok(Heartbeat {
        worker: row.text()?,
        at: row.moment()?,
        started_at: row.moment()?,
        version: row.text()?,
        active_runs: row.u64()?,
        backlog_rows: row.u64()?,
        backlog_bytes: row.u64()?,
        unrecorded_ms: row.u64()?,
        topics: row.json()?,
        breakers: row.json()?,
    })
}
