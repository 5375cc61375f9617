//! How the tables come to be.

use futures_util::future::join_all;
use minireipaz::store::{Store as _, StoreError, clickhouse};

use super::{config, number, server};

/// The names of the migrations' files.
fn files() -> Vec<String> {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
    let name = |file: std::io::Result<std::fs::DirEntry>| file.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<_> = folder.map(|file| name(file).replace(".sql", "")).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_missing_database_is_created_and_a_second_run_changes_nothing() {
    let config = config(&server().await.url_of(&format!("fresh_{}", number())));
    assert_eq!(clickhouse::migrate(&config).await.unwrap(), files(), "every file in lib/migrations");
    assert!(clickhouse::migrate(&config).await.unwrap().is_empty());
    clickhouse::ClickHouse::connect(config).await.unwrap().ping().await.unwrap();
}

#[tokio::test]
async fn many_that_migrate_at_once_do_not_disturb_each_other() {
    let config = config(&server().await.url_of(&format!("crowd_{}", number())));
    let results = join_all((0..8).map(|_| clickhouse::migrate(&config))).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert!(clickhouse::migrate(&config).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_database_that_a_newer_program_has_migrated_is_left_alone() {
    let config = config(&server().await.url_of(&format!("newer_{}", number())));
    clickhouse::migrate(&config).await.unwrap();
    let address = format!("127.0.0.1:{}", server().await.port());
    let database = config.address.database.as_str();
    let client = klickhouse::Client::connect(address, klickhouse::ClientOptions::default()).await.unwrap();
    let newer = format!(
        "INSERT INTO {database}.schema_history (version, name, applied_on, checksum) \
         VALUES (999, 'later', '2026-11-24T00:00:00Z', '1')"
    );
    client.execute(newer).await.unwrap();
    let error = clickhouse::migrate(&config).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unreadable(why) if why.0.contains("999")), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_as_such() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = clickhouse::migrate(&config(&format!("clickhouse://127.0.0.1:{port}/d"))).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}
