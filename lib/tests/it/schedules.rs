//! Schedules: what starts, once, whatever happens to ticks, schedulers and workflows.

use std::{sync::Arc, time::Duration};

use domain::{
    event::{ClockTicked, Event, Payload, RunRequested, Topic},
    run::Trigger,
    timestamp::Timestamp,
};
use http::{Method, Request, StatusCode, header};
use minireipaz::{
    clock::ManualClock,
    http::HttpConfig,
    store::{memory::Call, *},
};
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, acme, secrets};

mod model;
mod year;

/// The secret of a clock.
const CRON: &str = "a-secret-of-a-clock";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

async fn app_at(now: Timestamp) -> (TestApp, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(now));
    let config = HttpConfig { cron: Some(secrets(CRON, None)), ..HttpConfig::default() };
    (TestApp::with(Arc::clone(&clock) as _, config).await, clock)
}

/// A workflow with these schedules, by node.
fn flow(active: bool, schedules: &[(&str, Value)]) -> Value {
    let own = schedules
        .iter()
        .map(|(id, params)| json!({"id": id, "type": "schedule", "data": {"params": params}}));
    let nodes: Vec<_> = own.chain([json!({"id": "end", "type": "noop"})]).collect();
    let edges: Vec<_> = schedules.iter().map(|(id, _)| json!({"source": id, "target": "end"})).collect();
    json!({"name": "Scheduled", "active": active, "nodes": nodes, "edges": edges})
}

fn tick(at: Timestamp) -> Event {
    let payload = Payload::ClockTicked(ClockTicked { at });
    Event { id: "tick".into(), time: at, tenant: ClockTicked::tenant().unwrap(), traceparent: None, payload }
}

async fn deliver(app: &TestApp, events: &[Event]) -> Answer {
    app.deliver(serde_json::to_string(events).unwrap()).await
}

/// What was asked for by schedules since this was asked last, and the other events.
fn taken(app: &TestApp) -> (Vec<RunRequested>, Vec<Event>) {
    let (mut runs, mut others) = (Vec::new(), Vec::new());
    for event in app.bus.take() {
        match event.payload {
            Payload::RunRequested(run) if run.trigger.kind == "schedule" => runs.push(run),
            _ => others.push(event),
        }
    }
    (runs, others)
}

/// Saves a workflow and lets the scheduler hear of it; gives its address.
async fn saved(app: &TestApp, document: &Value) -> String {
    let answer = app.post("/api/v1/workflows", document).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let (_, events) = taken(app);
    assert_eq!(deliver(app, &events).await.status, 200);
    format!("/api/v1/workflows/{}", answer.body["id"].as_str().unwrap())
}

/// The planned moments of what a tick starts now.
async fn started(app: &TestApp) -> Vec<Timestamp> {
    assert_eq!(deliver(app, &[tick(app.clock.now())]).await.status, 200);
    taken(app).0.into_iter().map(|run| run.created_at).collect()
}

#[tokio::test]
async fn an_occurrence_starts_one_run_of_the_workflow_at_its_trigger_with_its_item() {
    let (app, clock) = app_at(at("2026-03-02T08:59:30Z")).await;
    let schedules = [("nightly", json!({"cron": "@daily"})), ("morning", json!({"cron": "0 9 * * *"}))];
    saved(&app, &flow(true, &schedules)).await;
    assert_eq!(started(&app).await, []);
    clock.advance(Duration::from_secs(31));
    // Delivered twice, in one batch and in another, here and by another scheduler.
    let now = app.clock.now();
    assert_eq!(deliver(&app, &[tick(now), tick(now)]).await.body["occurrences"], 1);
    let asked = app.bus.take();
    for app in [&app, &app.beside()] {
        assert_eq!(deliver(app, &[tick(now)]).await.body.get("occurrences"), None);
    }
    assert_eq!(asked.len(), 1);
    assert_eq!(deliver(&app, &asked).await.body["runs"], 1);
    let tasks = app.bus.of_topic(Topic::Tasks);
    let [Payload::TaskExecute(task)] = [&tasks[0].payload] else { panic!("{tasks:?}") };
    let planned = at("2026-03-02T09:00:00Z");
    assert_eq!(serde_json::to_value(&task.trigger).unwrap(), json!({"kind": "schedule", "node": "morning"}));
    assert_eq!(
        (task.created_at, task.run_id.created_at(), task.workflow_version),
        (planned, Some(planned), 1)
    );
    let input: Value = task.input.read().unwrap();
    assert_eq!(input["timestamp"], "2026-03-02T09:00:00.000+00:00");
    assert_eq!(task.trigger, Trigger::at("schedule", "morning".parse().unwrap()));
}

