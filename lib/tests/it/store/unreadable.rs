//! Rows that cannot be read, as damage or a later version may leave them: each costs itself.

use std::sync::Arc;

use domain::{
    run::{Run, RunStatus, Step, StepStatus},
    workflow::{StoredWorkflow, WorkflowDocument},
};
use klickhouse::{Client, ClientOptions};
use metrics_exporter_prometheus::PrometheusBuilder;
use minireipaz::{
    bus::EventBus,
    clock::SystemClock,
    service::{Caller, Precondition, Workflows},
    store::{
        Facts, PageRequest, RunStore, Store, WorkflowChange, WorkflowStore,
        clickhouse::{self, ClickHouse},
    },
};
use serde_json::json;

use super::{
    at, config, number, run, server, step, step_fact, suite_run_lists::all_pages, tenant, workflow,
    workflow_id,
};
use crate::app::{TestBus, greeting};

/// A store, and somebody who damages its rows.
struct Damaged {
    store: Arc<ClickHouse>,
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
        Self { store: Arc::new(ClickHouse::connect(config).await.unwrap()), hand }
    }

    /// Writes the rows for which `condition` holds again, a version newer, with another value in a column.
    async fn damage(&self, table: &str, condition: &str, column: &str, value: &str) {
        let sql = format!(
            "INSERT INTO {table} SELECT * REPLACE ({value} AS {column}, version + 1 AS version) FROM {table} \
             WHERE {condition}"
        );
        self.hand.execute(sql).await.unwrap();
    }

    /// The same for a row of a run: its own, or that of the step at `place`.
    async fn damage_of_run(&self, run: &Run, place: &str, column: &str, value: &str) {
        let condition = format!("owner_id = '{}' AND place = '{place}'", run.id);
        self.damage("run_rows", &condition, column, value).await;
    }
}

/// JSON that is nested so deeply that no reader reads it.
const TOO_DEEP: &str = "concat(repeat('[', 200), repeat(']', 200))";

#[tokio::test]
async fn a_run_whose_own_row_cannot_be_read_says_so_and_the_others_are_read() {
    let damaged = Damaged::new().await;
    let store = &damaged.store;
    let (tenant, flow) = (tenant(), workflow_id());
    let runs: Vec<Run> = (0..4).map(|n| run(flow, at(n), RunStatus::Running, 1)).collect();
    let steps =
        runs.iter().map(|run| step_fact(&tenant, run, 0, step("fetch", StepStatus::Running))).collect();
    let facts = Facts { runs: runs.iter().map(|run| (tenant.clone(), run.clone())).collect(), steps };
    store.record(&facts).await.unwrap();
    for (run, column, value) in [
        (&runs[0], "input", TOO_DEEP),
        (&runs[1], "status", "'asleep'"),
        (&runs[2], "trigger", "unhex('ff')"),
    ] {
        damaged.damage_of_run(run, "", column, value).await;
    }
    let keys: Vec<_> = runs.iter().map(|run| (tenant.clone(), run.id)).collect();
    for _ in 0..2 {
        let found = store.get(&keys).await.unwrap();
        let unreadable: Vec<_> = keys.iter().map(|key| found[key].is_err()).collect();
        assert_eq!(unreadable, [true, true, true, false]);
        let whole = found[&keys[3]].as_ref().unwrap();
        assert_eq!((&whole.run, whole.steps.len()), (&runs[3], 1));
        let heads = store.heads(&keys).await.unwrap();
        let unreadable: Vec<_> = keys.iter().map(|key| heads[key].is_err()).collect();
        assert_eq!(unreadable, [false, true, false, false]);
    }
    let why = store.get(&keys).await.unwrap()[&keys[0]].clone().unwrap_err().to_string();
    assert!(why.contains("recursion limit") && !why.contains("[["), "{why}");
}

