//! Runs of workflows that limit how many of them run at once: their ids say which worker has all that share a key, and
//! the version that they were accepted for is the one that runs.

use domain::{
    concurrency::RunGroup,
    event::{Payload, RunRequested, Topic},
    ids::{RunId, WorkflowId},
};
use minireipaz::store::memory::Call;
use serde_json::{Value, json};

use crate::app::{TestApp, acme, greeting};

/// A workflow with that limit.
fn limited(concurrency: &Value) -> Value {
    let mut document = greeting();
    document["settings"] = json!({ "concurrency": concurrency });
    document
}

/// Saves it; gives its id.
async fn saved(app: &TestApp, concurrency: &Value) -> WorkflowId {
    let saved = app.post("/api/v1/workflows", &limited(concurrency)).await;
    assert_eq!(saved.status, 201, "{saved:?}");
    saved.body["id"].as_str().unwrap().parse().unwrap()
}

async fn start(app: &TestApp, workflow: WorkflowId, input: Value, headers: &[(&str, &str)]) -> RunId {
    let path = format!("/api/v1/workflows/{workflow}/runs");
    let started = app.post_with(&path, &json!({ "input": input }), headers).await;
    assert_eq!(started.status, 202, "{started:?}");
    started.body["id"].as_str().unwrap().parse().unwrap()
}

fn requested(app: &TestApp) -> Vec<(String, RunRequested)> {
    let events = app.bus.of_topic(Topic::Workflows).into_iter();
    let requested = |payload: Payload| match payload {
        Payload::RunRequested(requested) => Some((Payload::RunRequested(requested.clone()).key(), requested)),
        _ => None,
    };
    events.filter_map(|event| requested(event.payload)).collect()
}

fn versions_of_tasks(app: &TestApp) -> Vec<u32> {
    let version = |payload| match payload {
        Payload::TaskExecute(task) => task.workflow_version,
        other => panic!("{other:?}"),
    };
    app.bus.of_topic(Topic::Tasks).into_iter().map(|task| version(task.payload)).collect()
}

#[tokio::test]
async fn runs_with_one_key_have_one_owner_slot_and_one_record_key() {
    let app = TestApp::start().await;
    let workflow = saved(&app, &json!({"limit": 2, "key": "customer.id"})).await;
    let slot = |key| RunGroup::of(&acme(), workflow, key).slot();
    let mut ids = Vec::new();
    for (input, key) in [
        (json!({"customer": {"id": 7}}), Some("7")),
        (json!([{"customer": {"id": "7"}}, {"customer": {"id": "8"}}]), Some("7")),
        (json!({"customer": {"id": "8"}}), Some("8")),
        (json!({"customer": {}}), None),
        (json!(null), None),
    ] {
        let id = start(&app, workflow, input.clone(), &[]).await;
        assert_eq!(id.owner_slot(), slot(key), "{input}");
        assert!(id.created_at().is_some(), "it still tells its age");
        ids.push(id);
    }
    let requested = requested(&app);
    let keys: Vec<_> = requested.iter().map(|(key, _)| key.clone()).collect();
    assert_eq!(keys, ids.iter().map(|id| format!("{:04x}", id.owner_slot())).collect::<Vec<_>>());
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5, "each is a run of its own");
}

#[tokio::test]
async fn a_run_with_a_limit_runs_in_the_version_it_was_accepted_for_also_when_a_newer_one_has_come_by() {
    let app = TestApp::start().await;
    let workflow = saved(&app, &json!({"limit": 1, "key": "a"})).await;
    let id = start(&app, workflow, json!({"a": "x", "b": "y"}), &[]).await;
    assert_eq!(id.owner_slot(), RunGroup::of(&acme(), workflow, Some("x")).slot());
    let by_another_key = limited(&json!({"limit": 1, "key": "b"}));
    app.put(&format!("/api/v1/workflows/{workflow}"), &by_another_key, "*").await;
    let id = start(&app, workflow, json!({"a": "x", "b": "y"}), &[]).await;
    assert_eq!(id.owner_slot(), RunGroup::of(&acme(), workflow, Some("y")).slot());
    app.put(&format!("/api/v1/workflows/{workflow}"), &greeting(), "*").await;
    start(&app, workflow, json!({"a": "x"}), &[]).await;
    let wanted: Vec<_> = requested(&app).iter().map(|(_, run)| run.wanted_version).collect();
    assert_eq!(wanted, [Some(1), Some(2), None], "a version without a limit leaves it to the scheduler");
    assert_eq!(app.deliver_all().await.body["runs"], 3);
    assert_eq!(versions_of_tasks(&app), [1, 2, 3]);
}

