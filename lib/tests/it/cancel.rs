//! `POST /runs/{id}/cancel`, and what the scheduler makes of it.

use std::sync::Arc;

use domain::{
    event::{Event, Payload, Topic},
    limits::MAX_REASON_BYTES,
    run::RunStatus,
};
use http::Method;
use minireipaz::testing::eventually;
use serde_json::json;

use crate::{
    app::TestApp,
    long_poll::joined,
    resume::sending,
    scheduler::{requested, text},
};

fn cancels(events: Vec<Event>) -> Vec<(String, String)> {
    let cancel = |event: Event| match event.payload {
        Payload::RunCancelRequested(cancel) | Payload::TaskCancel(cancel) => {
            Some((cancel.run_id.to_string(), cancel.reason))
        }
        _ => None,
    };
    events.into_iter().filter_map(cancel).collect()
}

#[tokio::test]
async fn a_cancel_goes_all_the_way_to_the_workers_behind_the_run_that_it_is_of() {
    let app = TestApp::start().await;
    let run = app.run(&app.workflow().await).await;
    app.have(&run, 1, 0, RunStatus::Queued).await;
    let path = format!("/api/v1/runs/{run}/cancel");
    let cancelled = app.post(&path, &json!({"reason": "ordered twice"})).await;
    assert_eq!((cancelled.status.as_u16(), &cancelled.body["id"]), (202, &json!(run)));
    assert_eq!(cancelled.body["status"], "queued", "as it is now");
    let delivered = app.deliver_all().await;
    assert_eq!(
        (&delivered.body["runs"], &delivered.body["controls"]),
        (&json!(1), &json!(1)),
        "{delivered:?}"
    );
    let tasks = app.bus.of_topic(Topic::Tasks);
    assert!(matches!(tasks[0].payload, Payload::TaskExecute(_)), "a worker hears of the run first");
    assert_eq!(tasks[1].payload.key(), run[run.len() - 4..], "the owner slot, as of the task");
    assert_eq!(cancels(tasks), [(run, "ordered twice".to_owned())]);
}

#[tokio::test]
async fn a_reason_may_be_missing_and_has_a_limit() {
    let app = TestApp::start().await;
    let run = app.run(&app.workflow().await).await;
    app.have(&run, 1, 3, RunStatus::Running).await;
    let path = format!("/api/v1/runs/{run}/cancel");
    let empty = app.request(Method::POST, &path).body(axum::body::Body::empty()).unwrap();
    assert_eq!(app.send(empty).await.status, 202);
    assert_eq!(app.post(&path, &json!({"reason": null})).await.status, 202);
    let told = cancels(app.bus.events());
    assert!(told.iter().all(|(_, reason)| reason.contains("by request")), "{told:?}");
    let published = app.bus.calls();
    for body in [
        json!({"reason": 7}),
        json!({"why": "x"}),
        json!([]),
        json!({"reason": "x".repeat(MAX_REASON_BYTES + 1)}),
    ] {
        app.post(&path, &body).await.problem(422, "invalid_body");
    }
    assert_eq!(app.bus.calls(), published, "nothing that was refused is published");
}

#[tokio::test]
async fn what_is_over_or_not_there_or_not_allowed_is_refused() {
    let app = TestApp::start().await;
    let run = app.run(&app.workflow().await).await;
    app.have(&run, 1, 7, RunStatus::Succeeded).await;
    let path = format!("/api/v1/runs/{run}/cancel");
    assert!(app.post(&path, &json!({})).await.problem(409, "run_ended").contains("succeeded"));
    let unknown = "/api/v1/runs/018f3c3e-0000-7000-8000-000000000000/cancel";
    app.post(unknown, &json!({})).await.problem(404, "run_not_found");
    app.post("/api/v1/runs/7/cancel", &json!({})).await.problem(404, "run_not_found");
    app.get(&path).await.problem(405, "method_not_allowed");
    app.post(&format!("/api/v1/runs/{run}/nothing"), &json!({})).await.problem(404, "route_not_found");
    for (token, status, code) in [
        (app.token_with(&["runs:read"]), 403, "missing_scope"),
        (app.token_of("other"), 404, "run_not_found"),
    ] {
        let request = http::Request::post(&path).header("authorization", format!("Bearer {token}"));
        app.send(request.body(axum::body::Body::empty()).unwrap()).await.problem(status, code);
    }
    assert_eq!(cancels(app.bus.events()), []);
}