#[tokio::test]
async fn a_step_that_cannot_be_read_is_shown_as_such_and_the_rest_of_its_run_as_it_is() {
    let damaged = Damaged::new().await;
    let store = &damaged.store;
    let (tenant, run) = (tenant(), run(workflow_id(), at(0), RunStatus::Succeeded, 1));
    let nodes = ["whole", "output", "error", "status", "lineage", "console", "waits_for", "kind"];
    let steps = (0..).zip(nodes).map(|(ordinal, node)| {
        let output = Some([("main".into(), Arc::new(vec![]))].into());
        step_fact(&tenant, &run, ordinal, Step { output, ..step(node, StepStatus::Succeeded) })
    });
    store.record(&Facts { runs: vec![(tenant.clone(), run.clone())], steps: steps.collect() }).await.unwrap();
    for (column, value) in [
        ("output", TOO_DEEP),
        ("error", "'no JSON'"),
        ("status", "'asleep'"),
        ("lineage", "'[7]'"),
        ("console", "'[7]'"),
        ("waits_for", "'{\"until\":\"secret\"}'"),
        ("kind", "unhex('ff')"),
    ] {
        damaged.damage_of_run(&run, column, column, value).await;
    }
    damaged.damage_of_run(&run, "whole", "place", "concat('a', char(1), unhex('ff'))").await;
    let key = (tenant, run.id);
    let found = store.get(std::slice::from_ref(&key)).await.unwrap().remove(&key).unwrap().unwrap();
    assert_eq!(found.run, run);
    let shown = serde_json::to_value(&found.steps).unwrap();
    let shown = shown.as_array().unwrap();
    // The row of a node with an impossible name is one of a node of its own.
    assert_eq!(shown.len(), nodes.len() + 1, "{shown:?}");
    for step in shown {
        let node = step["node_id"].as_str().unwrap();
        if node == "whole" {
            assert_eq!((&step["status"], &step["error"]), (&json!("succeeded"), &json!(null)));
            continue;
        }
        assert_eq!(
            (&step["status"], &step["error"]["code"]),
            (&json!("unreadable"), &json!("unreadable_row"))
        );
        let message = step["error"]["message"].as_str().unwrap();
        assert!(message.contains("cannot be read") && !message.contains("secret"), "{message}");
        assert_eq!((&step["attempts"], &step["error"]["node_id"]), (&json!(1), &json!(node)));
        assert_eq!(step["kind"], if node == "kind" { "" } else { "set" });
    }
    let order: Vec<_> = shown.iter().map(|step| step["node_id"].as_str().unwrap()).collect();
    assert_eq!(order[2..], nodes[1..], "in the order in which they began");
}

#[tokio::test]
async fn each_row_that_cannot_be_read_is_counted_once_however_often_it_is_asked_for() {
    // Of this thread: all that this test does happens on it, and nothing else.
    let recorder = PrometheusBuilder::new().build_recorder();
    let _counting = metrics::set_default_local_recorder(&recorder);
    let damaged = Damaged::new().await;
    let (tenant, flow) = (tenant(), workflow_id());
    let runs: Vec<Run> = (0..3).map(|n| run(flow, at(n), RunStatus::Running, 1)).collect();
    let steps = runs.iter().map(|run| step_fact(&tenant, run, 0, step("fetch", StepStatus::Running)));
    let facts = Facts {
        steps: steps.collect(),
        runs: runs.iter().map(|run| (tenant.clone(), run.clone())).collect(),
    };
    damaged.store.record(&facts).await.unwrap();
    let saved = workflow(workflow_id(), 1, at(0));
    let key = (tenant.clone(), saved.summary.id);
    damaged.store.save(&[WorkflowChange::Saved { tenant: tenant.clone(), workflow: saved }]).await.unwrap();
    damaged.damage_of_run(&runs[0], "", "input", TOO_DEEP).await;
    damaged.damage_of_run(&runs[1], "fetch", "output", TOO_DEEP).await;
    damaged.damage("workflow_rows", &format!("workflow_id = '{}'", key.1), "document", "'{'").await;
    let keys: Vec<_> = runs.iter().map(|run| (tenant.clone(), run.id)).collect();
    for _ in 0..3 {
        damaged.store.get(&keys).await.unwrap();
        damaged.store.newest(std::slice::from_ref(&key)).await.unwrap();
    }
    let counted = recorder.handle().render();
    assert!(counted.lines().any(|line| line == "minireipaz_store_unreadable_rows_total 3"), "{counted}");
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
        let found = all_pages(&*damaged.store, &tenant, &runs[0], limit).await;
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
    let listed = WorkflowStore::list(&**store, &tenant, &page).await.unwrap();
    let listed: Vec<_> = listed.items.iter().map(|workflow| workflow.id).collect();
    assert_eq!(listed, [saved[2].summary.id, saved[0].summary.id]);
}

