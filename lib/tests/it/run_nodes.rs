//! Runs with the steps of one node alone: which nodes there are.

use domain::run::RunStatus;
use minireipaz::{store::memory::Call, testing::eventually};
use serde_json::json;

use crate::app::{TestApp, greeting};

#[tokio::test(start_paused = true)]
async fn a_node_that_the_workflow_does_not_have_is_not_found_at_once_and_the_others_are_named() {
    let app = TestApp::start().await;
    let run = app.run(&app.workflow().await).await;
    app.deliver_all().await;
    let begun = tokio::time::Instant::now();
    for query in ["", "&wait=0", "&wait=25", "&wait=25&after=7"] {
        let answer = app.get(&format!("/api/v1/runs/{run}?node=nosuch{query}")).await;
        let detail = answer.problem(404, "node_not_found");
        assert!(
            detail.ends_with("has no node \"nosuch\"; the nodes of its workflow are start, end"),
            "{detail}"
        );
    }
    assert_eq!(begun.elapsed(), std::time::Duration::ZERO, "nobody waited");
}

#[tokio::test]
async fn a_node_whose_turn_has_not_come_has_no_steps_and_can_be_waited_for() {
    let app = TestApp::start().await;
    let run = app.run(&app.workflow().await).await;
    app.deliver_all().await;
    let path = format!("/api/v1/runs/{run}?node=end");
    let reads = app.store.calls(Call::AT_VERSIONS);
    for _ in 0..3 {
        let answer = app.get(&path).await;
        assert_eq!((answer.status.as_u16(), &answer.body["steps"]), (200, &json!([])));
        assert_eq!(app.store.calls(Call::AT_VERSIONS) - reads, 1, "a version's nodes are read once");
    }
    let later = format!("{path}&wait=25&after=0");
    let moved = async {
        eventually("it is waited for", async || app.state.runs.waiters() == 1).await;
        app.advance(&run, RunStatus::Succeeded, 4).await;
    };
    let (waited, ()) = tokio::join!(app.get(&later), moved);
    assert_eq!((waited.status.as_u16(), &waited.body["status"]), (200, &json!("succeeded")));
}

#[tokio::test]
async fn the_nodes_are_those_of_the_version_that_runs() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    let run = app.run(&workflow).await;
    app.deliver_all().await;
    let mut renamed = greeting();
    renamed["nodes"][1]["id"] = json!("finish");
    renamed["edges"][0]["target"] = json!("finish");
    assert_eq!(app.put(&format!("/api/v1/workflows/{workflow}"), &renamed, "*").await.status, 200);
    assert_eq!(app.get(&format!("/api/v1/runs/{run}?node=end")).await.status, 200);
    app.get(&format!("/api/v1/runs/{run}?node=finish")).await.problem(404, "node_not_found");
}

#[tokio::test]
async fn no_node_is_denied_while_nobody_knows_the_workflow() {
    let app = TestApp::start().await;
    // A run whose workflow was never there.
    let foreign = "018f3c3e-0000-7000-8000-000000000000";
    app.have(foreign, 1, 3, RunStatus::Failed).await;
    let answer = app.get(&format!("/api/v1/runs/{foreign}?node=any")).await;
    assert_eq!((answer.status.as_u16(), &answer.body["steps"]), (200, &json!([])));
    // One whose document cannot be read.
    let workflow = app.workflow().await;
    let run = app.run(&workflow).await;
    app.deliver_all().await;
    app.store.damage(workflow.parse().unwrap());
    assert_eq!(app.get(&format!("/api/v1/runs/{run}?node=any")).await.status, 200);
}
