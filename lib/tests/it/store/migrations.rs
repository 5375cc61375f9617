//! How the tables come to be.

use domain::{
    ids::{RunId, TenantId, WorkflowId},
    run::RunStatus,
};
use futures_util::future::join_all;
use minireipaz::store::{PageRequest, RunStore, Store as _, StoreError, clickhouse};

use super::{config, number, server};

#[tokio::test]
async fn a_missing_database_is_created_and_a_second_run_changes_nothing() {
    let config = config(&server().await.url_of(&format!("fresh_{}", number())));
    assert_eq!(
        clickhouse::migrate(&config).await.unwrap(),
        ["V1__tables", "V2__run_facts", "V3__workflow_claims"]
    );
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
async fn what_a_program_of_before_still_writes_is_seen() {
    let config = config(&server().await.url_of(&format!("before_{}", number())));
    clickhouse::migrate(&config).await.unwrap();
    let address = format!("127.0.0.1:{}", server().await.port());
    let client = klickhouse::Client::connect(address, klickhouse::ClientOptions::default()).await.unwrap();
    let database = config.address.database.as_str();
    let (run, workflow) = (uuid::Uuid::now_v7(), uuid::Uuid::now_v7());
    let version = 1u64 << 32 | 3;
    for statement in [
        format!(
            "INSERT INTO {database}.runs (tenant, run_id, node_id, version, status, trigger, input, workflow_id, kind) \
             VALUES ('t', '{run}', '', {version}, 'succeeded', '{{\"kind\":\"manual\"}}', '{{}}', '{workflow}', ''), \
             ('t', '{run}', 'n', {version}, 'succeeded', '', '', '{run}', 'set')"
        ),
        format!(
            "INSERT INTO {database}.runs_by_workflow (tenant, workflow_id, created_at, run_id, version, status, trigger) \
             VALUES ('t', '{workflow}', '2026-11-24 10:00:00.123', '{run}', {version}, 'succeeded', '{{\"kind\":\"manual\"}}')"
        ),
    ] {
        client.execute(statement).await.unwrap();
    }
    let store = clickhouse::ClickHouse::connect(config).await.unwrap();
    let tenant = TenantId::parse("t").unwrap();
    let key = (tenant.clone(), RunId(run));
    let found = RunStore::get(&store, std::slice::from_ref(&key)).await.unwrap().remove(&key).unwrap();
    assert_eq!((found.run.revision, found.steps.len()), (3, 1));
    let page = PageRequest { limit: 10, after: None };
    let listed = RunStore::list(&store, &tenant, WorkflowId(workflow), &page).await.unwrap();
    assert_eq!(
        (listed.items.len(), listed.items[0].id, listed.items[0].status),
        (1, RunId(run), RunStatus::Succeeded)
    );
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
    assert!(matches!(&error, StoreError::Decode(why) if why.contains("999")), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_as_such() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = clickhouse::migrate(&config(&format!("clickhouse://127.0.0.1:{port}/d"))).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}
