//! Signals: a step waits for one, takes the first that comes, and goes on with what it says.

use std::time::Duration;

use domain::run::{RunStatus, RunWithSteps, StepStatus};
use serde_json::{Value, json};

use crate::app::{App, Control, Reply, Task, step};

const DAY: Duration = Duration::from_secs(86_400);

/// Waits for the signal `approved`, and then passes on what came.
fn approval(signal: Value) -> Value {
    json!({
        "name": "Approval",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "ask", "type": "wait", "data": {"params": {"signal": signal}}},
            {"id": "yes", "type": "set", "data": {"params": {"fields": {"order": "{{ $('start').item.order }}"}}}},
            {"id": "late", "type": "noop"},
        ],
        "edges": [
            {"source": "ask", "target": "yes"},
            {"source": "start", "target": "ask"},
            {"source": "ask", "sourceHandle": "timeout", "target": "late"},
        ],
    })
}

fn is_waiting(found: &RunWithSteps) -> bool {
    found.run.status == RunStatus::Waiting
}

async fn asked(app: &App) -> Task {
    let signal = json!({"name": "approved", "timeout": "3d"});
    let task = Task::new(&approval(signal)).input(json!({"order": 7}));
    app.submit(&task).await;
    app.until("the wait", task.run, is_waiting).await;
    task
}

fn controls(reply: &Reply) -> u64 {
    assert_eq!(reply.status, 200, "{reply:?}");
    serde_json::from_str::<Value>(&reply.body).unwrap()["controls"].as_u64().unwrap_or(0)
}

#[tokio::test]
async fn a_step_shows_what_it_waits_for_and_goes_on_with_what_the_signal_says() {
    let mut app = App::start().await;
    let task = asked(&app).await;
    let found = app.find(task.run).await.unwrap();
    let waits_for = step(&found, "ask").waits_for.clone().unwrap();
    assert_eq!(waits_for.signal.as_deref(), Some("approved"));
    let limit = waits_for.until.unwrap().since(step(&found, "ask").started_at.unwrap());
    assert!((3 * DAY..4 * DAY).contains(&limit), "{limit:?}");
    app.crash_and_start_again().await;
    let signal = Control::signal(task.run, "ask", "approved", json!({"by": "Ada"}));
    assert_eq!(controls(&app.post(signal.json()).await), 1);
    let found = app.succeeded(task.run).await;
    let output = json!(found.run.output);
    assert_eq!(output["yes"], json!([{"by": "Ada", "order": 7}]), "and where it came from is known");
    let given = step(&found, "ask").signal.clone().unwrap();
    assert_eq!((given.name.as_str(), given.id), ("approved", signal.id()));
    assert_eq!((step(&found, "ask").attempts, step(&found, "late").status), (1, StepStatus::Skipped));
}

#[tokio::test]
async fn of_two_signals_the_first_counts_however_often_they_come() {
    let app = App::start().await;
    let task = asked(&app).await;
    let first = Control::signal(task.run, "ask", "approved", json!({"by": "Ada"}));
    let second = Control::signal(task.run, "ask", "approved", json!({"by": "Bob"}));
    let batch = [&first, &second, &first].map(Control::json).join("\n");
    for _ in 0..2 {
        assert_eq!(controls(&app.post(batch.clone()).await), 3);
    }
    let found = app.succeeded(task.run).await;
    assert_eq!(json!(found.run.output)["yes"][0]["by"], "Ada");
    assert_eq!(step(&found, "ask").signal.as_ref().unwrap().id, first.id());
    assert_eq!(app.store.ends(task.run), 1);
}