#[tokio::test]
async fn a_version_that_is_named_has_its_own_limit() {
    let app = TestApp::start().await;
    let workflow = saved(&app, &json!({"limit": 1, "key": "a"})).await;
    app.put(&format!("/api/v1/workflows/{workflow}"), &greeting(), "*").await;
    let path = format!("/api/v1/workflows/{workflow}/runs");
    let body = json!({"input": {"a": "x"}, "version": 1});
    let started = app.post(&path, &body).await;
    let id: RunId = started.body["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(id.owner_slot(), RunGroup::of(&acme(), workflow, Some("x")).slot());
}

#[tokio::test]
async fn the_same_idempotency_key_is_the_same_run_at_its_keys_owner_slot_and_with_another_input_it_is_refused()
 {
    let app = TestApp::start().await;
    let workflow = saved(&app, &json!({"limit": 1, "key": "a"})).await;
    let header = [("idempotency-key", "order-1")];
    let id = start(&app, workflow, json!({"a": "x"}), &header).await;
    assert_eq!(id.owner_slot(), RunGroup::of(&acme(), workflow, Some("x")).slot());
    assert_eq!(start(&app, workflow, json!({"a": "x"}), &header).await, id);
    // Another process, which has to look the run up; whatever key the other input has.
    let other = app.beside();
    assert_eq!(start(&other, workflow, json!({"a": "x"}), &header).await, id);
    let path = format!("/api/v1/workflows/{workflow}/runs");
    for input in [json!({"a": "y"}), json!({"a": "x", "n": 1}), json!({})] {
        for process in [&app, &other] {
            let refused = process.post_with(&path, &json!({ "input": input }), &header).await;
            assert!(refused.problem(422, "idempotency_key_reused").contains(&id.to_string()));
        }
    }
    assert_eq!(requested(&app).len(), 1);
}

#[tokio::test]
async fn the_same_idempotency_key_is_the_same_run_when_the_limit_came_later_or_has_gone_or_counts_by_another_key()
 {
    let app = TestApp::start().await;
    let before: WorkflowId = app.workflow().await.parse().unwrap();
    let header = [("idempotency-key", "order-1")];
    let input = || json!({"a": "x", "b": "y"});
    let id = start(&app, before, input(), &header).await;
    for concurrency in [json!({"limit": 1}), json!({"limit": 1, "key": "a"}), json!({"limit": 1, "key": "b"})]
    {
        app.put(&format!("/api/v1/workflows/{before}"), &limited(&concurrency), "*").await;
        assert_eq!(start(&app.beside(), before, input(), &header).await, id, "{concurrency}");
    }
    let without_key = saved(&app, &json!({"limit": 1})).await;
    let id = start(&app, without_key, input(), &header).await;
    assert_eq!(id.owner_slot(), RunGroup::of(&acme(), without_key, None).slot());
    app.put(&format!("/api/v1/workflows/{without_key}"), &greeting(), "*").await;
    assert_eq!(start(&app.beside(), without_key, input(), &header).await, id);
    assert_eq!(requested(&app).len(), 2);
}

#[tokio::test]
async fn a_key_costs_one_look_more_only_where_the_input_decides_about_the_owner_slot() {
    let app = TestApp::start().await;
    let plain: WorkflowId = app.workflow().await.parse().unwrap();
    let limited = saved(&app, &json!({"limit": 1})).await;
    let by_key = saved(&app, &json!({"limit": 1, "key": "a"})).await;
    for (workflow, looks) in [(plain, 0), (limited, 0), (by_key, 1)] {
        let (gets, all) = (app.store.calls(Call::GET), app.store.calls(Call::GET_AT_ANY_SLOT));
        start(&app, workflow, json!({"a": 1}), &[("idempotency-key", "k")]).await;
        assert_eq!(app.store.calls(Call::GET) - gets, 1);
        assert_eq!(app.store.calls(Call::GET_AT_ANY_SLOT) - all, looks);
    }
}

#[tokio::test]
async fn what_cannot_limit_runs_is_refused_with_its_place() {
    let app = TestApp::start().await;
    for (concurrency, path) in [
        (json!({"limit": 0}), "settings.concurrency.limit"),
        (json!({"limit": 10_001}), "settings.concurrency.limit"),
        (json!({"limit": 1, "key": "a..b"}), "settings.concurrency.key"),
        (json!({"limit": 1, "key": 7}), "settings.concurrency.key"),
        (json!({"limit": 1, "above": "wait"}), "settings.concurrency.above"),
        (json!({"key": "a"}), "settings.concurrency.limit"),
    ] {
        let refused = app.post("/api/v1/workflows", &limited(&concurrency)).await;
        refused.problem(422, "invalid_workflow");
        assert_eq!(
            refused.violations().iter().map(|(path, _)| *path).collect::<Vec<_>>(),
            [path],
            "{concurrency}"
        );
    }
}
