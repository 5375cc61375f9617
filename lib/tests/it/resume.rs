//! `POST /runs/{id}/resume`: who gives a signal is told the truth about it.

use std::sync::Arc;

use axum::body::Body;
use domain::{
    event::{Event, Payload, ResumeRun, Topic},
    ids::{NodeId, SignalId},
    iteration::Iteration,
    run::{GivenSignal, Run, RunKey, RunStatus, Step, StepStatus, WaitsFor},
};
use http::{Method, Request};
use minireipaz::{
    store::{Facts, RunStore, StepFact},
    testing::eventually,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    app::{Answer, TestApp, acme},
    long_poll::joined,
};

/// A step of the node `ask`, as its worker records it.
pub(crate) fn step(iteration: &[u32], waits_for: Option<&str>, given: Option<GivenSignal>) -> Step {
    let status = if waits_for.is_some() { StepStatus::Waiting } else { StepStatus::Succeeded };
    Step {
        node_id: NodeId::parse("ask").unwrap(),
        iteration: Iteration::from(iteration.to_vec()),
        kind: "wait".to_owned(),
        status,
        pinned: false,
        attempts: 1,
        started_at: None,
        finished_at: None,
        output: None,
        lineage: Default::default(),
        console: Vec::new(),
        waits_for: waits_for.map(|name| WaitsFor { signal: Some(name.to_owned()), ..WaitsFor::default() }),
        signal: given,
        error: None,
    }
}

/// Sends a request beside others.
pub(crate) fn sending(app: &Arc<TestApp>, request: Request<Body>) -> JoinSet<Answer> {
    let (mut set, app) = (JoinSet::new(), Arc::clone(app));
    set.spawn(async move { app.send(request).await });
    set
}

/// Records a run with such steps, at once.
pub(crate) async fn record(app: &TestApp, run: &str, revision: u64, status: RunStatus, steps: Vec<Step>) {
    let key: RunKey = (acme(), run.parse().unwrap());
    let find = async || app.store.unwatched().get(std::slice::from_ref(&key)).await.unwrap().remove(&key);
    if find().await.is_none() {
        app.have(run, 1, 0, RunStatus::Queued).await;
    }
    let run = Run { revision, status, ..find().await.unwrap().unwrap().run };
    let fact = |step| StepFact { tenant: acme(), run_id: run.id, run_attempt: 1, revision, ordinal: 1, step };
    let facts = Facts { runs: vec![(acme(), run.clone())], steps: steps.into_iter().map(fact).collect() };
    app.store.unwatched().record(&facts).await.unwrap();
}

/// A run that waits for the signal `approved`.
pub(crate) async fn asked(app: &TestApp) -> String {
    let run = app.run(&app.workflow().await).await;
    record(app, &run, 3, RunStatus::Waiting, vec![step(&[], Some("approved"), None)]).await;
    run
}

/// The signals on the bus.
pub(crate) fn sent(events: Vec<Event>) -> Vec<ResumeRun> {
    let resume = |event: Event| match event.payload {
        Payload::RunResumeRequested(resume) | Payload::TaskResume(resume) => Some(resume),
        _ => None,
    };
    events.into_iter().filter_map(resume).collect()
}

pub(crate) async fn one_sent(app: &TestApp, count: usize) -> ResumeRun {
    eventually("the signal is on the bus", async || sent(app.bus.events()).into_iter().nth(count - 1)).await
}

pub(crate) fn given(id: SignalId, app: &TestApp) -> Option<GivenSignal> {
    Some(GivenSignal { name: "approved".to_owned(), id, at: app.clock.now() })
}

