//! Answers that are too large for one.

use serde_json::json;
use uuid::Uuid;

use super::with_tables;
use crate::store::{
    Facts, RunStore as _, StoreError,
    clickhouse::{ClickHouse, runs},
};
use domain::{
    ids::{RunId, TenantId, WorkflowId},
    run::{NewRun, RunKey, Trigger},
    timestamp::Timestamp,
};

#[tokio::test]
async fn runs_that_are_too_large_to_be_read_together_are_read_in_parts() {
    let store = ClickHouse::new(&with_tables("parts").await).unwrap();
    let tenant = TenantId::parse("t1").unwrap();
    let run = |n: u128| NewRun {
        id: RunId(Uuid::from_u128(n)),
        workflow_id: WorkflowId(Uuid::nil()),
        workflow_version: 1,
        attempt: 1,
        trigger: Trigger::manual(),
        input: json!({ "n": n.to_string(), "text": "x".repeat(20_000) }),
        created_at: Timestamp::from_millis(7),
    };
    let all: Vec<_> = (0..20).map(|n| (tenant.clone(), run(n).queued())).collect();
    store.record(&Facts::of_runs(all.clone())).await.unwrap();
    let keys: Vec<RunKey> = all.iter().map(|(tenant, run)| (tenant.clone(), run.id)).collect();
    let together = format!("{} SETTINGS max_result_bytes = 50000", runs::runs_statement(&keys));
    let refused = store.database.select("runs", &together).await.err();
    assert!(matches!(refused, Some(StoreError::Server { code: 396, .. })), "{refused:?}");
    for most in [1, 50_000, 100_000_000] {
        let found = runs::get_within(&store.database, &keys, most).await.unwrap();
        assert_eq!(found.len(), keys.len(), "{most}");
        for (tenant, run) in &all {
            assert_eq!(found[&(tenant.clone(), run.id)].as_ref().unwrap().run, *run);
        }
    }
}
