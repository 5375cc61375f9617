//! Test runs by the API: documents that are not saved, parts of a workflow, pins.

use domain::{
    event::{Payload, RunRequested, TaskExecute, Topic},
    limits,
    run::{Extent, RunPlan},
};
use serde_json::{Value, json};

use crate::app::{TestApp, greeting};

async fn test(app: &TestApp, workflow: &str, body: &Value) -> crate::app::Answer {
    app.post(&format!("/api/v1/workflows/{workflow}/runs"), body).await
}

fn requested(app: &TestApp) -> RunRequested {
    let events = app.bus.of_topic(Topic::Workflows);
    let Some(Payload::RunRequested(requested)) = events.last().map(|event| event.payload.clone()) else {
        panic!("{events:?}")
    };
    requested
}

fn task(app: &TestApp) -> TaskExecute {
    let tasks = app.bus.of_topic(Topic::Tasks);
    let Some(Payload::TaskExecute(task)) = tasks.last().map(|event| event.payload.clone()) else {
        panic!("{tasks:?}")
    };
    *task
}

/// The greeting, not active, and with another last node.
fn draft() -> Value {
    let mut document = greeting();
    document["active"] = json!(false);
    document["nodes"][1] = json!({"id": "last", "type": "noop"});
    document["edges"][0]["target"] = json!("last");
    document
}

#[tokio::test]
async fn a_document_that_is_not_saved_is_run_as_it_was_sent() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    let started =
        test(&app, &workflow, &json!({"document": draft(), "input": {"n": 1}, "until": "last"})).await;
    assert_eq!(started.status, 202, "{started:?}");
    assert_eq!(started.body["trigger"], json!({"kind": "test", "node": "start"}));
    assert_eq!(started.body["workflow_version"], 0);
    assert_eq!(
        app.deliver_all().await.body,
        json!({"runs": 1, "failed": 0, "workflows": 1, "dead_letters": 0})
    );
    let task = task(&app);
    assert_eq!(task.document.read().unwrap(), serde_json::from_value(draft()).unwrap());
    let plan = RunPlan::read(task.plan.as_ref()).unwrap();
    assert_eq!(plan.extent, Extent::Until(domain::ids::NodeId::parse("last").unwrap()));
    // Nothing was saved.
    assert_eq!(app.get(&format!("/api/v1/workflows/{workflow}")).await.body["version"], 1);
    let list = app.get(&format!("/api/v1/workflows/{workflow}/runs")).await;
    assert_eq!(list.body["items"][0]["trigger"]["kind"], "test", "lists show it with its mark");
}

#[tokio::test]
async fn a_saved_version_is_tested_with_pins_that_were_checked_against_it() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    let body = json!({"only": "end", "pins": {"start": [{"n": 1}]}});
    assert_eq!(test(&app, &workflow, &body).await.status, 202);
    let requested = requested(&app);
    assert_eq!((requested.wanted_version, requested.document), (Some(1), None));
    let plan = RunPlan::read(requested.plan.as_ref()).unwrap();
    assert_eq!(json!(plan.pins), json!({"start": {"main": [{"n": 1}]}}));
}

#[tokio::test]
async fn a_document_is_checked_as_if_it_were_saved_and_its_mistakes_have_their_places() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    let mut broken = draft();
    broken["nodes"][1]["type"] = json!("no such kind");
    let refused = test(&app, &workflow, &json!({"document": broken})).await;
    refused.problem(422, "invalid_workflow");
    assert!(refused.violations().contains(&("document.nodes[1].type", "unknown_kind")), "{refused:?}");
    let refused = test(&app, &workflow, &json!({"document": {"name": "x"}})).await;
    assert_eq!(refused.violations(), [("document.nodes", "required")]);
    let nowhere = test(&app, "01970000-0000-7000-8000-000000000001", &json!({"document": draft()})).await;
    nowhere.problem(404, "workflow_not_found");
}

#[tokio::test]
async fn what_does_not_go_together_or_does_not_fit_is_refused_with_its_place() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    let file = json!({"$file": {"id": "x"}});
    for (body, place, code) in [
        (json!({"only": "x"}), "only", "unknown_node"),
        (json!({"until": "x"}), "until", "unknown_node"),
        (json!({"trigger": "end"}), "trigger", "invalid_value"),
        (json!({"pins": {"x": []}}), "pins.x", "unknown_node"),
        (json!({"pins": {"end": {"true": []}}}), "pins.end.true", "unknown_port"),
        (json!({"pins": {"end": [{}, 1]}}), "pins.end.main[1]", "invalid_type"),
        (json!({"pins": {"end": [{"a": file}]}}), "pins.end.main[0]", "reserved_field"),
        (json!({"only": "end", "until": "end"}), "only", "invalid_value"),
        (json!({"document": draft(), "version": 1}), "version", "invalid_value"),
    ] {
        let refused = test(&app, &workflow, &body).await;
        assert_eq!((refused.status.as_u16(), refused.violations()), (422, vec![(place, code)]), "{body}");
    }
}

#[tokio::test]
async fn pins_count_as_input_and_fit_into_an_event_with_a_document_of_any_size() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    let text = |bytes: usize| "\"".repeat(bytes / 2);
    let mut document = draft();
    document["notes"] = json!(text(limits::MAX_DOCUMENT_BYTES - 1_000));
    let half = |more: usize| text(limits::MAX_INPUT_BYTES / 2 - 100 + more);
    let body = |more: usize| json!({"document": document, "input": {"x": half(0)}, "pins": {"start": [{"x": half(more)}]}});
    let started = test(&app, &workflow, &body(0)).await;
    assert_eq!(started.status, 202, "{:?}", started.body["detail"]);
    let event = serde_json::to_string(app.bus.of_topic(Topic::Workflows).last().unwrap()).unwrap();
    assert!(event.len() <= limits::MAX_RECORD_BYTES, "{} bytes", event.len());
    let refused = test(&app, &workflow, &body(400)).await;
    assert!(refused.problem(422, "invalid_plan").contains("MAX_INPUT_BYTES"), "{:?}", refused.body["detail"]);
}

#[tokio::test]
async fn a_test_run_cannot_be_replayed() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    let started = test(&app, &workflow, &json!({"document": draft()})).await;
    let run = started.body["id"].as_str().unwrap();
    app.deliver_all().await;
    app.advance(run, domain::run::RunStatus::Succeeded, 5).await;
    let refused = app.post(&format!("/api/v1/runs/{run}/replay"), &json!({})).await;
    assert!(refused.problem(409, "run_was_a_test").contains("start another"), "{refused:?}");
}
