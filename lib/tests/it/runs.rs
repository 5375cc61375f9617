//! Starting runs, with and without idempotency keys, and listing them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::body::Body;
use domain::{
    event::{Payload, Topic},
    limits,
    run::RunStatus,
    timestamp::Timestamp,
    trace::TraceContext,
};
use http::Method;
use minireipaz::clock::ManualClock;
use minireipaz::{http::HttpConfig, store::memory::Call, testing::eventually};
use serde_json::json;

use crate::app::{TestApp, greeting};

#[tokio::test]
async fn a_run_is_accepted_queued_and_goes_all_the_way_to_a_task() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    let started =
        app.post(&format!("/api/v1/workflows/{workflow}/runs"), &json!({"input": {"sku": "A1"}})).await;
    assert_eq!(started.status, 202, "{started:?}");
    let id = started.body["id"].as_str().unwrap();
    assert_eq!(started.header("location"), format!("/api/v1/runs/{id}"));
    assert_eq!(started.body["status"], "queued");
    assert_eq!(started.body["revision"], 0);
    assert_eq!(started.body["workflow_version"], 1);
    assert_eq!(started.body["input"], json!({"sku": "A1"}));
    assert_eq!(started.body["steps"], json!([]));

    let delivered = app.deliver_all().await;
    assert_eq!(delivered.status, 200, "{delivered:?}");
    assert_eq!(delivered.body, json!({"runs": 1, "failed": 0, "workflows": 1, "dead_letters": 0}));
    let tasks = app.bus.of_topic(Topic::Tasks);
    let Payload::TaskExecute(task) = &tasks[0].payload else { panic!("{tasks:?}") };
    assert_eq!((task.run_id.to_string().as_str(), task.workflow_version), (id, 1));
    assert_eq!(task.input.as_str(), r#"{"sku":"A1"}"#);

    app.advance(id, RunStatus::Succeeded, 7).await;
    let read = app.get(started.header("location")).await;
    assert_eq!((&read.body["status"], &read.body["revision"]), (&json!("succeeded"), &json!(7)));
    let list = app.get(&format!("/api/v1/workflows/{workflow}/runs")).await;
    assert_eq!(list.body["items"][0]["id"], id);
    assert_eq!(list.body["next_cursor"], json!(null));
}

#[tokio::test]
async fn starting_a_run_costs_one_produce_and_no_read() {
    let app = TestApp::with(
        Arc::new(ManualClock::at(Timestamp::from_millis(1_763_971_200_000))),
        HttpConfig::default(),
    )
    .await;
    let workflow = app.workflow().await;
    let (reads, calls) = (app.store.calls(Call::NEWEST), app.bus.calls());
    for _ in 0..10 {
        app.run(&workflow).await;
    }
    assert_eq!((app.store.calls(Call::NEWEST) - reads, app.bus.calls() - calls), (0, 10));
}

#[tokio::test]
async fn a_workflow_seen_lately_can_be_started_while_the_store_is_down_but_not_for_ever() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_763_971_200_000)));
    let app = TestApp::with(Arc::clone(&clock) as _, HttpConfig::default()).await;
    let workflow = app.workflow().await;
    app.store.set_down(true);
    clock.advance(Duration::from_mins(4));
    app.run(&workflow).await;
    clock.advance(Duration::from_mins(2));
    let path = format!("/api/v1/workflows/{workflow}/runs");
    app.post(&path, &json!({})).await.problem(503, "store_unavailable");
    app.store.set_down(false);
    app.run(&workflow).await;
}

