//! `/api/v1/tenant/…`: statistics, alerts, dead letters, and who is calling.

use std::time::Duration;

use domain::{
    alert::{AlertReport, ErrorPattern},
    dead_letter::DeadLetter,
    event::{Payload, Topic},
    heartbeat::{Heartbeat, OpenBreaker, TopicLag},
    ids::{AlertId, TenantId, WorkflowId},
    limits,
    run::{NewRun, NodeError, Run, RunStatus, Trigger},
    timestamp::Timestamp,
};
use http::Method;
use minireipaz::store::{AlertStore, DeadLetterStore, Facts, HeartbeatStore, RunStore, memory::Call};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    app::{TestApp, acme},
    scheduler::{requested, text},
};

fn ended(created_at: Timestamp, status: RunStatus, workflow_id: WorkflowId) -> (TenantId, Run) {
    let new = NewRun {
        id: domain::ids::RunId::at(created_at, rand::random()),
        workflow_id,
        workflow_version: 1,
        attempt: 1,
        trigger: Trigger::manual(),
        input: Value::Null,
        created_at,
    };
    let finished_at = Some(created_at.plus(Duration::from_millis(250)));
    (acme(), Run { status, started_at: Some(created_at), finished_at, ..new.queued() })
}

fn beat(app: &TestApp, worker: &str, lag_ms: u64) -> Heartbeat {
    let now = app.clock.now();
    let breaker = |tenant: &str| OpenBreaker {
        tenant: TenantId::parse(tenant).unwrap(),
        destination: format!("https://{tenant}.example"),
        until: now.plus(Duration::from_secs(5)),
    };
    Heartbeat {
        worker: worker.to_owned(),
        at: now,
        started_at: now,
        version: "0".to_owned(),
        active_runs: 1,
        backlog_rows: 1,
        backlog_bytes: 1,
        unrecorded_ms: lag_ms,
        topics: vec![TopicLag { topic: "tasks".to_owned(), lag_ms, handled_at: now }],
        breakers: vec![breaker("acme"), breaker("other")],
    }
}

