//! What requests to webhooks are answered: at once, by the run, or when it takes too long.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::run::{Run, RunKey, RunResponse, RunStatus};
use http::Method;
use minireipaz::{
    clock::SystemClock,
    http::HttpConfig,
    store::{Facts, RunStore},
    testing::eventually,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    app::{Answer, TestApp, acme},
    hooks::{app, config, hook, request, requested, send},
    long_poll::joined,
};

/// Sends a request that is answered by its run, and records how that goes on.
async fn answered(params: Value, goes_on: impl Fn(Run) -> Vec<Run>) -> Answer {
    let app = Arc::new(app().await);
    let (_, live, _) = hook(&app, params).await;
    let mut sent = JoinSet::new();
    let sends = Arc::clone(&app);
    sent.spawn(async move { sends.send(request(Method::POST, &live, &[], b"")).await });
    eventually("the run is asked for", async || !requested(&app).is_empty()).await;
    app.deliver_all().await;
    let key: RunKey = (acme(), requested(&app)[0].0.run_id);
    let known = app.store.unwatched().get(std::slice::from_ref(&key)).await.unwrap().remove(&key);
    for run in goes_on(known.unwrap().unwrap().run) {
        let facts = Facts { runs: vec![(key.0.clone(), run)], steps: Vec::new() };
        app.store.unwatched().record(&facts).await.unwrap();
    }
    joined(sent).await
}

fn said(status: u16, body: Value) -> Option<RunResponse> {
    let headers = BTreeMap::from([("x-order".to_owned(), vec!["7".to_owned()])]);
    Some(RunResponse { status, headers, body })
}

#[tokio::test]
async fn what_the_respond_node_said_is_sent_as_soon_as_it_is_there() {
    let answer = answered(json!({"respond": "respond_node"}), |run| {
        let running = Run { status: RunStatus::Running, revision: 2, ..run };
        let answered = Run { revision: 3, response: said(201, json!({"ok": true})), ..running.clone() };
        vec![running, answered]
    })
    .await;
    assert_eq!((answer.status.as_u16(), answer.header("x-order")), (201, "7"), "{answer:?}");
    assert_eq!((answer.body, answer.text.as_str()), (json!({"ok": true}), r#"{"ok":true}"#));

    let refused = answered(json!({"respond": "respond_node"}), |run| {
        vec![Run {
            status: RunStatus::Failed,
            revision: 3,
            response: said(422, json!("no such order")),
            ..run
        }]
    })
    .await;
    assert_eq!(
        (refused.status.as_u16(), refused.text.as_str()),
        (422, "no such order"),
        "an error of its own"
    );
    assert_eq!(refused.header("content-type"), "text/plain; charset=utf-8");
}

#[tokio::test]
async fn the_items_of_the_last_nodes_are_sent_when_the_run_has_ended() {
    let answer = answered(json!({"respond": "last_node"}), |run| {
        let output = Some(json!({"end": [{"n": 1}], "check": {"true": [{"n": 2}], "error": [{"n": 3}]}}));
        vec![Run { status: RunStatus::Succeeded, revision: 4, output, ..run }]
    })
    .await;
    assert_eq!((answer.status.as_u16(), answer.body), (200, json!([{"n": 1}, {"n": 2}])));
}

#[tokio::test]
async fn a_run_that_does_not_answer_is_told_without_its_reasons() {
    for (respond, status, code) in [
        ("respond_node", RunStatus::Failed, "run_failed"),
        ("respond_node", RunStatus::Succeeded, "no_response"),
        ("last_node", RunStatus::Failed, "run_failed"),
        ("last_node", RunStatus::Cancelled, "run_cancelled"),
        ("last_node", RunStatus::TimedOut, "run_timed_out"),
    ] {
        let error = Some(domain::run::NodeError::new("http_status", "the key s3cret was refused"));
        let answer = answered(json!({ "respond": respond }), |run| {
            vec![Run { status, revision: 5, error: error.clone(), ..run }]
        })
        .await;
        answer.problem(500, code);
        assert!(!answer.text.contains("s3cret"), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_waited_as_long_as_a_function_may_gets_the_runs_address() {
    let short = HttpConfig { longest_wait: Duration::from_millis(20), ..config() };
    let app = TestApp::with(Arc::new(SystemClock), short).await;
    for respond in ["respond_node", "last_node"] {
        let (_, live, _) = hook(&app, json!({ "respond": respond })).await;
        let answer = send(&app, Method::POST, &live, &[], b"").await;
        let run = requested(&app).pop().unwrap().0.run_id;
        assert_eq!((answer.status.as_u16(), &answer.body), (202, &json!({"run_id": run})));
        assert_eq!(answer.header("location"), format!("/api/v1/runs/{run}"));
    }
}

#[tokio::test]
async fn a_reply_that_needs_no_run_is_sent_at_once() {
    let app = app().await;
    let reply = json!({"reply": {"status": 200, "headers": {"X-Seen": "yes"}, "body": "<Response/>"}});
    let (_, live, _) = hook(&app, reply).await;
    let answer = send(&app, Method::POST, &live, &[], b"").await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "<Response/>"));
    assert_eq!((answer.header("x-seen"), requested(&app).len()), ("yes", 1));
    assert!(answer.header("content-security-policy").starts_with("sandbox"), "{answer:?}");
    app.bus.set_down(true);
    let refused = send(&app, Method::POST, &live, &[], b"").await;
    refused.problem(503, "bus_unavailable");
}