#[tokio::test]
async fn who_was_first_is_told_so_when_the_step_says_it() {
    let app = Arc::new(TestApp::start().await);
    let run = asked(&app).await;
    let path = format!("/api/v1/runs/{run}/resume");
    let body = json!({"name": "approved", "data": {"by": "Ada"}});
    let request = sending(&app, app.json(Method::POST, &path, &body, &[]));
    let signal = one_sent(&app, 1).await;
    assert_eq!((signal.node_id.as_str(), signal.name.as_str()), ("ask", "approved"));
    assert_eq!((signal.data.as_str(), signal.run_id.to_string()), (r#"{"by":"Ada"}"#, run.clone()));
    let step = step(&[], None, given(signal.signal_id, &app));
    record(&app, &run, 5, RunStatus::Succeeded, vec![step]).await;
    let answer = joined(request).await;
    assert_eq!((answer.status.as_u16(), &answer.body["status"]), (200, &json!("succeeded")), "{answer:?}");
    assert_eq!(answer.header("signal-id"), signal.signal_id.to_string());
    assert_eq!(answer.body["steps"][0]["signal"]["id"], signal.signal_id.to_string());
    app.post(&path, &body).await.problem(409, "signal_already_given");
    assert_eq!(sent(app.bus.events()).len(), 1);
    let delivered = app.deliver_all().await;
    assert_eq!(delivered.body["controls"], 1, "{delivered:?}");
    assert_eq!(sent(app.bus.of_topic(Topic::Tasks)), [signal]);
}

#[tokio::test]
async fn of_two_at_the_same_time_one_is_told_that_the_other_was_first() {
    let app = Arc::new(TestApp::start().await);
    let run = asked(&app).await;
    let path = format!("/api/v1/runs/{run}/resume");
    let send = |by: &str| {
        let body = json!({"name": "approved", "data": {"by": by}});
        sending(&app, app.json(Method::POST, &path, &body, &[]))
    };
    let (one, two) = (send("Ada"), send("Bob"));
    one_sent(&app, 2).await;
    let second = sent(app.bus.events())[1].clone();
    record(&app, &run, 5, RunStatus::Running, vec![step(&[], None, given(second.signal_id, &app))]).await;
    let answers = [joined(one).await, joined(two).await];
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    let lost: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert_eq!((won.len(), lost.len()), (1, 1), "{answers:?}");
    assert_eq!(won[0].header("signal-id"), second.signal_id.to_string());
    lost[0].problem(409, "signal_already_given");
}

#[tokio::test]
async fn a_step_whose_time_was_up_first_is_told_of() {
    let app = Arc::new(TestApp::start().await);
    let run = asked(&app).await;
    let path = format!("/api/v1/runs/{run}/resume");
    let request = sending(&app, app.json(Method::POST, &path, &json!({"name": "approved"}), &[]));
    one_sent(&app, 1).await;
    record(&app, &run, 5, RunStatus::Running, vec![step(&[], None, None)]).await;
    joined(request).await.problem(409, "run_not_waiting");
}

#[tokio::test]
async fn nothing_more_is_promised_while_the_worker_says_nothing() {
    let app = Arc::new(TestApp::start().await);
    let run = asked(&app).await;
    let path = format!("/api/v1/runs/{run}/resume");
    tokio::time::pause();
    let answer = app.post(&path, &json!({"name": "approved"})).await;
    assert_eq!((answer.status.as_u16(), &answer.body["status"]), (202, &json!("waiting")), "{answer:?}");
    assert_eq!(answer.header("signal-id"), sent(app.bus.events())[0].signal_id.to_string());
}

#[tokio::test]
async fn a_signal_that_nobody_waits_for_is_refused_with_what_is_waited_for() {
    let app = TestApp::start().await;
    let run = asked(&app).await;
    let path = format!("/api/v1/runs/{run}/resume");
    let detail = app.post(&path, &json!({"name": "paid"})).await;
    assert!(detail.problem(409, "run_not_waiting").contains("\"approved\""));
    record(&app, &run, 4, RunStatus::Cancelled, vec![step(&[], None, None)]).await;
    app.post(&path, &json!({"name": "approved"})).await.problem(409, "run_ended");
    let unknown = "/api/v1/runs/018f3c3e-0000-7000-8000-000000000000/resume";
    app.post(unknown, &json!({"name": "approved"})).await.problem(404, "run_not_found");
    let request = Request::post(&path).header("content-type", "application/json");
    let body = Body::from(json!({"name": "approved"}).to_string());
    app.send(request.body(body).unwrap()).await.problem(401, "token_missing");
    let token = app.token_with(&["runs:read"]);
    let request = Request::post(&path).header("authorization", format!("Bearer {token}"));
    app.send(request.body(Body::empty()).unwrap()).await.problem(403, "missing_scope");
    assert_eq!(sent(app.bus.events()), []);
}

#[tokio::test]
async fn a_body_that_is_no_signal_is_refused_before_anything_is_sent() {
    let app = TestApp::start().await;
    let run = asked(&app).await;
    let path = format!("/api/v1/runs/{run}/resume");
    for (body, code) in [
        (json!({}), "invalid_body"),
        (json!({"name": 7}), "invalid_body"),
        (json!({"name": "a\nb"}), "invalid_body"),
        (json!({"name": "approved", "date": {}}), "invalid_body"),
        (json!({"name": "approved", "data": 7}), "invalid_data"),
        (json!({"name": "approved", "data": [{}, 7]}), "invalid_data"),
        (json!({"name": "approved", "data": {"$file": {}}}), "invalid_data"),
        (json!({"name": "approved", "data": {"a": "x".repeat(600_000)}}), "invalid_data"),
    ] {
        app.post(&path, &body).await.problem(422, code);
    }
    let empty = app.request(Method::POST, &path).body(Body::empty()).unwrap();
    app.send(empty).await.problem(400, "invalid_json");
    assert_eq!(sent(app.bus.events()), []);
}

#[tokio::test]
async fn the_same_key_is_the_same_signal_whatever_became_of_it() {
    let app = Arc::new(TestApp::start().await);
    let run = asked(&app).await;
    let path = format!("/api/v1/runs/{run}/resume");
    let (body, key) = (json!({"name": "approved"}), [("idempotency-key", "order-7")]);
    let send = |key: &[(&str, &str)]| sending(&app, app.json(Method::POST, &path, &body, key));
    let request = send(&key);
    let signal = one_sent(&app, 1).await;
    let step = step(&[], None, given(signal.signal_id, &app));
    record(&app, &run, 5, RunStatus::Running, vec![step]).await;
    assert_eq!(joined(request).await.status, 200);
    let again: Value = joined(send(&key)).await.body;
    assert_eq!((&again["id"], sent(app.bus.events()).len()), (&json!(run), 1), "it was given already");
    joined(send(&[("idempotency-key", "order-8")])).await.problem(409, "signal_already_given");
}

#[tokio::test]
async fn in_a_loop_the_iteration_that_waits_is_meant_and_an_earlier_one_tells_what_became_of_its_own() {
    let app = Arc::new(TestApp::start().await);
    let run = app.run(&app.workflow().await).await;
    let first = step(&[0], Some("approved"), None);
    record(&app, &run, 3, RunStatus::Waiting, vec![first]).await;
    let path = format!("/api/v1/runs/{run}/resume");
    let key = [("idempotency-key", "k")];
    let send = || sending(&app, app.json(Method::POST, &path, &json!({"name": "approved"}), &key));
    let request = send();
    let signal = one_sent(&app, 1).await;
    assert_eq!(signal.iteration.counters(), [0]);
    // Its worker is at the next iteration before anybody looks.
    let steps = vec![step(&[0], None, given(signal.signal_id, &app)), step(&[1], Some("approved"), None)];
    record(&app, &run, 6, RunStatus::Waiting, steps).await;
    assert_eq!(joined(request).await.status, 200);
    // Sent again under the same key it is not taken for the next iteration.
    assert_eq!(joined(send()).await.status, 200);
    assert_eq!(sent(app.bus.events()).len(), 1);
}
