//! Branches that run at the same time, and joins that wait for them.

use domain::run::{RunStatus, StepStatus};
use serde_json::{Value, json};

use crate::app::{Answer, App, Task, step};

fn call(app: &App, id: &str) -> Value {
    let url = app.endpoint.url(&format!("/{id}"));
    json!({"id": id, "type": "http_request", "data": {"params": {"url": url}}})
}

/// A workflow of `start` and these nodes; an edge is `source > target`, or `source.port > target`.
fn graph(nodes: &[Value], edges: &[&str]) -> Value {
    let edge = |text: &&str| {
        let (source, target) = text.split_once(" > ").unwrap();
        let (source, port) = source.split_once('.').unwrap_or((source, "main"));
        json!({"source": source, "sourceHandle": port, "target": target})
    };
    let edges: Vec<_> = edges.iter().map(edge).collect();
    let mut all = vec![json!({"id": "start", "type": "manual"})];
    all.extend_from_slice(nodes);
    json!({"name": "Branches", "nodes": all, "edges": edges})
}

#[tokio::test]
async fn branches_run_at_the_same_time_and_meet_again() {
    let app = App::start().await;
    for path in ["/left", "/right"] {
        app.endpoint.on(path, &[Answer::Together(2)]);
    }
    let nodes = [call(&app, "left"), call(&app, "right"), json!({"id": "join", "type": "merge"})];
    let document = graph(&nodes, &["start > left", "start > right", "left > join", "right > join"]);
    let found = app.succeeded(app.submit(&Task::new(&document)).await).await;
    assert_eq!(found.run.output, Some(json!({"join": [{"path": "/left"}, {"path": "/right"}]})));
}

#[tokio::test]
async fn a_branch_that_is_not_taken_is_skipped_and_the_join_goes_on_without_it() {
    let app = App::start().await;
    let nodes = [
        json!({"id": "dear", "type": "if", "data": {"params": {"where": "{{ $json.price > 10 }}"}}}),
        call(&app, "buy"),
        call(&app, "wait"),
        json!({"id": "join", "type": "merge"}),
    ];
    let edges = ["start > dear", "dear.false > buy", "dear.true > wait", "buy > join", "wait > join"];
    let task = Task::new(&graph(&nodes, &edges)).input(json!({"price": 5}));
    let found = app.succeeded(app.submit(&task).await).await;
    assert_eq!((app.endpoint.count("/buy"), app.endpoint.count("/wait")), (1, 0));
    assert_eq!(step(&found, "wait").status, StepStatus::Skipped);
}

#[tokio::test]
async fn a_branch_that_fails_the_run_cuts_the_other_one_off() {
    let mut app = App::start().await;
    app.endpoint.on("/slow", &[Answer::Never]);
    app.endpoint.on("/bad", &[Answer::Together(2)]);
    let nodes = [
        call(&app, "slow"),
        call(&app, "bad"),
        json!({"id": "end", "type": "fail", "data": {"params": {"message": "no"}}}),
    ];
    let task = Task::new(&graph(&nodes, &["start > slow", "start > bad", "bad > end"]));
    let found = app.ended(app.submit(&task).await).await;
    let error = found.run.error.as_ref().unwrap();
    assert_eq!((found.run.status, error.message.as_str()), (RunStatus::Failed, "no"));
    assert_eq!(step(&found, "slow").status, StepStatus::Cancelled);
    // The place that the step took is free: the worker stops without waiting for it.
    app.stop().await;
}
