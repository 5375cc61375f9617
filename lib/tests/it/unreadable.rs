//! Stored rows that cannot be read, as clients see them.

use std::sync::Arc;

use domain::{
    ids::{NodeId, RunId, WorkflowId},
    run::RunStatus,
};
use minireipaz::{
    store::{Facts, RunStore, StepFact},
    testing::eventually,
};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    app::{TestApp, acme, greeting},
    long_poll::waited_for,
};

fn damage(app: &TestApp, run: &str) {
    app.store.damage(run.parse::<RunId>().unwrap().0);
}

#[tokio::test]
async fn a_run_that_cannot_be_read_is_a_clear_problem_and_the_list_shows_the_others() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    let (good, bad) = (app.run(&workflow).await, app.run(&workflow).await);
    app.deliver_all().await;
    damage(&app, &bad);
    for query in ["", "?wait=0", "?wait=25", "?wait=25&after=0"] {
        let problem = app.get(&format!("/api/v1/runs/{bad}{query}")).await;
        let detail = problem.problem(500, "unreadable_row");
        assert!(detail.contains("cannot be read"), "{detail}");
    }
    let request = app.request(http::Method::GET, &format!("/api/v1/runs/{bad}"));
    let stream = request.header("accept", "text/event-stream").body(axum::body::Body::empty()).unwrap();
    app.send(stream).await.problem(500, "unreadable_row");
    assert_eq!(app.get(&format!("/api/v1/runs/{good}")).await.status, 200);
    let list = app.get(&format!("/api/v1/workflows/{workflow}/runs")).await;
    let ids: Vec<_> = list.body["items"].as_array().unwrap().iter().map(|run| run["id"].clone()).collect();
    assert_eq!(ids, [json!(good)]);
    let told = json!({
        "id": bad, "code": "unreadable_row", "message": "a stored row cannot be read: tested damage"
    });
    assert_eq!(list.body["unreadable"], json!([told]));
}

#[tokio::test]
async fn a_step_that_cannot_be_read_is_shown_as_such_in_answers_and_streams() {
    let app = TestApp::start().await;
    let run = app.run(&app.workflow().await).await;
    app.deliver_all().await;
    let (id, nodes) = (run.parse::<RunId>().unwrap(), ["start", "end"]);
    let steps = (0..).zip(nodes).map(|(ordinal, node)| {
        let step = json!({"node_id": node, "kind": "noop", "status": "succeeded", "attempts": 1});
        let step = serde_json::from_value(step).unwrap();
        StepFact { tenant: acme(), run_id: id, run_attempt: 1, revision: 3, ordinal, step }
    });
    app.store.record(&Facts { runs: Vec::new(), steps: steps.collect() }).await.unwrap();
    app.advance(&run, RunStatus::Succeeded, 3).await;
    app.store.damage_step(id, NodeId::parse("end").unwrap());
    let shown = app.get(&format!("/api/v1/runs/{run}?wait=25")).await;
    assert_eq!((shown.status.as_u16(), &shown.body["status"]), (200, &json!("succeeded")));
    let statuses: Vec<_> =
        shown.body["steps"].as_array().unwrap().iter().map(|step| step["status"].clone()).collect();
    assert_eq!(statuses, ["succeeded", "unreadable"]);
    assert_eq!(shown.body["steps"][1]["error"]["code"], "unreadable_row");
    let request = app.request(http::Method::GET, &format!("/api/v1/runs/{run}"));
    let stream = request.header("accept", "text/event-stream").body(axum::body::Body::empty()).unwrap();
    assert!(app.send(stream).await.text.contains("\"unreadable\""));
}

#[tokio::test]
async fn a_workflow_that_cannot_be_read_is_listed_as_such_and_mended_by_saving_it_again() {
    let app = TestApp::start().await;
    let (good, bad) = (app.workflow().await, app.workflow().await);
    app.store.damage(bad.parse::<WorkflowId>().unwrap().0);
    let list = app.get("/api/v1/workflows").await.body;
    assert_eq!((&list["items"][0]["id"], &list["unreadable"][0]["id"]), (&json!(good), &json!(bad)));
    let path = format!("/api/v1/workflows/{bad}");
    let read = app.get(&path).await;
    let detail = read.problem(500, "unreadable_row");
    assert!(detail.contains("PUT") && detail.contains("version 1"), "{detail}");
    assert_eq!(read.body["current_version"], 1);
    app.post(&format!("{path}/runs"), &json!({})).await.problem(500, "unreadable_row");
    app.put(&path, &greeting(), "\"7\"").await.problem(412, "version_mismatch");
    assert_eq!(app.put(&path, &greeting(), "\"1\"").await.body["version"], 2);
    assert_eq!(app.get(&path).await.status, 200);
    app.run(&bad).await;

    app.store.damage(good.parse::<WorkflowId>().unwrap().0);
    let path = format!("/api/v1/workflows/{good}");
    let delete = || app.request(http::Method::DELETE, &path).body(axum::body::Body::empty()).unwrap();
    assert_eq!(app.send(delete()).await.status, 204);
    app.get(&path).await.problem(404, "workflow_not_found");
}

