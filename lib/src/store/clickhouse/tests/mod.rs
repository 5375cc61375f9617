//! What needs a real server and a look inside.

use tokio::sync::OnceCell;

use super::{connector::Connector, migrate, pool::Pool};
use crate::store::{StoreConfig, local::LocalClickHouse};

mod faults;
mod parts;
mod plans;
mod stats;

/// One server for the whole test binary; it stops when the binary ends.
async fn server() -> &'static LocalClickHouse {
    static SERVER: OnceCell<LocalClickHouse> = OnceCell::const_new();
    let start = async || {
        let data = tempfile::tempdir().unwrap().keep();
        LocalClickHouse::start_scratch(&data, |line| eprintln!("{line}")).await.unwrap()
    };
    SERVER.get_or_init(start).await
}

/// Settings for a database of its own, without tables.
async fn config(database: &str) -> StoreConfig {
    let server = server().await;
    let nowhere = StoreConfig::new(server.url_of("default").parse().unwrap());
    pool(&nowhere).execute(format!("CREATE DATABASE IF NOT EXISTS {database}")).await.unwrap();
    nowhere.with_database(database.parse().unwrap())
}

fn pool(config: &StoreConfig) -> Pool {
    Pool::new(Connector::new(config).unwrap(), config)
}

async fn with_tables(database: &str) -> StoreConfig {
    let config = config(database).await;
    migrate(&config).await.unwrap();
    config
}
