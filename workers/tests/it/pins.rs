//! Test runs and pins at a real worker: what is given is not called, over crashes too.

use std::sync::Arc;

use domain::{
    ids::NodeId,
    items::{Item, Ports},
    run::{Extent, RunPlan, RunStatus, StepStatus, Trigger},
};
use serde_json::{Value, json};

use crate::app::{App, Task, call_workflow, step};

fn id(node: &str) -> NodeId {
    NodeId::parse(node).unwrap()
}

/// Pins of one node, by `main`.
fn pinned(node: &str, items: &Value) -> RunPlan {
    let items: Vec<Item> = serde_json::from_value(items.clone()).unwrap();
    let ports = Ports::from([("main".into(), Arc::new(items))]);
    RunPlan { pins: [(id(node), ports)].into(), ..RunPlan::default() }
}

fn two_calls(app: &App) -> Value {
    call_workflow(&[
        ("one", app.endpoint.url("/one"), json!({})),
        ("two", app.endpoint.url("/two"), json!({ "retry": { "max_attempts": 1 } })),
    ])
}

#[tokio::test]
async fn a_pinned_call_is_never_made_and_the_next_one_is() {
    let app = App::start().await;
    let plan = pinned("one", &json!([{ "n": 1 }]));
    let run = app.submit(&Task::new(&two_calls(&app)).planned(Trigger::test(), plan)).await;
    let found = app.succeeded(run).await;
    assert_eq!(found.run.trigger, Trigger::test());
    let one = step(&found, "one");
    assert!(one.pinned && one.attempts == 0, "{one:?}");
    assert_eq!(json!(one.output), json!({ "main": [{ "n": 1 }] }));
    assert!(!step(&found, "two").pinned);
    assert_eq!((app.endpoint.count("/one"), app.endpoint.count("/two")), (0, 1));
}

#[tokio::test]
async fn until_a_node_nothing_behind_it_is_called() {
    let app = App::start().await;
    let plan = RunPlan { extent: Extent::Until(id("one")), ..RunPlan::default() };
    let run = app.submit(&Task::new(&two_calls(&app)).planned(Trigger::test(), plan)).await;
    let found = app.succeeded(run).await;
    assert_eq!(step(&found, "two").status, StepStatus::Skipped);
    assert_eq!((app.endpoint.count("/one"), app.endpoint.count("/two")), (1, 0));
}

#[tokio::test]
async fn pins_outlive_a_crash() {
    let mut app = App::start().await;
    let document = json!({
        "name": "Patient",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "wait", "type": "wait", "data": {"params": {"for": "3d"}}},
            {"id": "call", "type": "http_request", "data": {"params": {"method": "GET", "url": app.endpoint.url("/call")}}},
            {"id": "last", "type": "set", "data": {"params": {"fields": {"seen": "{{ $('call').first().n }}"}}}},
        ],
        "edges": [
            {"source": "start", "target": "wait"}, {"source": "wait", "target": "call"},
            {"source": "call", "target": "last"},
        ],
    });
    let task = Task::new(&document).planned(Trigger::test(), pinned("call", &json!([{ "n": 7 }])));
    let run = app.submit(&task).await;
    app.until("the wait", run, |found| found.run.status == RunStatus::Waiting).await;
    app.crash_and_start_again().await;
    app.clock.advance(std::time::Duration::from_secs(3 * 86_400));
    app.wake();
    let found = app.succeeded(run).await;
    assert_eq!(json!(found.run.output), json!({ "last": [{ "n": 7, "seen": 7 }] }));
    assert!(step(&found, "call").pinned);
    assert_eq!(app.endpoint.count("/call"), 0);
}

#[tokio::test]
async fn pins_that_do_not_fit_and_a_plan_that_cannot_be_read_fail_the_run_with_the_reason() {
    let app = App::start().await;
    let plan = pinned("nowhere", &json!([{}]));
    let run = app.submit(&Task::new(&two_calls(&app)).planned(Trigger::test(), plan)).await;
    let error = app.ended(run).await.run.error.unwrap();
    assert!(error.code == "invalid_plan" && error.message.contains("no node nowhere"), "{error:?}");

    let task = Task::new(&two_calls(&app)).planned(Trigger::test(), pinned("one", &json!([{ "n": 1 }])));
    let broken = task.json().replace(r#"{\"n\":1}"#, "7");
    assert_eq!(app.post(broken).await.receipt(), (0, 0, 1));
    let error = app.ended(task.run).await.run.error.unwrap();
    assert!(error.code == "invalid_plan" && error.message.contains("pins"), "{error:?}");
}
