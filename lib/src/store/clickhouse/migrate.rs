//! The tables, and how they come to be.

use async_trait::async_trait;
use klickhouse::query_parser::split_query_statements;
use refinery_core::{
    AsyncMigrate, Migration, Runner,
    traits::r#async::{AsyncQuery, AsyncTransaction},
};

use super::{cells::Reader, connection::Cells, connector::Connector, pool::Pool};
use crate::store::{StoreConfig, StoreError, UnreadableRow};

/// Every migration, oldest first. Each statement may run twice.
const MIGRATIONS: &[(&str, &str)] = &[
    ("V1__tables", include_str!("../../../migrations/V1__tables.sql")),
    ("V3__triggers", include_str!("../../../migrations/V3__triggers.sql")),
];

/// Where the server keeps which migrations ran.
const HISTORY: &str = "schema_history";

/// A change of a large table takes longer than a query may.
const STATEMENT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(3_600);

/// `UNKNOWN_DATABASE`
const NO_SUCH_DATABASE: i32 = 81;

/// Brings the database to this program's tables; creates it if it is missing. Returns the names of the migrations
/// that ran. Two at once are safe: no statement minds running twice.
///
/// # Errors
/// When the server is not reached or refuses; or when the database has a migration that this program does not know,
/// or another one under the same number.
pub async fn migrate(config: &StoreConfig) -> Result<Vec<String>, StoreError> {
    let mut config = config.clone();
    config.call_timeout = STATEMENT_TIMEOUT;
    config.pool_size = 1;
    let pool = Pool::new(Connector::new(&config)?, &config);
    // The right to create databases is only needed by whoever needs one.
    match pool.execute("SELECT 1".to_owned()).await {
        Err(StoreError::Server { code: NO_SUCH_DATABASE, .. }) => {
            let server = Pool::new(Connector::new(&config)?.without_database(), &config);
            let name = config.address.database.as_str();
            server.execute(format!("CREATE DATABASE IF NOT EXISTS `{name}`")).await?;
        }
        other => other?,
    }
    let migrations = MIGRATIONS
        .iter()
        .map(|(name, sql)| Migration::unapplied(name, sql))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| failed(&error))?;
    let mut runner = Runner::new(&migrations);
    runner.set_migration_table_name(HISTORY);
    let report = runner.run_async(&mut Server(pool)).await.map_err(|error| failed(&error))?;
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}

/// The store's own error is inside, when it was the cause.
fn failed(error: &refinery_core::Error) -> StoreError {
    let mut source = std::error::Error::source(error);
    let mut text = error.to_string();
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<StoreError>() {
            return error.clone();
        }
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    UnreadableRow(format!("the history of migrations does not fit this program: {text}")).into()
}

/// What refinery talks to: klickhouse's own adapter knows neither time limits nor lost connections, and its lock
/// stays behind when a process dies.
struct Server(Pool);

#[async_trait]
impl AsyncTransaction for Server {
    type Error = StoreError;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send>(
        &mut self,
        queries: T,
    ) -> Result<usize, StoreError> {
        let mut done = 0;
        for query in queries {
            for statement in split_query_statements(query) {
                self.0.execute(statement).await?;
            }
            done += 1;
        }
        Ok(done)
    }
}

#[async_trait]
impl AsyncQuery<Vec<Migration>> for Server {
    async fn query(&mut self, query: &str) -> Result<Vec<Migration>, StoreError> {
        self.0.select(query.to_owned()).await?.into_iter().map(read).collect()
    }
}

impl AsyncMigrate for Server {
    /// Two processes that migrate at once both write down what they did; the second row replaces the first.
    fn assert_migrations_table_query(table: &str) -> String {
        format!(
            "CREATE TABLE IF NOT EXISTS {table} (version Int32, name String, applied_on String, checksum String) \
             ENGINE = ReplacingMergeTree ORDER BY version"
        )
    }

    fn get_last_applied_migration_query(table: &str) -> String {
        format!(
            "SELECT toString(version), name, applied_on, checksum FROM {table} FINAL ORDER BY version DESC LIMIT 1"
        )
    }

    fn get_applied_migrations_query(table: &str) -> String {
        format!("SELECT toString(version), name, applied_on, checksum FROM {table} FINAL ORDER BY version")
    }
}

fn read(cells: Cells) -> Result<Migration, StoreError> {
    let wrong = |what: &str| UnreadableRow(format!("{HISTORY} has a wrong {what}"));
    let mut row = Reader::from(cells);
    let version = row.text()?.parse().map_err(|_| wrong("version"))?;
    let name = row.text()?;
    let applied_on =
        time::OffsetDateTime::parse(&row.text()?, &time::format_description::well_known::Rfc3339)
            .map_err(|_| wrong("time"))?;
    let checksum = row.text()?.parse().map_err(|_| wrong("checksum"))?;
    Ok(Migration::applied(version, name, applied_on, checksum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_of_every_migration_may_run_twice() {
        for (name, sql) in MIGRATIONS {
            let statements = split_query_statements(sql);
            assert!(!statements.is_empty());
            for statement in statements {
                let code: String =
                    statement.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
                let harmless = ["IF NOT EXISTS", "IF EXISTS", "OR REPLACE"];
                assert!(harmless.iter().any(|words| code.contains(words)), "{name}: {statement}");
            }
        }
    }
}