#[tokio::test]
async fn a_signal_of_another_name_node_or_tenant_wakes_nobody() {
    let app = App::start().await;
    let task = asked(&app).await;
    let signals = [
        Control::signal(task.run, "ask", "paid", json!(null)),
        Control::signal(task.run, "yes", "approved", json!(null)),
        Control::signal(task.run, "nobody", "approved", json!(null)),
        Control::signal(task.run, "ask", "approved", json!(null)).iteration(&[0]),
        Control::signal(task.run, "ask", "approved", json!(null)).tenant("somebody-else"),
        Control::signal(Task::new(&json!({})).run, "ask", "approved", json!(null)),
    ];
    assert_eq!(controls(&app.post(signals.map(|signal| signal.json()).join("\n")).await), 6);
    let right = Control::signal(task.run, "ask", "approved", json!([{"n": 1}, {"n": 2}]));
    app.post(right.json()).await;
    let found = app.succeeded(task.run).await;
    assert_eq!(step(&found, "ask").signal.as_ref().unwrap().id, right.id());
    assert_eq!(json!(step(&found, "ask").output)["main"], json!([{"n": 1}, {"n": 2}]));
}

#[tokio::test]
async fn a_signal_that_comes_too_late_leaves_the_items_that_waited_to_the_other_port() {
    let app = App::start().await;
    let task = asked(&app).await;
    app.clock.advance(4 * DAY);
    app.wake();
    let found = app.succeeded(task.run).await;
    assert_eq!(json!(found.run.output)["late"], json!([{"order": 7}]));
    assert_eq!((step(&found, "yes").status, &step(&found, "ask").signal), (StepStatus::Skipped, &None));
    let late = Control::signal(task.run, "ask", "approved", json!(null));
    assert_eq!(controls(&app.post(late.json()).await), 1);
    assert_eq!(app.store.ends(task.run), 1);
}

#[tokio::test]
async fn data_above_its_limit_is_kept_for_people_and_the_step_waits_on() {
    let app = App::start().await;
    let task = asked(&app).await;
    let large = "x".repeat(domain::limits::MAX_SIGNAL_BYTES);
    let reply = app.post(Control::signal(task.run, "ask", "approved", json!({ "a": large })).json()).await;
    assert_eq!(reply.receipt(), (0, 0, 1));
    let wrong = Control::signal(task.run, "ask", "approved", json!({})).json().replace("\"{}\"", "\"{\"");
    assert_eq!(app.post(wrong).await.receipt(), (0, 0, 1));
    assert!(is_waiting(&app.find(task.run).await.unwrap()));
    app.post(Control::signal(task.run, "ask", "approved", json!(null)).json()).await;
    app.succeeded(task.run).await;
}

#[tokio::test]
async fn a_link_gives_the_signal_of_its_name_and_is_made_for_the_step_that_asks() {
    let secrets =
        minireipaz::auth::LinkSecrets::new(&"0123456789abcdef0123456789abcdef".into(), None).unwrap();
    let known = secrets.clone();
    let app = App::start_with(|config| {
        let api = "https://flows.example".parse().unwrap();
        config.runner.links = Some(workers::runner::ResumeLinks { api, secrets });
    })
    .await;
    let mut document = approval(json!({"name": "approved {{ $json.order }}"}));
    document["nodes"].as_array_mut().unwrap().push(json!({
        "id": "mail", "type": "set",
        "data": {"params": {"fields": {"link": "{{ $run.resumeUrl('approved ' + $json.order) }}"}}},
    }));
    document["edges"].as_array_mut().unwrap().push(json!({"source": "start", "target": "mail"}));
    let task = Task::new(&document).input(json!({"order": 7}));
    app.submit(&task).await;
    let found = app.until("the wait", task.run, is_waiting).await;
    let link = json!(step(&found, "mail").output)["main"][0]["link"].as_str().unwrap().to_owned();
    let start = format!("https://flows.example/api/v1/runs/{}/resume?token=", task.run);
    let token = link.strip_prefix(&start).unwrap_or_else(|| panic!("{link}"));
    let read = known.read(token, task.run, found.run.created_at).unwrap();
    assert_eq!((read.name.as_str(), read.scope.tenant.as_str()), ("approved 7", "acme"));
    assert_eq!(step(&found, "ask").waits_for.as_ref().unwrap().signal.as_deref(), Some("approved 7"));
}
