//! Replaying runs by the API: which, from where, in which version, and once for each key.

use domain::{
    event::{Payload, RunRequested, Topic},
    ids::{NodeId, RunId},
    run::{RunPlan, RunStatus, Step, StepStatus},
};
use minireipaz::store::{Facts, RunStore, StepFact};
use serde_json::{Value, json};

use crate::app::{TestApp, acme};

/// `start > a > b`, and beside them `side`.
fn document() -> Value {
    json!({
        "name": "Three", "active": true,
        "nodes": [
            {"id": "start", "type": "manual"}, {"id": "a", "type": "noop"}, {"id": "b", "type": "noop"},
            {"id": "side", "type": "noop"}
        ],
        "edges": [
            {"source": "start", "target": "a"}, {"source": "a", "target": "b"}, {"source": "start", "target": "side"}
        ]
    })
}

fn step(node: &str, status: StepStatus) -> Step {
    let output =
        (status == StepStatus::Succeeded).then(|| serde_json::from_value(json!({"main": [{}]})).unwrap());
    serde_json::from_value(json!({
        "node_id": node, "kind": "noop", "status": status, "attempts": 1, "started_at": null, "finished_at": null,
        "output": null, "error": null
    }))
    .map(|step| Step { output, ..step })
    .unwrap()
}

/// The app, its workflow, and a run of it that failed at `b`.
async fn failed() -> (TestApp, String, String) {
    let app = TestApp::start().await;
    let saved = app.post("/api/v1/workflows", &document()).await;
    let workflow = saved.body["id"].as_str().unwrap().to_owned();
    let started = app.post(&format!("/api/v1/workflows/{workflow}/runs"), &json!({"input": {"n": 1}})).await;
    let run = started.body["id"].as_str().unwrap().to_owned();
    app.deliver_all().await;
    end(
        &app,
        &run,
        &[("a", StepStatus::Succeeded), ("b", StepStatus::Failed), ("side", StepStatus::Cancelled)],
    )
    .await;
    (app, workflow, run)
}

/// Records the run as failed, with these steps.
async fn end(app: &TestApp, run: &str, steps: &[(&str, StepStatus)]) {
    app.advance(run, RunStatus::Failed, 9).await;
    let run_id: RunId = run.parse().unwrap();
    let steps = (0u32..).zip(steps).map(|(ordinal, (node, status))| StepFact {
        tenant: acme(),
        run_id,
        run_attempt: 1,
        revision: 9,
        ordinal,
        step: step(node, *status),
    });
    let facts = Facts { runs: Vec::new(), steps: steps.collect() };
    app.store.unwatched().record(&facts).await.unwrap();
}

/// What was asked for last.
fn requested(app: &TestApp) -> RunRequested {
    let events = app.bus.of_topic(Topic::Workflows);
    let Some(Payload::RunRequested(requested)) = events.last().map(|event| event.payload.clone()) else {
        panic!("{events:?}")
    };
    requested
}

#[tokio::test]
async fn a_replay_from_the_start_is_a_new_run_with_the_same_input_and_version() {
    let (app, workflow, run) = failed().await;
    app.put(&format!("/api/v1/workflows/{workflow}"), &document(), "\"1\"").await;
    let replay = app.post(&format!("/api/v1/runs/{run}/replay"), &json!({})).await;
    assert_eq!(replay.status, 202, "{replay:?}");
    assert_ne!(replay.body["id"], json!(run));
    assert_eq!(replay.header("location"), format!("/api/v1/runs/{}", replay.body["id"].as_str().unwrap()));
    assert_eq!(replay.body["trigger"], json!({"kind": "manual", "node": "start", "replay_of": run}));
    assert_eq!((&replay.body["input"], &replay.body["workflow_version"]), (&json!({"n": 1}), &json!(1)));
    let event = requested(&app);
    assert_eq!((event.wanted_version, event.plan), (Some(1), None));
    assert_eq!(app.deliver_all().await.body["failed"], 0);

    let other = json!({"version": "newest", "input": {"n": 2}});
    let replay = app.post(&format!("/api/v1/runs/{run}/replay"), &other).await;
    assert_eq!((&replay.body["input"], &replay.body["workflow_version"]), (&json!({"n": 2}), &json!(2)));
}

