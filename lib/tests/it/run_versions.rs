//! Runs that name the version of their workflow: checked at once, and kept through the scheduler.

use axum::body::Body;
use domain::{
    event::{Payload, Topic},
    ids::WorkflowId,
    workflow::{DocumentText, StoredWorkflow, WorkflowSummary},
};
use http::Method;
use minireipaz::store::{WorkflowChange, WorkflowStore, memory::Call};
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, acme, greeting};

/// A workflow with that many versions; gives its path.
async fn workflow_with(app: &TestApp, versions: u32) -> String {
    let path = format!("/api/v1/workflows/{}", app.workflow().await);
    for version in 2..=versions {
        assert_eq!(app.put(&path, &greeting(), "*").await.body["version"], version);
    }
    path
}

async fn start(app: &TestApp, path: &str, version: impl Into<Value>) -> Answer {
    app.post(&format!("{path}/runs"), &json!({"input": {"n": 1}, "version": version.into()})).await
}

fn versions_of_tasks(app: &TestApp) -> Vec<u32> {
    let version = |payload| match payload {
        Payload::TaskExecute(task) => task.workflow_version,
        other => panic!("{other:?}"),
    };
    app.bus.of_topic(Topic::Tasks).into_iter().map(|task| version(task.payload)).collect()
}

#[tokio::test]
async fn a_run_has_the_version_that_its_request_names_else_the_newest() {
    let app = TestApp::start().await;
    let path = workflow_with(&app, 3).await;
    for (named, version) in [(json!(1), 1), (json!(3), 3), (json!(null), 3), (json!(2), 2)] {
        let started = start(&app, &path, named.clone()).await;
        assert_eq!((started.status.as_u16(), &started.body["workflow_version"]), (202, &json!(version)));
        let requested = app.bus.of_topic(Topic::Workflows).pop().unwrap();
        let Payload::RunRequested(run) = requested.payload else { panic!("{requested:?}") };
        assert_eq!((run.workflow_version, json!(run.wanted_version)), (3, named));
    }
    // A scheduler that has seen all versions come by.
    let reads = app.store.calls(Call::AT_VERSIONS);
    assert_eq!(app.deliver_all().await.body["runs"], 4);
    assert_eq!((versions_of_tasks(&app), app.store.calls(Call::AT_VERSIONS)), (vec![1, 3, 3, 2], reads));
}

#[tokio::test]
async fn a_scheduler_that_has_not_seen_the_version_reads_it_once() {
    let app = TestApp::start().await;
    let path = workflow_with(&app, 2).await;
    app.bus.take_for_scheduler();
    let scheduler = app.beside();
    for reads in [1, 0] {
        start(&app, &path, 1).await;
        let before = app.store.calls(Call::AT_VERSIONS);
        assert_eq!(scheduler.deliver_all().await.body["runs"], 1);
        assert_eq!(app.store.calls(Call::AT_VERSIONS) - before, reads);
    }
    assert_eq!(versions_of_tasks(&app), [1, 1]);
}

#[tokio::test]
async fn a_version_that_another_process_has_just_saved_can_be_named() {
    let app = TestApp::start().await;
    let path = workflow_with(&app, 1).await;
    let other = app.beside();
    assert_eq!(other.put(&path, &greeting(), "*").await.body["version"], 2);
    assert_eq!(start(&app, &path, 2).await.body["workflow_version"], 2);
    assert_eq!(start(&app, &path, 1).await.body["workflow_version"], 1);
}

#[tokio::test]
async fn a_version_is_looked_up_once_and_then_costs_what_the_newest_costs() {
    let app = TestApp::start().await;
    let path = workflow_with(&app, 2).await;
    let reads = app.store.calls(Call::AT_VERSIONS);
    for _ in 0..3 {
        assert_eq!(start(&app, &path, 1).await.status, 202);
        assert_eq!(app.store.calls(Call::AT_VERSIONS) - reads, 1);
    }
    app.store.set_down(true);
    assert_eq!(start(&app, &path, 1).await.status, 202);
}

#[tokio::test]
async fn a_version_that_there_is_not_is_refused_with_the_newest_that_there_is() {
    let app = TestApp::start().await;
    let path = workflow_with(&app, 2).await;
    let published = app.bus.calls();
    for version in [0, 3, u32::MAX] {
        let refused = start(&app, &path, version).await;
        let detail = refused.problem(422, "workflow_version_not_found");
        assert!(detail.ends_with(&format!("has no version {version}; its newest is 2")), "{detail}");
        assert_eq!(refused.violations(), [("version", "invalid_value")]);
        assert_eq!(refused.body["current_version"], 2);
    }
    for wrong in [json!("1"), json!(1.5), json!(-1), json!([1])] {
        let refused = start(&app, &path, wrong).await;
        refused.problem(422, "invalid_input");
        assert_eq!(refused.violations()[0].0, "version");
    }
    assert_eq!(app.bus.calls(), published, "nothing that was refused is published");
}

#[tokio::test]
async fn no_version_of_a_deleted_workflow_can_be_started() {
    let app = TestApp::start().await;
    let path = workflow_with(&app, 2).await;
    app.send(app.request(Method::DELETE, &path).body(Body::empty()).unwrap()).await;
    // The deletion has version 3.
    for version in [1, 2, 3, 4] {
        start(&app, &path, version).await.problem(404, "workflow_not_found");
        start(&app.beside(), &path, version).await.problem(404, "workflow_not_found");
    }
}

#[tokio::test]
async fn what_matters_is_the_trigger_of_the_version_that_runs() {
    let app = TestApp::start().await;
    let path = workflow_with(&app, 2).await;
    let id: WorkflowId = path.rsplit('/').next().unwrap().parse().unwrap();
    let at = app.clock.now();
    let summary =
        WorkflowSummary { id, name: "Old".into(), active: true, version: 1, created_at: at, updated_at: at };
    let document =
        DocumentText::parse(r#"{"name": "Old", "nodes": [{"id": "a", "type": "noop"}]}"#.to_owned());
    let workflow = StoredWorkflow { summary, document: document.unwrap() };
    let saved = WorkflowChange::Saved { tenant: acme(), workflow };
    app.store.unwatched().save(&[saved]).await.unwrap();
    let detail = start(&app, &path, 1).await;
    assert!(detail.problem(409, "no_manual_trigger").starts_with("version 1 of workflow"), "{detail:?}");
    assert_eq!(start(&app, &path, 2).await.status, 202);
}

#[tokio::test]
async fn the_same_key_with_another_version_is_refused_as_with_another_input() {
    let app = TestApp::start().await;
    let path = format!("{}/runs", workflow_with(&app, 2).await);
    let start = async |body: Value| app.post_with(&path, &body, &[("idempotency-key", "k")]).await;
    let first = start(json!({"version": 1})).await;
    for same in [json!({"version": 1}), json!({})] {
        let again = start(same).await;
        assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body));
    }
    start(json!({"version": 2})).await.problem(422, "idempotency_key_reused");
    // Likewise where only this process knows of the run.
    app.store.fail_writes(true);
    let start = async |body: Value| app.post_with(&path, &body, &[("idempotency-key", "l")]).await;
    let first = start(json!({"version": 2})).await;
    assert_eq!(start(json!({"version": 2})).await.body, first.body);
    start(json!({"version": 1})).await.problem(422, "idempotency_key_reused");
}
