//! Errors that keep coming back: an alert, a workflow, a webhook; and what a worker says of itself.

use std::time::Duration;

use domain::{
    alert::Alert,
    heartbeat::Heartbeat,
    ids::{TenantId, WorkflowId},
    run::{RunPlan, Trigger},
    timestamp::Timestamp,
};
use minireipaz::{
    clock::Clock,
    store::{AlertStore, HeartbeatStore, PageRequest},
};
use serde_json::{Value, json};

use crate::app::{Answer, App, Task, call_workflow, pure_workflow, within};

const ALARM: WorkflowId = WorkflowId(uuid::Uuid::from_u128(99));

fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

/// A workflow that fails, and for whose alerts that workflow is started.
fn failing() -> Value {
    json!({
        "name": "Orders",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "boom", "type": "fail", "data": {"params": {"message": "no"}}},
        ],
        "edges": [{"source": "start", "target": "boom"}],
        "settings": {"alert_workflow": ALARM},
    })
}

/// A worker of which the third error of a pattern raises an alert.
async fn watchful() -> App {
    App::start_with(|config| config.alerts.threshold = 3).await
}

async fn fail(app: &App, times: usize) {
    for _ in 0..times {
        let task = Task::new(&failing());
        app.submit(&task).await;
        app.ended(task.run).await;
    }
}

async fn alerts(app: &App) -> Vec<Alert> {
    let page = PageRequest { limit: 10, after: None };
    app.store.unwatched().alerts(&acme(), &page, false, app.clock.now()).await.unwrap().items
}

async fn the_alert(app: &App, is_so: impl Fn(&Alert) -> bool) -> Alert {
    let look = async || alerts(app).await.into_iter().find(|alert| is_so(alert));
    within("the alert", app.store.until(look)).await
}

#[tokio::test]
async fn an_error_that_keeps_coming_back_is_one_alert_and_starts_a_workflow_once() {
    let app = watchful().await;
    app.save(ALARM, &call_workflow(&[("call", app.endpoint.url("/alarm"), json!({}))])).await;
    fail(&app, 2).await;
    assert!(alerts(&app).await.is_empty());
    fail(&app, 1).await;
    let alert = the_alert(&app, |_| true).await;
    let pattern = &alert.pattern;
    assert_eq!((pattern.code.as_str(), pattern.node_id.as_ref().unwrap().as_str()), ("failed", "boom"));
    assert_eq!((alert.count, alert.message.as_str(), alert.cleared_at), (3, "no", None));
    within("the workflow", app.endpoint.called("/alarm", 1)).await;
    fail(&app, 4).await;
    let counted = the_alert(&app, |alert| alert.count == 7).await;
    assert_eq!((counted.id, counted.raised_at), (alert.id, alert.raised_at));
    assert_eq!((alerts(&app).await.len(), app.endpoint.count("/alarm")), (1, 1));
}

#[tokio::test]
async fn the_run_that_is_started_for_an_alert_is_given_what_is_known_of_it() {
    let app = watchful().await;
    app.save(ALARM, &pure_workflow()).await;
    fail(&app, 2).await;
    let third = Task::new(&failing());
    app.submit(&third).await;
    let alert = the_alert(&app, |_| true).await;
    let started = app.succeeded(third.run.of_alert(alert.id)).await.run;
    assert_eq!((started.workflow_id, started.trigger.kind.as_str()), (ALARM, "alert"));
    let input = &started.input;
    assert_eq!((&input["alert"]["id"], &input["alert"]["count"]), (&json!(alert.id), &json!(3)));
    assert_eq!(input["alert"]["pattern"]["node_id"], "boom");
    assert_eq!((&input["run"]["id"], &input["workflow"]["name"]), (&json!(third.run), &json!("Orders")));
}

#[tokio::test]
async fn a_webhook_is_told_once_also_by_a_worker_that_has_started_again() {
    let mut app = watchful().await;
    app.stop().await;
    let url = app.endpoint.url("/hook").parse().unwrap();
    app.reconfigure(|config| config.alerts.webhook = Some(url));
    app.endpoint.on("/hook", &[Answer::Status(503), Answer::Status(204)]);
    app.start_again().await;
    fail(&app, 3).await;
    within("the second attempt", app.endpoint.called("/hook", 2)).await;
    let alert = the_alert(&app, |_| true).await;
    fail(&app, 1).await;
    the_alert(&app, |alert| alert.announced_at.is_some()).await;
    app.crash_and_start_again().await;
    fail(&app, 3).await;
    let both = the_alert(&app, |alert| alert.count == 7).await;
    assert_eq!((both.id, app.endpoint.count("/hook")), (alert.id, 2));
}

#[tokio::test]
async fn what_somebody_only_tries_and_what_was_long_ago_raises_nothing() {
    let app = watchful().await;
    for _ in 0..3 {
        let task = Task::new(&failing()).planned(Trigger::test(), RunPlan::default());
        app.submit(&task).await;
        app.ended(task.run).await;
    }
    fail(&app, 2).await;
    app.clock.advance(Duration::from_secs(600));
    fail(&app, 2).await;
    assert!(alerts(&app).await.is_empty());
    fail(&app, 1).await;
    assert_eq!(the_alert(&app, |_| true).await.count, 3);
}

#[tokio::test]
async fn a_worker_says_that_it_is_there_and_how_far_behind() {
    let mut app = App::start().await;
    let heartbeat = async |app: &App, since: Timestamp| -> Heartbeat {
        let name = app.addr().to_string();
        let look = async || {
            let beats = app.store.unwatched().heartbeats(since).await.unwrap();
            beats.into_iter().find(|beat| beat.worker == name)
        };
        within("a heartbeat", app.store.until(look)).await
    };
    let first = heartbeat(&app, Timestamp::default()).await;
    assert_eq!((first.backlog_rows, first.topics.len(), first.breakers.len()), (0, 0, 0));
    let task = Task::new(&pure_workflow());
    app.succeeded(app.submit(&task).await).await;
    app.stop().await;
    app.start_again().await;
    let second = heartbeat(&app, first.at).await;
    assert!(second.started_at >= first.started_at);
}