#[tokio::test]
async fn a_workflow_that_is_mended_in_the_batch_that_runs_it_is_run() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    let mended = app.put(&format!("/api/v1/workflows/{workflow}"), &greeting(), "*").await;
    assert_eq!(mended.body["version"], 2);
    let events = app.bus.take_for_scheduler();
    // As if the store had the first version alone, and that could not be read.
    let other = TestApp::start().await;
    other.deliver(serde_json::to_string(&events[0]).unwrap()).await;
    other.store.damage(workflow.parse::<WorkflowId>().unwrap().0);
    let batch = [
        crate::scheduler::text(&events[1]),
        crate::scheduler::text(&crate::scheduler::requested(&workflow, 1)),
    ];
    let delivered = other.deliver(format!("[{}]", batch.join(","))).await;
    assert_eq!(delivered.body, json!({"runs": 1, "failed": 0, "workflows": 1, "dead_letters": 0}));
}

#[tokio::test]
async fn who_waits_for_a_run_that_cannot_be_read_holds_up_nobody_who_waits() {
    let (app, runs, mut waiting) = waited_for(5).await;
    // It becomes unreadable while it is waited for.
    damage(&app, &runs[0]);
    let first = waiting.join_next().await.unwrap().unwrap();
    first.problem(500, "unreadable_row");
    for run in &runs[1..] {
        app.advance(run, RunStatus::Succeeded, 3).await;
    }
    while let Some(answer) = waiting.join_next().await {
        assert_eq!(answer.unwrap().body["status"], "succeeded");
    }
}

#[tokio::test]
async fn a_stream_of_a_run_that_becomes_unreadable_ends_and_who_connects_again_is_told_why() {
    let app = Arc::new(TestApp::start().await);
    let run = app.run(&app.workflow().await).await;
    app.deliver_all().await;
    let stream = || {
        let request = app.request(http::Method::GET, &format!("/api/v1/runs/{run}"));
        request.header("accept", "text/event-stream").body(axum::body::Body::empty()).unwrap()
    };
    let (mut streams, request) = (JoinSet::new(), stream());
    let listening = Arc::clone(&app);
    streams.spawn(async move { listening.send(request).await });
    eventually("it is listened to", async || app.state.runs.waiters() == 1 && app.store.looks() > 1).await;
    damage(&app, &run);
    let answer = streams.join_next().await.unwrap().unwrap();
    assert!(answer.text.contains("id: 0\n"), "{answer:?}");
    app.send(stream()).await.problem(500, "unreadable_row");
}

#[tokio::test]
async fn a_workflow_that_cannot_be_read_fails_its_own_runs_and_stops_no_partition() {
    let app = TestApp::start().await;
    let (good, bad) = (app.workflow().await, app.workflow().await);
    let (runs, lost) = (app.run(&good).await, app.run(&bad).await);
    // The saves went to another instance: this one knows no document yet.
    let mut starts = app.bus.take_for_scheduler();
    starts.retain(|event| !matches!(event.payload, domain::event::Payload::WorkflowSaved(_)));
    app.store.damage(bad.parse::<WorkflowId>().unwrap().0);
    let delivered = app.deliver(serde_json::to_string(&starts).unwrap()).await;
    assert_eq!(delivered.body, json!({"runs": 1, "failed": 1, "workflows": 0, "dead_letters": 0}));
    assert_eq!(app.get(&format!("/api/v1/runs/{runs}")).await.body["status"], "queued");
    let failed = app.get(&format!("/api/v1/runs/{lost}")).await;
    assert_eq!(failed.body["error"]["code"], "workflow_unreadable");
    app.get(&format!("/api/v1/workflows/{bad}")).await.problem(500, "unreadable_row");
    assert_eq!(app.get(&format!("/api/v1/workflows/{good}")).await.status, 200);
}