#[tokio::test]
async fn a_list_of_workflows_goes_on_past_one_that_cannot_be_read() {
    let damaged = Damaged::new().await;
    let tenant = tenant();
    let saved: Vec<_> = (0..7).map(|n| workflow(workflow_id(), 1, at(n))).collect();
    let change = |workflow: &StoredWorkflow| WorkflowChange::Saved {
        tenant: tenant.clone(),
        workflow: workflow.clone(),
    };
    damaged.store.save(&saved.iter().map(change).collect::<Vec<_>>()).await.unwrap();
    for n in [0, 2, 3, 6] {
        let condition = format!("workflow_id = '{}'", saved[n].summary.id);
        damaged.damage("workflow_rows", &condition, "name", "unhex('ff')").await;
    }
    for limit in [1, 2, 3, 50] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let request = PageRequest { limit, after };
            let page = WorkflowStore::list(&*damaged.store, &tenant, &request).await.unwrap();
            found.extend(page.items.into_iter().map(|workflow| workflow.id));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(found, [5, 4, 1].map(|n: usize| saved[n].summary.id), "pages of {limit}");
    }
}

#[tokio::test]
async fn a_workflow_that_cannot_be_read_can_be_replaced_and_deleted() {
    let damaged = Damaged::new().await;
    let (store, bus) = (Arc::clone(&damaged.store) as Arc<dyn Store>, Arc::new(TestBus::default()));
    // Another process than the one that saved it.
    let workflows =
        || Workflows::new(Arc::clone(&store), Arc::clone(&bus) as Arc<dyn EventBus>, Arc::new(SystemClock));
    let caller = Caller::of(tenant());
    let document = || serde_json::from_value::<WorkflowDocument>(greeting()).unwrap();
    let unreadable = async |column: &str, value: &str| {
        let saved = workflows().create(&caller, document()).await.unwrap();
        let condition = format!("workflow_id = '{}'", saved.id);
        damaged.damage("workflow_rows", &condition, column, value).await;
        let error = workflows().get(&caller, saved.id).await.unwrap_err().to_string();
        assert!(error.contains("cannot be read") && error.contains("version 2"), "{error}");
        saved
    };
    for (column, value) in [("document", "'{'"), ("name", "unhex('ff')"), ("document", "'{}'")] {
        let saved = unreadable(column, value).await;
        let stale = workflows().replace(&caller, saved.id, &Precondition::OneOf(vec![1]), document()).await;
        assert!(stale.unwrap_err().to_string().contains("version 2"), "{column}");
        let read = Precondition::OneOf(vec![2]);
        let mended = workflows().replace(&caller, saved.id, &read, document()).await.unwrap();
        assert_eq!((mended.version, mended.created_at), (3, saved.created_at), "{column}");
        assert_eq!(workflows().get(&caller, saved.id).await.unwrap(), mended);

        let gone = unreadable(column, value).await;
        workflows().delete(&caller, gone.id, &Precondition::Exists).await.unwrap();
        let error = workflows().get(&caller, gone.id).await.unwrap_err().to_string();
        assert!(error.contains("there is no workflow"), "{error}");
    }
}
