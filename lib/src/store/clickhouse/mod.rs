//! The store in `ClickHouse`, over its native protocol.
//!
//! `database` is the guard (retries, breaker) over `pool` over `connection`, which turns klickhouse's silent losses
//! into errors. `cells` and `run_rows` are the form of rows, which are read one by one: `unreadable` tells of those that
//! cannot be; `workflows`, `runs`, `credentials`, `claims`, `dead_letters`, `stats`, `alerts` and `heartbeats` are the
//! traits of those names, each method with its statement.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{
    batching::Coalescer,
    store::{Found, Head, Store, StoreConfig, StoreError},
};
use domain::run::RunWithSteps;

mod alerts;
mod cells;
mod claims;
mod connection;
mod connector;
mod credentials;
mod database;
mod dead_letters;
mod gathered;
mod greeting;
mod heartbeats;
mod hooks;
mod migrate;
mod pool;
mod recorder;
mod run_list;
mod run_rows;
mod run_steps;
mod runs;
mod sql;
mod stats;
#[cfg(test)]
mod tests;
mod tls;
mod triggers;
mod unreadable;
mod workflows;

pub use migrate::migrate;

use database::Database;
use gathered::Gathered;
use recorder::{Announcements, Rows};

/// The store. Cheap to keep, made once a process; connections are made when they are needed.
pub struct ClickHouse {
    database: Arc<Database>,
    heads: Gathered<Found<Head>>,
    gets: Gathered<Found<RunWithSteps>>,
    records: Coalescer<Rows, (), StoreError>,
    announcements: Announcements,
}

impl ClickHouse {
    /// The store, without looking whether the database is there.
    ///
    /// # Errors
    /// When the settings cannot work, such as a CA file that cannot be read.
    pub fn new(config: &StoreConfig) -> Result<Self, StoreError> {
        let database = Arc::new(Database::new(config)?);
        Ok(Self {
            heads: gathered::reads(&database, runs::heads),
            gets: gathered::reads(&database, runs::get),
            records: recorder::writes(&database),
            announcements: Announcements::new(&database),
            database,
        })
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

#[async_trait]
impl Store for ClickHouse {
    async fn ping(&self) -> Result<(), StoreError> {
        self.database.ping().await
    }
}
