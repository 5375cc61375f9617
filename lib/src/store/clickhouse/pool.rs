//! A small pool. Each call has a connection for itself; one that is not known to be clean never comes back.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout},
};

use super::{
    connection::{Answer, Cells, Connection, InsertRow},
    connector::Connector,
};
use crate::store::{StoreConfig, StoreError};

/// A connection that lay idle for longer is not trusted: a load balancer may have forgotten it without a word.
const MAX_IDLE: Duration = Duration::from_secs(120);

/// Connections to one database.
pub(super) struct Pool {
    connector: Connector,
    size: usize,
    /// How long a call may wait for a connection that others use.
    wait: Duration,
    call_timeout: Duration,
    permits: Semaphore,
    /// The last used is taken first, so that those that are not needed grow old.
    idle: Mutex<Vec<Connection>>,
}

/// A connection in use. Dropping it closes it; only [`Lease::settle`] gives it back.
struct Lease<'a> {
    connection: Connection,
    pool: &'a Pool,
    _permit: SemaphorePermit<'a>,
}

impl Pool {
    pub(super) fn new(connector: Connector, config: &StoreConfig) -> Self {
        let size = config.pool_size.max(1);
        Self {
            connector,
            size,
            wait: config.call_timeout,
            call_timeout: config.call_timeout,
            permits: Semaphore::new(size),
            idle: Mutex::new(Vec::with_capacity(size)),
        }
    }

    /// The rows of a query's answer.
    pub(super) async fn select(&self, sql: String) -> Result<Vec<Cells>, StoreError> {
        self.call(async |connection| connection.select(sql).await).await
    }

    /// Runs a statement without an answer.
    pub(super) async fn execute(&self, sql: String) -> Result<(), StoreError> {
        self.call(async |connection| connection.execute(sql).await).await
    }

    /// Inserts rows as one block.
    pub(super) async fn insert(&self, sql: String, rows: Vec<InsertRow>) -> Result<(), StoreError> {
        self.call(async |connection| connection.insert(sql, rows).await).await
    }

    /// A query's answer, and how many rows the server read for it.
    #[cfg(test)]
    pub(super) async fn select_counting(&self, sql: String) -> Result<(Vec<Cells>, u64), StoreError> {
        self.call(async |connection| connection.select_counting(sql).await).await
    }

    async fn call<T>(&self, call: impl AsyncFnOnce(&Connection) -> Answer<T>) -> Result<T, StoreError> {
        let lease = self.lease().await?;
        match timeout(self.call_timeout, call(&lease.connection)).await {
            Ok(answer) => {
                lease.settle(answer.reusable);
                answer.result
            }
            Err(_) => {
                let limit = self.call_timeout.as_millis();
                Err(StoreError::Unavailable(format!("no answer within {limit} ms")))
            }
        }
    }

    async fn lease(&self) -> Result<Lease<'_>, StoreError> {
        let permit = match timeout(self.wait, self.permits.acquire()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(StoreError::Unavailable("the pool is closed".to_owned())),
            Err(_) => {
                return Err(StoreError::Unavailable(format!(
                    "all {} connections were in use for {} ms (CLICKHOUSE_POOL_SIZE)",
                    self.size,
                    self.wait.as_millis()
                )));
            }
        };
        let connection = match self.take_idle() {
            Some(connection) => connection,
            None => self.connector.connect().await?,
        };
        Ok(Lease { connection, pool: self, _permit: permit })
    }

    fn take_idle(&self) -> Option<Connection> {
        let now = Instant::now();
        let mut idle = self.idle();
        // Those that are no good are closed here, since dropping a connection closes it.
        idle.retain(|c| !c.is_closed() && now.duration_since(c.idle_since) < MAX_IDLE);
        idle.pop()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease<'_> {
    fn settle(mut self, reusable: bool) {
        if reusable {
            self.connection.idle_since = Instant::now();
            self.pool.idle().push(self.connection);
        }
    }
}