#[tokio::test]
async fn a_tick_with_nothing_due_is_one_read() {
    let (app, _) = app_at(at("2026-03-02T08:00:00Z")).await;
    saved(&app, &flow(true, &[("daily", json!({"cron": "@daily"}))])).await;
    let due = app.store.calls(Call::DUE_TRIGGERS);
    for _ in 0..10 {
        assert_eq!(started(&app).await, []);
    }
    assert_eq!(app.store.calls(Call::DUE_TRIGGERS) - due, 10);
    assert_eq!((app.store.calls(Call::STANDINGS), app.store.calls(Call::NEWEST)), (0, 0));
}

#[tokio::test]
async fn a_paused_a_changed_and_a_deleted_workflow_keeps_what_was_planned_before_and_nothing_later() {
    let minutely = |active| flow(active, &[("m", json!({"cron": "* * * * *"}))]);
    let (app, clock) = app_at(at("2026-03-02T08:00:30Z")).await;
    let address = saved(&app, &minutely(true)).await;
    // Planned for 08:01 and not looked at when it is paused at 08:01:30.
    clock.advance(Duration::from_mins(1));
    app.put(&address, &minutely(false), "\"1\"").await;
    clock.advance(Duration::from_mins(2));
    let (_, events) = taken(&app);
    // The tick comes before the scheduler has heard of the pause, which the store knows.
    assert_eq!(started(&app).await, [at("2026-03-02T08:01:00Z")]);
    deliver(&app, &events).await;
    assert_eq!(taken(&app).0.len(), 0);
    clock.advance(Duration::from_mins(10));
    assert_eq!(started(&app).await, []);
    // It goes on from when it is active again, without what lies between.
    app.put(&address, &minutely(true), "\"2\"").await;
    deliver(&app, &taken(&app).1).await;
    clock.advance(Duration::from_secs(31));
    assert_eq!(started(&app).await, [at("2026-03-02T08:14:00Z")]);
    // Two saves, of which the scheduler hears late and in one batch: each moment is of the version of its time.
    clock.advance(Duration::from_mins(1));
    let half_hourly = flow(true, &[("h", json!({"cron": "*/30 * * * *"}))]);
    app.put(&address, &half_hourly, "\"3\"").await;
    clock.advance(Duration::from_mins(16));
    app.put(&address, &minutely(true), "\"4\"").await;
    clock.advance(Duration::from_secs(30));
    let (_, events) = taken(&app);
    deliver(&app, &events).await;
    let versions = |runs: Vec<RunRequested>| -> Vec<(Timestamp, u32)> {
        runs.into_iter().map(|run| (run.created_at, run.workflow_version)).collect()
    };
    assert_eq!(versions(taken(&app).0), [(at("2026-03-02T08:15:00Z"), 3), (at("2026-03-02T08:30:00Z"), 4)]);
    clock.advance(Duration::from_secs(30));
    deliver(&app, &[tick(app.clock.now())]).await;
    assert_eq!(versions(taken(&app).0), [(at("2026-03-02T08:32:00Z"), 5)]);
    // Deleted.
    let delete = app.request(Method::DELETE, &address).header(header::IF_MATCH, "\"5\"");
    let answer = app.send(delete.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    clock.advance(Duration::from_mins(5));
    assert_eq!(started(&app).await, []);
    deliver(&app, &taken(&app).1).await;
    assert_eq!(started(&app).await, []);
    assert_eq!(app.get("/api/v1/tenant/triggers").await.body["items"], json!([]));
}

#[tokio::test]
async fn a_save_that_leaves_an_interval_as_it_is_does_not_begin_it_anew() {
    let with = |note: &str, every: &str| {
        let mut flow = flow(true, &[("e", json!({"every": every}))]);
        flow["name"] = json!(note);
        flow
    };
    let (app, clock) = app_at(at("2026-03-02T08:00:00Z")).await;
    let address = saved(&app, &with("one", "1h")).await;
    clock.advance(Duration::from_mins(50));
    app.put(&address, &with("two", "1h"), "\"1\"").await;
    deliver(&app, &taken(&app).1).await;
    clock.advance(Duration::from_mins(11));
    assert_eq!(started(&app).await, [at("2026-03-02T09:00:00Z")]);
    app.put(&address, &with("three", "30m"), "\"2\"").await;
    deliver(&app, &taken(&app).1).await;
    clock.advance(Duration::from_mins(30));
    assert_eq!(started(&app).await, [at("2026-03-02T09:31:00Z")]);
}

#[tokio::test]
async fn a_scheduler_that_dies_between_asking_for_runs_and_noting_it_loses_and_doubles_none() {
    let (app, clock) = app_at(at("2026-03-02T08:00:30Z")).await;
    saved(&app, &flow(true, &[("m", json!({"cron": "* * * * *"}))])).await;
    clock.advance(Duration::from_mins(1));
    app.store.fail_writes(true);
    assert_eq!(deliver(&app, &[tick(app.clock.now())]).await.status, 503);
    let first = taken(&app).0;
    assert_eq!(first.len(), 1);
    app.store.fail_writes(false);
    clock.advance(Duration::from_secs(20));
    deliver(&app.beside(), &[tick(app.clock.now())]).await;
    assert_eq!(taken(&app).0, first, "to the letter, so that it is recognised");
    // And one that dies before: nothing is noted.
    clock.advance(Duration::from_mins(1));
    app.bus.set_down(true);
    assert_eq!(deliver(&app, &[tick(app.clock.now())]).await.status, 503);
    app.bus.set_down(false);
    assert_eq!(started(&app).await, [at("2026-03-02T08:02:00Z")]);
}

#[tokio::test]
async fn ten_thousand_schedules_that_are_due_in_a_minute_are_dispatched_by_one_look() {
    let (app, clock) = app_at(at("2026-03-02T08:59:30Z")).await;
    let answer = app.post("/api/v1/workflows", &flow(true, &[("m", json!({"cron": "0 9 * * *"}))])).await;
    let id: domain::ids::WorkflowId = answer.body["id"].as_str().unwrap().parse().unwrap();
    let stored = app.store.newest(&[(acme(), id)]).await.unwrap().remove(&(acme(), id)).unwrap().unwrap();
    let saved = |n: u128| {
        let mut workflow = stored.clone();
        workflow.summary.id = domain::ids::WorkflowId::at(app.clock.now(), n);
        WorkflowChange::Saved { tenant: format!("tenant-{}", n % 40).parse().unwrap(), workflow }
    };
    let changes: Vec<_> = (0..10_000).map(saved).collect();
    app.store.save(&changes).await.unwrap();
    app.state.schedules.changed(&changes).await.unwrap();
    taken(&app);
    clock.advance(Duration::from_secs(45));
    assert_eq!(deliver(&app, &[tick(app.clock.now())]).await.body["occurrences"], 10_000);
    let mut ids: Vec<_> = taken(&app).0.into_iter().map(|run| run.run_id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 10_000);
    assert_eq!(started(&app).await, []);
}

#[tokio::test]
async fn a_clock_that_knows_its_secret_may_tick_and_its_tick_goes_by_the_bus() {
    let (app, _) = app_at(at("2026-03-02T08:00:00Z")).await;
    let ask = async |secret: Option<&str>| {
        let request = Request::get("/api/v1/scheduler/tick");
        let request = match secret {
            Some(secret) => request.header(header::AUTHORIZATION, format!("Bearer {secret}")),
            None => request,
        };
        app.send(request.body(axum::body::Body::empty()).unwrap()).await
    };
    for wrong in [None, Some("a-secret-of-a-clocK"), Some(crate::app::SECRET)] {
        assert_eq!(ask(wrong).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(app.bus.take(), []);
    assert_eq!(ask(Some(CRON)).await.status, 202);
    let told = app.bus.take();
    assert!(matches!(&told[..], [Event { payload: Payload::ClockTicked(_), .. }]), "{told:?}");
    assert_eq!(deliver(&app, &told).await.status, 200);
    let closed = TestApp::start().await;
    let request = Request::get("/api/v1/scheduler/tick").header(header::AUTHORIZATION, "Bearer ");
    assert_eq!(closed.send(request.body(axum::body::Body::empty()).unwrap()).await.status, 401);
}

#[tokio::test]
async fn triggers_are_shown_with_what_is_next_and_what_was_missed() {
    let (app, clock) = app_at(at("2026-03-02T08:00:00Z")).await;
    let skipping = json!({"cron": "0 * * * *", "misfire": "skip"});
    saved(
        &app,
        &flow(
            true,
            &[("hourly", skipping.clone()), ("once", json!({"every": "1d", "end": "2026-03-02T09:00:00Z"}))],
        ),
    )
    .await;
    let address = saved(&app, &flow(false, &[("paused", json!({"cron": "@daily"}))])).await;
    clock.advance(Duration::from_mins(190));
    assert_eq!(started(&app).await, []);
    let shown = app.get("/api/v1/tenant/triggers").await;
    assert_eq!(shown.status, 200, "{shown:?}");
    let of = |node: &str| {
        shown.body["items"].as_array().unwrap().iter().find(|item| item["node_id"] == node).unwrap().clone()
    };
    let hourly = of("hourly");
    assert_eq!(hourly["next"][0], "2026-03-02T12:00:00.000Z");
    assert_eq!(hourly["next"].as_array().unwrap().len(), 5);
    assert_eq!(
        (&hourly["kind"], &hourly["state"], &hourly["params"]),
        (&json!("schedule"), &json!("active"), &skipping)
    );
    let missed = json!({"first": "2026-03-02T09:00:00.000Z", "last": "2026-03-02T11:00:00.000Z"});
    assert_eq!((&hourly["last_missed"], &hourly["last_planned_at"]), (&missed, &Value::Null));
    assert_eq!((&of("once")["next"], &of("paused")["state"]), (&json!([]), &json!("paused")));
    let id = address.rsplit('/').next().unwrap();
    let one = app.get(&format!("/api/v1/tenant/triggers?workflow_id={id}&limit=1")).await;
    assert_eq!(one.body["items"][0]["node_id"], "paused");
}

#[tokio::test]
async fn a_schedule_is_previewed_with_what_a_change_of_the_clock_does_to_it() {
    let (app, _) = app_at(at("2026-03-02T08:00:00Z")).await;
    let ask = async |body: &Value| app.post("/api/v1/tenant/schedule-preview", body).await;
    let schedule = json!({"cron": "30 2 * * *", "timezone": "Europe/Berlin"});
    let answer = ask(&json!({"schedule": schedule, "count": 3, "from": "2026-03-28T00:00:00Z"})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let local: Vec<_> = answer.body["occurrences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["local"].as_str().unwrap())
        .collect();
    assert_eq!(
        local,
        ["2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]
    );
    let note = answer.body["occurrences"][1]["note"].as_str().unwrap();
    assert!(note.contains("02:30:00") && answer.body["occurrences"][0].get("note").is_none(), "{note}");
    assert_eq!(
        ask(&json!({"schedule": {"every": "1h"}})).await.body["occurrences"].as_array().unwrap().len(),
        10
    );
    let wrong = ask(&json!({"schedule": {"cron": "0 0 30 2 *"}})).await;
    assert_eq!((wrong.status.as_u16(), &wrong.body["violations"][0]["path"]), (422, &json!("schedule.cron")));
    assert_eq!(ask(&json!({"schedule": {"every": "1h"}, "count": 101})).await.status, 422);
    assert_eq!(ask(&json!({"count": 1})).await.status, 422);
}