#[tokio::test]
async fn a_body_is_optional_and_inputs_are_objects_or_lists_of_objects() {
    let app = TestApp::start().await;
    let path = format!("/api/v1/workflows/{}/runs", app.workflow().await);
    let empty = app.send(app.request(Method::POST, &path).body(Body::empty()).unwrap()).await;
    assert_eq!((empty.status.as_u16(), &empty.body["input"]), (202, &json!(null)));
    for input in [json!({}), json!([]), json!([{"a": 1}, {"a": 2}]), json!(null)] {
        let started = app.post(&path, &json!({"input": input})).await;
        assert_eq!((started.status.as_u16(), &started.body["input"]), (202, &input));
    }
    let published = app.bus.calls();
    let deep = (0..limits::MAX_DEPTH).fold(json!({}), |inner, _| json!({ "a": inner }));
    for (body, violation) in [
        (json!({"input": 7}), ("input", "invalid_type")),
        (json!({"input": "x"}), ("input", "invalid_type")),
        (json!({"input": [{}, 7]}), ("input[1]", "invalid_type")),
        (json!({"input": {"photos": [{"$file": {"id": "x"}}]}}), ("input", "reserved_field")),
        (json!({ "input": [{}, deep] }), ("input[1]", "limit")),
        (json!({"sku": "A1"}), ("sku", "unknown_field")),
        (json!([]), ("", "invalid_type")),
    ] {
        let refused = app.post(&path, &body).await;
        refused.problem(422, "invalid_input");
        let found = refused.violations();
        assert_eq!((found.len(), found[0].1), (1, violation.1), "{refused:?}");
    }
    let large = json!({"input": {"text": "x".repeat(limits::MAX_INPUT_BYTES)}});
    let refused = app.post(&path, &large).await;
    let detail = refused.problem(422, "invalid_input");
    assert!(detail.contains(&limits::MAX_INPUT_BYTES.to_string()), "{detail}");
    let many = json!({"input": vec![json!({}); limits::MAX_ITEMS + 1]});
    let refused = app.post(&path, &many).await;
    assert!(refused.problem(422, "invalid_input").contains(&limits::MAX_ITEMS.to_string()));
    assert_eq!(app.bus.calls(), published, "nothing that was refused is published");
}

#[tokio::test]
async fn a_workflow_without_manual_trigger_or_that_does_not_exist_is_not_started() {
    let app = TestApp::start().await;
    let unknown = "/api/v1/workflows/018f3c3e-0000-7000-8000-000000000000/runs";
    app.post(unknown, &json!({})).await.problem(404, "workflow_not_found");
    app.post("/api/v1/workflows/7/runs", &json!({})).await.problem(404, "workflow_not_found");
    app.get(unknown).await.problem(404, "workflow_not_found");
    app.bus.set_down(true);
    let workflow = {
        app.bus.set_down(false);
        app.workflow().await
    };
    app.bus.set_down(true);
    let path = format!("/api/v1/workflows/{workflow}/runs");
    app.post(&path, &json!({})).await.problem(503, "bus_unavailable");
}

#[tokio::test]
async fn the_same_key_is_the_same_run_whatever_became_of_it() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    let path = format!("/api/v1/workflows/{workflow}/runs");
    let key = [("idempotency-key", "order-1")];
    let first = app.post_with(&path, &json!({"input": {"a": 1, "b": 2}}), &key).await;
    assert_eq!((first.status.as_u16(), first.header("idempotency-replayed")), (202, ""));
    let again = app.post_with(&path, &json!({"input": {"b": 2, "a": 1}}), &key).await;
    assert_eq!((again.status.as_u16(), again.header("idempotency-replayed")), (202, "true"));
    assert_eq!(again.body, first.body);
    assert_eq!(app.bus.of_topic(Topic::Workflows).len(), 2, "one save, one run");

    // Other processes know the run by the row, before the scheduler has seen it.
    let id = first.body["id"].as_str().unwrap();
    assert_eq!(app.get(&format!("/api/v1/runs/{id}")).await.body["status"], "queued");
    app.advance(id, RunStatus::Failed, 3).await;
    let failed = app.post_with(&path, &json!({"input": {"a": 1, "b": 2}}), &key).await;
    assert_eq!((failed.status.as_u16(), &failed.body["status"]), (202, &json!("failed")));

    let other = app.post_with(&path, &json!({"input": {"a": 2}}), &key).await;
    assert!(other.problem(422, "idempotency_key_reused").contains(id));
    // Keys of another workflow are others.
    let second = app.workflow().await;
    let path = format!("/api/v1/workflows/{second}/runs");
    assert_ne!(app.post_with(&path, &json!({"input": {"a": 2}}), &key).await.body["id"], id);
    for wrong in ["", "a b", &"k".repeat(256)] {
        app.post_with(&path, &json!({}), &[("idempotency-key", wrong)])
            .await
            .problem(400, "invalid_parameter");
    }
}