#[tokio::test]
async fn statistics_tell_what_became_of_runs_and_how_far_behind_the_system_is() {
    let app = TestApp::start().await;
    let (now, flow) = (app.clock.now(), WorkflowId(Uuid::from_u128(1)));
    let before = |hours| now.minus(Duration::from_hours(hours));
    let runs = vec![
        ended(now, RunStatus::Succeeded, flow),
        ended(before(1), RunStatus::Failed, flow),
        ended(before(2), RunStatus::Succeeded, WorkflowId(Uuid::from_u128(2))),
        ended(before(30), RunStatus::Succeeded, flow),
    ];
    app.store.record(&Facts::of_runs(runs)).await.unwrap();
    for (worker, lag) in [("a", 10), ("b", 40)] {
        app.store.beat(&beat(&app, worker, lag)).await.unwrap();
    }
    let found = app.get("/api/v1/tenant/stats").await;
    assert_eq!(found.status, 200, "{found:?}");
    let runs = &found.body["runs"];
    assert_eq!((&runs["totals"]["succeeded"], &runs["totals"]["failed"]), (&json!(2), &json!(1)));
    assert_eq!((&runs["bucket"], &runs["durations"]["p95_ms"]), (&json!("hour"), &json!(250)));
    assert_eq!(runs["series"].as_array().unwrap().len(), 3);
    assert!((found.body["success_rate"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-9, "{found:?}");
    let lag = &found.body["lag"];
    assert_eq!((&lag["workers"], &lag["recorder_ms"]), (&json!(2), &json!(40)));
    assert_eq!((&lag["topics"][0]["topic"], &lag["topics"][0]["lag_ms"]), (&json!("tasks"), &json!(40)));
    let breakers = found.body["breakers"].as_array().unwrap();
    assert_eq!(breakers.len(), 1, "those of other tenants are theirs: {breakers:?}");
    assert_eq!(breakers[0]["destination"], "https://acme.example");

    let of_flow = app.get(&format!("/api/v1/tenant/stats?workflow_id={flow}&hours=96")).await;
    assert_eq!(of_flow.body["runs"]["totals"]["succeeded"], 2);
    assert_eq!(of_flow.body["runs"]["bucket"], "day");
    let query = "from=2026-11-01T00:00:00Z&to=2026-11-01T01:30:00Z&bucket=hour";
    let window = app.get(&format!("/api/v1/tenant/stats?{query}")).await;
    assert_eq!(window.body["runs"]["to"], "2026-11-01T02:00:00.000Z", "whole hours");
    assert_eq!(window.body["success_rate"], Value::Null);
}

#[tokio::test]
async fn a_window_that_is_none_is_refused_by_the_name_of_its_parameter() {
    let app = TestApp::start().await;
    for query in [
        "hours=0",
        "hours=9601",
        "hours=x",
        "hours=2&from=2026-11-01T00:00:00Z",
        "from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z",
        "from=2020-11-02T00:00:00Z",
        "bucket=minute",
        "workflow_id=7",
    ] {
        app.get(&format!("/api/v1/tenant/stats?{query}")).await.problem(400, "invalid_parameter");
    }
}

#[tokio::test]
async fn an_alert_is_listed_while_it_goes_on_and_acknowledged_once() {
    let app = TestApp::start().await;
    let now = app.clock.now();
    let report = |id: u128, last_seen_at: Timestamp| AlertReport {
        tenant: acme(),
        id: AlertId(Uuid::from_u128(id)),
        reporter: Uuid::nil(),
        pattern: ErrorPattern::of(WorkflowId(Uuid::nil()), None, &NodeError::new("timeout", "x")),
        message: "no answer".to_owned(),
        raised_at: last_seen_at,
        last_seen_at,
        count: 10,
        calm: Duration::from_secs(300),
        announced_at: None,
    };
    let over = now.minus(Duration::from_secs(900));
    app.store.report(&[report(1, now), report(2, over)]).await.unwrap();
    let ids = |body: &Value| -> Vec<String> {
        let items = body["items"].as_array().unwrap().iter();
        items.map(|alert| alert["id"].as_str().unwrap().to_owned()).collect()
    };
    let (one, two) = (Uuid::from_u128(1).to_string(), Uuid::from_u128(2).to_string());
    assert_eq!(ids(&app.get("/api/v1/tenant/alerts").await.body), std::slice::from_ref(&one));
    let all = app.get("/api/v1/tenant/alerts?state=all").await;
    assert_eq!(ids(&all.body), [one.clone(), two]);
    assert!(all.body["items"][1]["cleared_at"].is_string());

    let known = app.post("/api/v1/tenant/alerts", &json!({ "id": one })).await;
    assert_eq!((known.status.as_u16(), &known.body["acknowledged_by"]), (200, &json!("tester")));
    let again = app.post("/api/v1/tenant/alerts", &json!({ "id": one })).await;
    assert_eq!(again.body["acknowledged_at"], known.body["acknowledged_at"]);
    assert_eq!(app.store.calls(Call::ACKNOWLEDGE), 1);
    let unknown = json!({ "id": Uuid::from_u128(9) });
    app.post("/api/v1/tenant/alerts", &unknown).await.problem(404, "alert_not_found");
    for body in [json!({}), json!({ "id": 7 }), json!({ "id": one, "by": "x" })] {
        app.post("/api/v1/tenant/alerts", &body).await.problem(422, "invalid_body");
    }
    app.get("/api/v1/tenant/alerts?state=old").await.problem(400, "invalid_parameter");
}

#[tokio::test]
async fn a_dead_letter_is_looked_at_sent_again_and_put_away() {
    let app = TestApp::start().await;
    let event = requested(&app.workflow().await, 1);
    let good = DeadLetter::new("scheduler", "away", text(&event).as_bytes(), "acme", app.clock.now());
    let bad = DeadLetter::new("scheduler", "no event", b"{", "acme", app.clock.now());
    let theirs = DeadLetter::new("scheduler", "no event", b"{", "other", app.clock.now());
    app.store.bury(&[good.clone(), bad.clone(), theirs.clone()]).await.unwrap();
    let one = |letter: &DeadLetter| format!("/api/v1/tenant/dead-letter?id={}", letter.id());
    let count = async || app.get("/api/v1/tenant/dead-letters").await.body["items"].as_array().unwrap().len();
    assert_eq!(count().await, 2);
    let seen = app.get(&one(&good)).await;
    assert_eq!(seen.body["record"], json!(good.record));
    app.get(&one(&theirs)).await.problem(404, "dead_letter_not_found");

    let before = app.bus.of_topic(Topic::Workflows).len();
    let send = async |letter: &DeadLetter| app.post(&one(letter), &json!(null)).await;
    let sent = send(&good).await;
    assert_eq!((sent.status.as_u16(), &sent.body["topic"]), (202, &json!("workflows")), "{sent:?}");
    let events = app.bus.of_topic(Topic::Workflows);
    assert_eq!((events.len(), events.last()), (before + 1, Some(&event)), "as it was");
    assert_eq!(count().await, 1);
    send(&bad).await.problem(409, "not_an_event");
    let delete = app.request(Method::DELETE, &one(&bad)).body(axum::body::Body::empty()).unwrap();
    assert_eq!(app.send(delete).await.status, 204);
    assert_eq!(count().await, 0);
    app.get("/api/v1/tenant/dead-letter").await.problem(400, "invalid_parameter");
}

#[tokio::test]
async fn what_asks_for_a_run_that_has_ended_is_not_sent_again_nor_what_is_another_tenants() {
    let app = TestApp::start().await;
    let event = requested(&app.workflow().await, 1);
    let Payload::RunRequested(request) = &event.payload else { panic!("{event:?}") };
    let run = request.run_id.to_string();
    app.have(&run, 1, 1, RunStatus::Failed).await;
    let ended = DeadLetter::new("worker", "x", text(&event).as_bytes(), "acme", app.clock.now());
    let foreign = domain::event::Event { tenant: TenantId::parse("other").unwrap(), ..event };
    let foreign = DeadLetter::new("worker", "x", text(&foreign).as_bytes(), "acme", app.clock.now());
    app.store.bury(&[ended.clone(), foreign.clone()]).await.unwrap();
    let before = app.bus.events().len();
    for (letter, code) in [(ended, "run_ended"), (foreign, "not_an_event")] {
        let path = format!("/api/v1/tenant/dead-letter?id={}", letter.id());
        app.post(&path, &json!(null)).await.problem(409, code);
    }
    assert_eq!(app.bus.events().len(), before);
}

#[tokio::test]
async fn who_is_calling_is_told_with_any_token_and_the_rest_needs_its_scope() {
    let app = TestApp::start().await;
    let with = async |method: Method, path: &str, scopes: &[&str]| {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", app.token_with(scopes)));
        app.send(request.body(axum::body::Body::empty()).unwrap()).await
    };
    let me = with(Method::GET, "/api/v1/tenant/me", &["runs:read"]).await;
    assert_eq!((&me.body["tenant"], &me.body["subject"]), (&json!("acme"), &json!("tester")));
    assert_eq!(me.body["scopes"], json!(["runs:read"]));
    assert_eq!(me.body["limits"].as_array().unwrap().len(), limits::ALL.len());
    let letter = format!("/api/v1/tenant/dead-letter?id={}", Uuid::nil());
    for (method, path, scope) in [
        (Method::GET, "/api/v1/tenant/stats", "workflows:read"),
        (Method::GET, "/api/v1/tenant/alerts", "workflows:read"),
        (Method::POST, "/api/v1/tenant/alerts", "runs:read"),
        (Method::GET, "/api/v1/tenant/dead-letters", "workflows:read"),
        (Method::POST, &letter, "runs:read"),
        (Method::DELETE, &letter, "runs:read"),
    ] {
        with(method, path, &[scope]).await.problem(403, "missing_scope");
    }
}
