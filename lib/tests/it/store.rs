//! The stores. One suite runs over the one in memory and over a real `ClickHouse`.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::{
    ids::{NodeId, RunId, TenantId, WorkflowId},
    run::{NewRun, Run, RunStatus, Step, StepStatus, Trigger},
    timestamp::Timestamp,
    workflow::{DocumentText, StoredWorkflow, WorkflowSummary},
};
use minireipaz::store::{Facts, StepFact, StoreConfig, clickhouse, local::LocalClickHouse};
use serde_json::json;
use tokio::sync::OnceCell;

mod crash;
mod migrations;
mod server;
mod suite;
mod suite_alerts;
mod suite_claims;
mod suite_credentials;
mod suite_hooks;
mod suite_iterations;
mod suite_letters;
mod suite_limits;
mod suite_run_lists;
mod suite_runs;
mod suite_stats;
mod suite_triggers;
mod suite_workflows;
mod tls;
mod unreadable;
mod views;

/// One server for the whole test binary; it stops when the binary ends. Each test has its own tenant or database.
async fn server() -> &'static LocalClickHouse {
    static SERVER: OnceCell<LocalClickHouse> = OnceCell::const_new();
    let start = async || {
        let data = tempfile::tempdir().unwrap().keep();
        LocalClickHouse::start_scratch(&data, |line| eprintln!("{line}")).await.unwrap()
    };
    SERVER.get_or_init(start).await
}

fn config(url: &str) -> StoreConfig {
    StoreConfig::new(url.parse().unwrap())
}

/// A store over the shared server, in a database with all tables.
async fn clickhouse() -> clickhouse::ClickHouse {
    static MIGRATED: OnceCell<()> = OnceCell::const_new();
    let config = config(&server().await.url_of("suite"));
    MIGRATED
        .get_or_init(async || {
            clickhouse::migrate(&config).await.unwrap();
        })
        .await;
    clickhouse::ClickHouse::connect(config).await.unwrap()
}

fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A tenant that no other test has.
fn tenant() -> TenantId {
    TenantId::parse(&format!("tenant-{}", number())).unwrap()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_795_500_000_000 + millis)
}

fn run_id(created: Timestamp) -> RunId {
    RunId::at(created, rand::random())
}

fn workflow_id() -> WorkflowId {
    WorkflowId::at(at(0), rand::random())
}

/// A run in its first attempt.
fn run(workflow_id: WorkflowId, created: Timestamp, status: RunStatus, revision: u64) -> Run {
    let new = NewRun {
        id: run_id(created),
        workflow_id,
        workflow_version: 3,
        attempt: 1,
        trigger: Trigger::manual(),
        input: json!({"sku": "A1"}),
        created_at: created,
    };
    Run {
        status,
        revision,
        output: status.is_terminal().then(|| json!({"last": [{"price": 12.5}]})),
        started_at: Some(created),
        finished_at: status.is_terminal().then_some(created),
        ..new.queued()
    }
}

fn step(node: &str, status: StepStatus) -> Step {
    Step {
        node_id: NodeId::parse(node).unwrap(),
        iteration: Default::default(),
        lineage: Default::default(),
        console: Vec::new(),
        waits_for: None,
        signal: None,
        kind: "set".to_owned(),
        status,
        pinned: status == StepStatus::Succeeded,
        attempts: 1,
        started_at: Some(at(5)),
        finished_at: None,
        output: None,
        error: None,
    }
}

fn step_fact(tenant: &TenantId, run: &Run, ordinal: u32, step: Step) -> StepFact {
    StepFact {
        tenant: tenant.clone(),
        run_id: run.id,
        run_attempt: run.attempt,
        revision: run.revision,
        ordinal,
        step,
    }
}

fn facts(tenant: &TenantId, runs: &[&Run]) -> Facts {
    Facts::of_runs(runs.iter().map(|run| (tenant.clone(), (*run).clone())).collect())
}

fn workflow(id: WorkflowId, version: u32, updated: Timestamp) -> StoredWorkflow {
    let document = json!({"name": format!("v{version}"), "nodes": [], "viewport": {"x": 1}}).to_string();
    StoredWorkflow {
        summary: WorkflowSummary {
            id,
            name: format!("v{version}"),
            active: version.is_multiple_of(2),
            version,
            created_at: at(0),
            updated_at: updated,
        },
        document: DocumentText::parse(document).unwrap(),
    }
}