#[tokio::test]
async fn with_a_wait_the_answer_comes_when_the_run_has_ended() {
    let app = Arc::new(TestApp::start().await);
    let run = app.run(&app.workflow().await).await;
    app.have(&run, 1, 3, RunStatus::Waiting).await;
    let path = format!("/api/v1/runs/{run}/cancel?wait=20");
    let waiting = sending(&app, app.json(Method::POST, &path, &json!({}), &[]));
    eventually("the request is on the bus", async || !cancels(app.bus.events()).is_empty()).await;
    app.advance(&run, RunStatus::Cancelled, 4).await;
    let answer = joined(waiting).await;
    assert_eq!((answer.status.as_u16(), &answer.body["status"]), (202, &json!("cancelled")));
    app.post(&format!("/api/v1/runs/{run}/cancel?wait=21"), &json!({}))
        .await
        .problem(400, "invalid_parameter");
}

#[tokio::test]
async fn while_the_bus_is_down_nothing_is_promised() {
    let app = TestApp::start().await;
    let run = app.run(&app.workflow().await).await;
    app.have(&run, 1, 3, RunStatus::Running).await;
    app.bus.set_down(true);
    app.post(&format!("/api/v1/runs/{run}/cancel"), &json!({})).await.problem(503, "bus_unavailable");
}

/// A cancel as a function publishes it.
fn cancel_of(requested: &Event, reason: &str) -> Event {
    let Payload::RunRequested(run) = &requested.payload else { panic!("{requested:?}") };
    let cancel = domain::event::CancelRun {
        run_id: run.run_id,
        reason: reason.to_owned(),
        requested_at: requested.time,
    };
    Event { payload: Payload::RunCancelRequested(cancel), ..requested.clone() }
}

#[tokio::test]
async fn a_batch_that_is_delivered_again_gives_the_same_events_and_a_broken_one_is_a_dead_letter() {
    let app = TestApp::start().await;
    let run = requested(&app.workflow().await, 1);
    let (cancel, broken) =
        (cancel_of(&run, "enough"), text(&cancel_of(&run, "no")).replace("\"reason\"", "\"why\""));
    let batch = format!("{}\n{}\n{broken}", text(&run), text(&cancel));
    for _ in 0..2 {
        let answer = app.deliver(batch.clone()).await;
        let report = json!({"runs": 1, "failed": 0, "controls": 1, "workflows": 0, "dead_letters": 1});
        assert_eq!((answer.status.as_u16(), &answer.body), (200, &report));
    }
    let tasks = app.bus.of_topic(Topic::Tasks);
    let ids: Vec<_> = tasks.iter().map(|event| event.id.clone()).collect();
    assert_eq!(ids[..2], ids[2..]);
    assert!(app.store.dead_letters()[0].reason.contains("reason"));
}

#[tokio::test]
async fn what_the_bus_never_takes_is_a_dead_letter_and_the_rest_of_the_batch_goes_on() {
    let app = TestApp::start().await;
    let (one, two) = (requested(&app.workflow().await, 1), requested(&app.workflow().await, 2));
    let long = cancel_of(&one, &"x".repeat(4_000));
    let batch = format!("{}\n{}", text(&long), text(&cancel_of(&two, "enough")));
    app.bus.refuse_above(3_000);
    let answer = app.deliver(batch).await;
    assert_eq!(
        (&answer.body["controls"], &answer.body["dead_letters"]),
        (&json!(1), &json!(1)),
        "{answer:?}"
    );
    assert_eq!(cancels(app.bus.of_topic(Topic::Tasks)).len(), 1);
    assert!(app.store.dead_letters()[0].reason.contains("40002"));
}
