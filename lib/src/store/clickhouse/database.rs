//! The pool behind the guard: what everything else in this module talks to.

use metrics::counter;

use super::{cells::Reader, connection::InsertRow, connector::Connector, pool::Pool, unreadable::Unreadable};
use crate::{
    resilience::{BreakerSettings, CallError, Cause, Classify, Guard},
    store::{StoreConfig, StoreError},
    telemetry::names,
};
use domain::retry::{Failure, RetryPolicy};

/// One database. Every statement is safe to repeat, so all of them are retried.
pub(super) struct Database {
    pool: Pool,
    guard: Guard,
    /// What was told of rows that cannot be read.
    pub(super) unreadable: Unreadable,
}

impl Database {
    pub(super) fn new(config: &StoreConfig) -> Result<Self, StoreError> {
        let pool = Pool::new(Connector::new(config)?, config);
        // The pool keeps the time limits itself and says which one it was; the guard's is the last resort.
        let attempt = config.connect_timeout + 2 * config.call_timeout;
        let breaker = BreakerSettings { failures: 5, cool_down: std::time::Duration::from_secs(1) };
        let guard = Guard::new("clickhouse", RetryPolicy::standard(5, config.window), attempt, breaker);
        Ok(Self { pool, guard, unreadable: Unreadable::default() })
    }

    /// The rows of a query's answer.
    pub(super) async fn select(&self, operation: &'static str, sql: &str) -> Result<Vec<Reader>, StoreError> {
        let rows = self.guard.call(operation, || self.pool.select(sql.to_owned())).await?;
        Ok(rows.into_iter().map(Reader::from).collect())
    }

    /// Inserts rows, which all have the same columns, as one block.
    pub(super) async fn insert(
        &self,
        operation: &'static str,
        table: &str,
        rows: Vec<InsertRow>,
    ) -> Result<(), StoreError> {
        self.insert_with(operation, table, "", rows).await
    }

    /// Hands rows to the server, which writes them within a second, together with others', or loses them.
    pub(super) async fn insert_some_time(
        &self,
        operation: &'static str,
        table: &str,
        rows: Vec<InsertRow>,
    ) -> Result<(), StoreError> {
        const SETTINGS: &str = "SETTINGS async_insert = 1, wait_for_async_insert = 0, \
             async_insert_use_adaptive_busy_timeout = 0, async_insert_busy_timeout_max_ms = 1000 ";
        self.insert_with(operation, table, SETTINGS, rows).await
    }

    async fn insert_with(
        &self,
        operation: &'static str,
        table: &str,
        settings: &str,
        rows: Vec<InsertRow>,
    ) -> Result<(), StoreError> {
        let Some(first) = rows.first() else { return Ok(()) };
        let columns = first.columns.join(", ");
        let sql = format!("INSERT INTO {table} ({columns}) {settings}FORMAT Native");
        self.guard.call(operation, || self.pool.insert(sql.clone(), rows.clone())).await?;
        counter!(names::STORE_INSERTS).increment(1);
        Ok(())
    }

    /// Asks for a sign of life, once.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        self.pool.execute("SELECT 1".to_owned()).await
    }
}

impl Classify for StoreError {
    fn failure(&self) -> Failure {
        match self {
            Self::Unavailable(_) => Failure::Connection,
            Self::Server { code, .. } => of_code(*code),
            Self::Unreadable(_) | Self::Unwritable(_) => Failure::Permanent,
        }
    }
}

/// What a server's error code means for a retry. What is not listed is the statement's or the row's own fault, and
/// would be refused again.
fn of_code(code: i32) -> Failure {
    match code {
        // TIMEOUT_EXCEEDED, SOCKET_TIMEOUT
        159 | 209 => Failure::Timeout,
        // CANNOT_READ_ALL_DATA, UNEXPECTED_END_OF_FILE, ATTEMPT_TO_READ_AFTER_EOF, NETWORK_ERROR, SYSTEM_ERROR,
        // KEEPER_EXCEPTION, ABORTED, NO_ZOOKEEPER, TABLE_IS_READ_ONLY, UNKNOWN_STATUS_OF_INSERT,
        // ALL_CONNECTION_TRIES_FAILED, ALL_REPLICAS_ARE_STALE, CANNOT_ALLOCATE_MEMORY, QUERY_WAS_CANCELLED
        3 | 23 | 32 | 33 | 210 | 225 | 236 | 242 | 279 | 285 | 286 | 319 | 369 | 394 | 425 | 999 => {
            Failure::Server { retry_after: None }
        }
        // CANNOT_SCHEDULE_TASK, MEMORY_LIMIT_EXCEEDED, TOO_MANY_PARTS, TOO_MANY_SIMULTANEOUS_QUERIES,
        // NOT_ENOUGH_SPACE
        173 | 202 | 241 | 243 | 252 | 439 => Failure::Server { retry_after: None },
        _ => Failure::Permanent,
    }
}

impl From<CallError<StoreError>> for StoreError {
    fn from(error: CallError<Self>) -> Self {
        match error {
            // The server's own words are clearer than the history of a call that was refused at once.
            CallError {
                cause:
                    Cause::Failed(refusal @ (Self::Server { .. } | Self::Unreadable(_) | Self::Unwritable(_))),
                ..
            } => refusal,
            CallError { cause: Cause::Failed(Self::Unavailable(why)), history, .. } if history.len() == 1 => {
                Self::Unavailable(why)
            }
            error => Self::Unavailable(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_statement_or_row_is_not_tried_again_and_a_busy_server_is() {
        for code in [53, 117, 62, 60, 47, 81, 516, 497] {
            assert_eq!(of_code(code), Failure::Permanent, "{code}");
        }
        for code in [241, 242, 252, 209, 210, 159, 425, 202, 319] {
            assert!(of_code(code).is_retryable(), "{code}");
        }
    }
}