#[tokio::test]
async fn concurrent_requests_with_one_key_start_one_run_even_when_the_row_cannot_be_written() {
    let app = Arc::new(TestApp::start().await);
    let path = format!("/api/v1/workflows/{}/runs", app.workflow().await);
    app.store.fail_writes(true);
    app.bus.halt();
    let calls = app.bus.calls();
    let request = |input: i32| {
        let (app, path) = (Arc::clone(&app), path.clone());
        async move { app.post_with(&path, &json!({"input": {"n": input}}), &[("idempotency-key", "k")]).await }
    };
    let mut requests = tokio::task::JoinSet::new();
    requests.spawn(request(1));
    eventually("the event is handed to the bus", async || app.bus.calls() > calls).await;
    requests.spawn(request(1));
    requests.spawn(request(1));
    requests.spawn(request(2));
    tokio::task::yield_now().await;
    app.bus.open();
    let answers = requests.join_all().await;
    let accepted: Vec<_> = answers.iter().filter(|answer| answer.status == 202).collect();
    assert_eq!(accepted.len(), 3, "{answers:?}");
    assert!(accepted.iter().all(|answer| answer.body == accepted[0].body));
    assert_eq!(accepted.iter().filter(|answer| answer.header("idempotency-replayed") == "true").count(), 2);
    let refused = answers.iter().find(|answer| answer.status != 202).unwrap();
    refused.problem(422, "idempotency_key_reused");
    assert_eq!(app.bus.calls() - calls, 1);
}

#[tokio::test]
async fn a_key_that_cannot_be_looked_up_starts_nothing() {
    let app = TestApp::start().await;
    let path = format!("/api/v1/workflows/{}/runs", app.workflow().await);
    let calls = app.bus.calls();
    app.store.set_down(true);
    let key = [("idempotency-key", "k")];
    app.post_with(&path, &json!({}), &key).await.problem(503, "store_unavailable");
    assert_eq!(app.bus.calls(), calls);
    app.store.set_down(false);
    app.bus.set_down(true);
    app.post_with(&path, &json!({}), &key).await.problem(503, "bus_unavailable");
    app.bus.set_down(false);
    let started = app.post_with(&path, &json!({}), &key).await;
    assert_eq!((started.status.as_u16(), started.header("idempotency-replayed")), (202, ""));
}

#[tokio::test]
async fn the_trace_context_of_a_request_travels_with_the_run() {
    let app = TestApp::start().await;
    let path = format!("/api/v1/workflows/{}/runs", app.workflow().await);
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    app.post_with(&path, &greeting(), &[("traceparent", trace)]).await.problem(422, "invalid_input");
    assert_eq!(app.post_with(&path, &json!({}), &[("traceparent", trace)]).await.status, 202);
    assert_eq!(app.post_with(&path, &json!({}), &[("traceparent", "00-nonsense")]).await.status, 202);
    app.deliver_all().await;
    let spans = |topic| app.bus.of_topic(topic).into_iter().map(|event| event.traceparent.unwrap()).collect();
    let (asked, tasks): (Vec<String>, Vec<String>) = (spans(Topic::Workflows), spans(Topic::Tasks));
    // The one of the workflow itself came first.
    let [_, asked, other] = &asked[..] else { panic!("{asked:?}") };
    let given: TraceContext = trace.parse().unwrap();
    let asked: TraceContext = asked.parse().unwrap();
    let task: TraceContext = tasks[0].parse().unwrap();
    assert_eq!([asked.trace_id(), task.trace_id()], [given.trace_id(), given.trace_id()]);
    let spans = BTreeSet::from([given, asked, task].map(TraceContext::span_id));
    assert_eq!(spans.len(), 3, "each hop is a span of its own: {spans:?}");
    // What cannot be read is as if it were not there: the function begins a trace.
    let begun = [other, &tasks[1]].map(|text| text.parse::<TraceContext>().unwrap().trace_id());
    assert_eq!(begun[0], begun[1]);
    assert_ne!(begun[0], given.trace_id());
}
