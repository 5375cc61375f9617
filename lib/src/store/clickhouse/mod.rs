//! The store in `ClickHouse`, over its native protocol.
//!
//! `database` is the guard (retries, breaker) over `pool` over `connection`, which turns klickhouse's silent losses
//! into errors. `rows` and `cells` are the form of rows; the rest is a file a concern.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{
    batching::{BatchError, BatchLimits, Coalescer, Load},
    store::{DeadLetterStore, Facts, Head, Page, PageRequest, RunStore, Store, StoreConfig, StoreError},
};
use domain::{
    event::DeadLetter,
    ids::{TenantId, WorkflowId},
    run::{RunKey, RunSummary, RunWithSteps},
};

mod cells;
mod connection;
mod database;
mod greeting;
mod migrate;
mod pool;
mod recorder;
mod rows;
mod run_list;
mod runs;
mod sql;
#[cfg(test)]
mod tests;
mod tls;
mod workflows;

pub use migrate::migrate;

use database::Database;
use recorder::Rows;
use runs::{share, union};

type Requests<T> = Coalescer<Vec<RunKey>, HashMap<RunKey, T>, StoreError>;

/// Reads for many callers share a query. One at a time: what comes meanwhile gathers for the next.
const READS: BatchLimits = BatchLimits {
    in_flight: 1,
    batch: Load { items: 1_000, bytes: usize::MAX },
    queue: Load { items: 100_000, bytes: usize::MAX },
    pacing: gap,
};

/// A lone read holds nobody up. Where many come, a query costs far more than a run more in it (measured: 3 ms, and
/// 0.07 ms each), so the more there were, the longer the next query gathers: at most 20 ms.
fn gap(batch: Load) -> Duration {
    let others = u64::try_from(batch.items.saturating_sub(1)).unwrap_or(u64::MAX);
    Duration::from_micros(others.saturating_mul(500)).min(Duration::from_millis(20))
}

/// The store. Cheap to keep, made once a process; connections are made when they are needed.
pub struct ClickHouse {
    database: Arc<Database>,
    heads: Requests<Head>,
    gets: Requests<RunWithSteps>,
    records: Coalescer<Rows, (), StoreError>,
}

impl ClickHouse {
    /// The store, without looking whether the database is there.
    ///
    /// # Errors
    /// When the settings cannot work, such as a CA file that cannot be read.
    pub fn new(config: &StoreConfig) -> Result<Self, StoreError> {
        let database = Arc::new(Database::new(config)?);
        let items = |keys: &Vec<RunKey>| Load { items: keys.len(), bytes: 0 };
        let heads = {
            let database = Arc::clone(&database);
            Coalescer::new(READS, items, move |requests: Vec<Vec<RunKey>>| {
                let database = Arc::clone(&database);
                async move {
                    let all = runs::heads(&database, &union(&requests)).await?;
                    Ok(share(requests, all))
                }
            })
        };
        let gets = {
            let database = Arc::clone(&database);
            Coalescer::new(READS, items, move |requests: Vec<Vec<RunKey>>| {
                let database = Arc::clone(&database);
                async move {
                    let all = runs::get(&database, &union(&requests)).await?;
                    Ok(share(requests, all))
                }
            })
        };
        let records = {
            let database = Arc::clone(&database);
            Coalescer::new(recorder::LIMITS, recorder::measure, move |requests| {
                let database = Arc::clone(&database);
                async move { recorder::insert(&database, requests).await }
            })
        };
        Ok(Self { database, heads, gets, records })
    }

    /// The store, after the database has answered.
    ///
    /// # Errors
    /// When it does not: a wrong address, user, password or database.
    pub async fn connect(config: StoreConfig) -> Result<Self, StoreError> {
        let store = Self::new(&config)?;
        store.ping().await?;
        Ok(store)
    }

    /// Waits until all facts that were handed in are recorded or refused, at most for `limit`.
    pub async fn drain(&self, limit: Duration) {
        let _ = tokio::time::timeout(limit, self.records.drain()).await;
    }
}

impl fmt::Debug for ClickHouse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClickHouse").field("records", &self.records).finish_non_exhaustive()
    }
}

impl From<BatchError<Self>> for StoreError {
    fn from(error: BatchError<Self>) -> Self {
        match error {
            BatchError::Failed(error) => Arc::unwrap_or_clone(error),
            error @ (BatchError::Full { .. } | BatchError::Stopped) => Self::Unavailable(error.to_string()),
        }
    }
}

#[async_trait]
impl RunStore for ClickHouse {
    async fn record(&self, facts: &Facts) -> Result<(), StoreError> {
        let rows = Rows::of(facts)?;
        if rows.is_empty() {
            return Ok(());
        }
        Ok(self.records.submit(rows).await?)
    }

    async fn get(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, RunWithSteps>, StoreError> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        Ok(self.gets.submit(keys.to_vec()).await?)
    }

    async fn heads(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, Head>, StoreError> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        Ok(self.heads.submit(keys.to_vec()).await?)
    }

    async fn list(
        &self,
        tenant: &TenantId,
        workflow: WorkflowId,
        page: &PageRequest,
    ) -> Result<Page<RunSummary>, StoreError> {
        run_list::list(&self.database, tenant, workflow, page).await
    }
}

#[async_trait]
impl DeadLetterStore for ClickHouse {
    async fn bury(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        let rows = letters.iter().map(rows::dead_letter_row).collect();
        self.database.insert("bury", "dead_letters", rows).await
    }
}

#[async_trait]
impl Store for ClickHouse {
    async fn ping(&self) -> Result<(), StoreError> {
        self.database.ping().await
    }
}
