//! Rows that cannot be read, as damage or a later version may leave them: each costs itself.

use domain::run::{Run, RunStatus, StepStatus};
use klickhouse::{Client, ClientOptions};
use minireipaz::store::{
    Facts, PageRequest, RunStore, WorkflowChange, WorkflowStore,
    clickhouse::{self, ClickHouse},
};

use super::{
    at, config, number, run, server, step, step_fact, suite_run_lists::all_pages, tenant, workflow,
    workflow_id,
};

/// A store, and somebody who damages its rows.
struct Damaged {
    store: ClickHouse,
    hand: Client,
}

impl Damaged {
    async fn new() -> Self {
        let config = config(&server().await.url_of(&format!("unreadable_{}", number())));
        clickhouse::migrate(&config).await.unwrap();
        let address = format!("127.0.0.1:{}", server().await.port());
        let default_database = config.address.database.as_str().to_owned();
        let options = ClientOptions { default_database, ..ClientOptions::default() };
        let hand = Client::connect(address, options).await.unwrap();
        Self { store: ClickHouse::connect(config).await.unwrap(), hand }
    }

    /// Writes the rows for which `condition` holds again, a version newer, with another value in a column.
    async fn damage(&self, table: &str, condition: &str, column: &str, value: &str) {
        let sql = format!(
            "INSERT INTO {table} SELECT * REPLACE ({value} AS {column}, version + 1 AS version) FROM {table} \
             WHERE {condition}"
        );
        self.hand.execute(sql).await.unwrap();
    }
}

/// JSON that is nested so deeply that no reader reads it.
const TOO_DEEP: &str = "concat(repeat('[', 200), repeat(']', 200))";

#[tokio::test]
async fn a_run_with_a_row_that_cannot_be_read_says_so_and_the_others_are_read() {
    let damaged = Damaged::new().await;
    let store = &damaged.store;
    let (tenant, flow) = (tenant(), workflow_id());
    let runs: Vec<Run> = (0..6).map(|n| run(flow, at(n), RunStatus::Running, 1)).collect();
    let steps =
        runs.iter().map(|run| step_fact(&tenant, run, 0, step("fetch", StepStatus::Running))).collect();
    let facts = Facts { runs: runs.iter().map(|run| (tenant.clone(), run.clone())).collect(), steps };
    store.record(&facts).await.unwrap();
    for (run, place, column, value) in [
        (&runs[0], "", "input", TOO_DEEP),
        (&runs[1], "fetch", "output", TOO_DEEP),
        (&runs[2], "fetch", "error", "'no JSON'"),
        (&runs[3], "", "status", "'asleep'"),
        (&runs[4], "", "trigger", "unhex('ff')"),
    ] {
        let condition = format!("owner_id = '{}' AND place = '{place}'", run.id);
        damaged.damage("run_rows", &condition, column, value).await;
    }
    let keys: Vec<_> = runs.iter().map(|run| (tenant.clone(), run.id)).collect();
    for _ in 0..2 {
        let found = store.get(&keys).await.unwrap();
        let unreadable: Vec<_> = keys.iter().map(|key| found[key].is_err()).collect();
        assert_eq!(unreadable, [true, true, true, true, true, false]);
        let whole = found[&keys[5]].as_ref().unwrap();
        assert_eq!((&whole.run, whole.steps.len()), (&runs[5], 1));
        let heads = store.heads(&keys).await.unwrap();
        let unreadable: Vec<_> = keys.iter().map(|key| heads[key].is_err()).collect();
        assert_eq!(unreadable, [false, false, false, true, false, false]);
    }
    let why = store.get(&keys).await.unwrap()[&keys[0]].clone().unwrap_err().to_string();
    assert!(why.contains("recursion limit") && !why.contains("[["), "{why}");
}

#[tokio::test]
async fn a_list_goes_on_past_entries_that_cannot_be_read() {
    let damaged = Damaged::new().await;
    let (tenant, flow) = (tenant(), workflow_id());
    let runs: Vec<Run> = (0..9).map(|n| run(flow, at(n), RunStatus::Running, 1)).collect();
    let all = runs.iter().map(|run| (tenant.clone(), run.clone())).collect();
    damaged.store.record(&Facts::of_runs(all)).await.unwrap();
    for run in [&runs[0], &runs[3], &runs[4], &runs[5], &runs[8]] {
        let id = run.id.0.simple();
        let condition = format!("owner_id = '{flow}' AND endsWith(place, '{id}')");
        damaged.damage("run_rows", &condition, "trigger", "'{'").await;
    }
    let left: Vec<_> = [7, 6, 2, 1].map(|n: usize| runs[n].id).to_vec();
    for limit in [1, 2, 50] {
        let found = all_pages(&damaged.store, &tenant, &runs[0], limit).await;
        assert_eq!(found.iter().map(|run| run.id).collect::<Vec<_>>(), left, "pages of {limit}");
    }
}

#[tokio::test]
async fn a_workflow_whose_document_cannot_be_read_hides_no_other() {
    let damaged = Damaged::new().await;
    let store = &damaged.store;
    let tenant = tenant();
    let saved: Vec<_> = (0..3).map(|n| workflow(workflow_id(), 1, at(n))).collect();
    let changes = saved
        .iter()
        .map(|workflow| WorkflowChange::Saved { tenant: tenant.clone(), workflow: workflow.clone() });
    store.save(&changes.collect::<Vec<_>>()).await.unwrap();
    let condition = |n: usize| format!("workflow_id = '{}'", saved[n].summary.id);
    damaged.damage("workflow_rows", &condition(0), "document", "'{'").await;
    damaged.damage("workflow_rows", &condition(1), "name", "unhex('ff')").await;
    let keys: Vec<_> = saved.iter().map(|workflow| (tenant.clone(), workflow.summary.id)).collect();
    let found = store.newest(&keys).await.unwrap();
    assert_eq!(keys.iter().map(|key| found[key].is_ok()).collect::<Vec<_>>(), [false, false, true]);
    // The damaged rows are version 2.
    let versions: Vec<_> = keys.iter().cloned().zip([2, 2, 1]).collect();
    let found = store.at_versions(&versions).await.unwrap();
    assert_eq!(versions.iter().map(|key| found[key].is_ok()).collect::<Vec<_>>(), [false, false, true]);
    let page = PageRequest { limit: 10, after: None };
    let listed = WorkflowStore::list(store, &tenant, &page).await.unwrap();
    let listed: Vec<_> = listed.items.iter().map(|workflow| workflow.id).collect();
    assert_eq!(listed, [saved[2].summary.id, saved[0].summary.id]);
}