#[tokio::test]
async fn a_replay_from_a_node_takes_over_what_lies_before_it() {
    let (app, _, run) = failed().await;
    let replay = app.post(&format!("/api/v1/runs/{run}/replay"), &json!({"from": "b"})).await;
    assert_eq!(replay.status, 202, "{replay:?}");
    assert_eq!(
        replay.body["trigger"],
        json!({"kind": "manual", "node": "start", "replay_of": run, "from": "b"})
    );
    let plan = RunPlan::read(requested(&app).plan.as_ref()).unwrap();
    assert_eq!(plan.earlier.iter().map(NodeId::as_str).collect::<Vec<_>>(), ["a"], "what was cut off runs");
    app.deliver_all().await;
    let tasks = app.bus.of_topic(Topic::Tasks);
    let Some(Payload::TaskExecute(task)) = tasks.last().map(|task| &task.payload) else {
        panic!("{tasks:?}")
    };
    assert_eq!(RunPlan::read(task.plan.as_ref()).unwrap(), plan);
    assert_eq!(task.trigger.replay_of, Some(run.parse().unwrap()));
}

#[tokio::test]
async fn what_cannot_be_replayed_is_refused_with_what_to_do() {
    let (app, workflow, run) = failed().await;
    let replay = async |body: Value| app.post(&format!("/api/v1/runs/{run}/replay"), &body).await;
    assert!(replay(json!({"from": "x"})).await.problem(422, "invalid_plan").contains("no node x"));
    let refused = replay(json!({"from": "b", "input": {}})).await;
    assert!(refused.problem(422, "invalid_plan").contains("from the start"), "{refused:?}");
    assert_eq!(replay(json!({"version": "oldest"})).await.violations(), [("version", "invalid_value")]);
    assert_eq!(replay(json!({"form": "b"})).await.violations(), [("form", "unknown_field")]);
    let refused = replay(json!({"pins": {"x": [{}]}})).await;
    refused.problem(422, "invalid_plan");
    assert_eq!(refused.violations(), [("pins.x", "unknown_node")]);

    let other = app.run(&workflow).await;
    app.deliver_all().await;
    let refused = app.post(&format!("/api/v1/runs/{other}/replay"), &json!({})).await;
    assert!(refused.problem(409, "run_not_ended").contains("queued"), "{refused:?}");
    end(&app, &other, &[("a", StepStatus::Failed)]).await;
    let refused = app.post(&format!("/api/v1/runs/{other}/replay"), &json!({"from": "b"})).await;
    assert!(refused.problem(422, "invalid_plan").contains("a lies before b"), "{refused:?}");

    let unknown = app.post("/api/v1/runs/01980000-0000-7000-8000-000000000002/replay", &json!({})).await;
    unknown.problem(404, "run_not_found");
    let delete = app.request(http::Method::DELETE, &format!("/api/v1/workflows/{workflow}"));
    app.send(delete.body(axum::body::Body::empty()).unwrap()).await;
    replay(json!({})).await.problem(409, "workflow_deleted");
}

#[tokio::test]
async fn the_same_key_is_the_same_replay_and_no_other_run() {
    let (app, workflow, run) = failed().await;
    let key = [("idempotency-key", "once")];
    let path = format!("/api/v1/runs/{run}/replay");
    let started = app.post_with(&format!("/api/v1/workflows/{workflow}/runs"), &json!({}), &key).await;
    let first = app.post_with(&path, &json!({"from": "b"}), &key).await;
    assert_ne!(first.body["id"], started.body["id"]);
    let again = app.post_with(&path, &json!({"from": "b"}), &key).await;
    assert_eq!((again.status.as_u16(), &again.body["id"]), (202, &first.body["id"]));
    assert_eq!(again.header("idempotency-replayed"), "true");
    app.post_with(&path, &json!({}), &key).await.problem(422, "idempotency_key_reused");
    let elsewhere = app.beside().post_with(&path, &json!({}), &key).await;
    elsewhere.problem(422, "idempotency_key_reused");
}

#[tokio::test]
async fn a_run_of_another_tenant_cannot_be_replayed() {
    let (app, _, run) = failed().await;
    let request = http::Request::post(format!("/api/v1/runs/{run}/replay"))
        .header("authorization", format!("Bearer {}", app.token_of("other")))
        .body(axum::body::Body::empty())
        .unwrap();
    app.send(request).await.problem(404, "run_not_found");
}
