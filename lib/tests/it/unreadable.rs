//! Stored rows that cannot be read, as clients see them.

use std::sync::Arc;

use domain::{
    ids::{RunId, WorkflowId},
    run::RunStatus,
};
use minireipaz::testing::eventually;
use serde_json::json;
use tokio::task::JoinSet;

use crate::app::TestApp;

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
}

#[tokio::test]
async fn who_waits_for_a_run_that_cannot_be_read_holds_up_nobody_who_waits() {
    let app = Arc::new(TestApp::start().await);
    let workflow = app.workflow().await;
    let mut runs = Vec::new();
    for _ in 0..5 {
        runs.push(app.run(&workflow).await);
    }
    app.deliver_all().await;
    let mut waiting = JoinSet::new();
    for run in &runs {
        let (app, path) = (Arc::clone(&app), format!("/api/v1/runs/{run}?wait=25"));
        waiting.spawn(async move { app.get(&path).await });
    }
    eventually("all are asked about at once", async || app.store.asked().contains(&5)).await;
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
