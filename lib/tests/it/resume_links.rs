//! Links by which a person gives a run its signal: no token but that of the link, and no script.

use std::sync::Arc;

use axum::body::Body;
use domain::{
    ids::{RunId, SignalName},
    iteration::Iteration,
    run::RunStatus,
    timestamp::Timestamp,
};
use http::Request;
use minireipaz::{
    auth::{LinkScope, LinkSecrets},
    clock::SystemClock,
    http::HttpConfig,
};
use serde_json::json;

use crate::{
    app::{Answer, TestApp, acme},
    long_poll::joined,
    resume::{asked, given, one_sent, record, sending, sent, step},
};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const HOUR: i64 = 3_600_000;

async fn app() -> Arc<TestApp> {
    let links = Some(secrets(SECRET));
    Arc::new(TestApp::with(Arc::new(SystemClock), HttpConfig { links, ..HttpConfig::default() }).await)
}

fn secrets(secret: &str) -> LinkSecrets {
    LinkSecrets::new(&secret.into(), None).unwrap()
}

/// The address of a link, without the host.
fn link(secrets: &LinkSecrets, run: &str, name: &str, iteration: &[u32], expires: Timestamp) -> String {
    let scope = LinkScope {
        tenant: acme(),
        run: run.parse::<RunId>().unwrap(),
        iteration: Iteration::from(iteration.to_vec()),
        expires: expires.as_millis(),
    };
    let url = secrets.key_for(&"https://x".parse().unwrap(), &scope).url(&SignalName::parse(name).unwrap());
    url.strip_prefix("https://x").unwrap().to_owned()
}

fn in_an_hour(app: &TestApp) -> Timestamp {
    Timestamp::from_millis(app.clock.now().as_millis() + HOUR)
}

fn post(path: &str, form: &str) -> Request<Body> {
    let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    request.body(Body::from(form.to_owned())).unwrap()
}

async fn show(app: &TestApp, path: &str) -> Answer {
    app.send(Request::get(path).body(Body::empty()).unwrap()).await
}

/// Checks that it is a page, and what may be done with it.
#[track_caller]
fn is_page(answer: &Answer, status: u16, says: &str) {
    assert_eq!(answer.status.as_u16(), status, "{answer:?}");
    assert!(answer.header("content-type").starts_with("text/html"), "{answer:?}");
    assert!(answer.text.contains(says), "{}", answer.text);
    assert!(answer.header("content-security-policy").contains("default-src 'none'"));
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.text.contains("<script"));
}

#[tokio::test]
async fn whoever_looks_gives_nothing_and_whoever_confirms_gives_the_signal() {
    let app = app().await;
    let run = asked(&app).await;
    let path = link(&secrets(SECRET), &run, "approved", &[], in_an_hour(&app));
    let page = show(&app, &path).await;
    is_page(&page, 200, "<form method=\"post\"><button>");
    assert!(page.text.contains("<h1>approved</h1>"));
    assert_eq!(sent(app.bus.events()), [], "a preview of the link resumes nothing");

    let request = sending(&app, post(&format!("{path}&by=Ada"), "comment=all+right"));
    let signal = one_sent(&app, 1).await;
    assert_eq!(signal.name.as_str(), "approved");
    assert_eq!(
        signal.data.as_str(),
        r#"{"by":"Ada","comment":"all right"}"#,
        "and the token is no part of it"
    );
    record(&app, &run, 5, RunStatus::Running, vec![step(&[], None, given(signal.signal_id, &app))]).await;
    is_page(&joined(request).await, 200, "Thank you");

    is_page(&app.send(post(&path, "")).await, 409, "Already answered");
    is_page(&show(&app, &path).await, 409, "Already answered");
    assert_eq!(sent(app.bus.events()).len(), 1);
}

#[tokio::test]
async fn a_link_works_for_its_run_and_its_name_alone_and_not_for_ever() {
    let app = app().await;
    let (run, other) = (asked(&app).await, asked(&app).await);
    let path = link(&secrets(SECRET), &run, "approved", &[], in_an_hour(&app));
    let token = path.split("token=").nth(1).unwrap();
    let elsewhere = format!("/api/v1/runs/{other}/resume?token={token}");
    let forged = link(&secrets("fedcba9876543210fedcba9876543210"), &run, "approved", &[], in_an_hour(&app));
    let cut = path[..path.len() - 4].to_owned();
    for wrong in [elsewhere, forged, cut, format!("/api/v1/runs/{run}/resume?token=x")] {
        is_page(&show(&app, &wrong).await, 403, "not valid");
        is_page(&app.send(post(&wrong, "")).await, 403, "not valid");
    }
    let expired = Timestamp::from_millis(app.clock.now().as_millis() - 1);
    let late = link(&secrets(SECRET), &run, "approved", &[], expired);
    is_page(&app.send(post(&late, "")).await, 410, "too late");
    let unasked = link(&secrets(SECRET), &run, "rejected", &[], in_an_hour(&app));
    is_page(&show(&app, &unasked).await, 410, "too late");
    is_page(&app.send(post(&unasked, "")).await, 410, "too late");
    record(&app, &run, 6, RunStatus::Cancelled, vec![step(&[], None, None)]).await;
    is_page(&app.send(post(&path, "")).await, 410, "too late");
    assert_eq!(sent(app.bus.events()), []);
}

#[tokio::test]
async fn a_link_of_one_iteration_is_none_of_another() {
    let app = app().await;
    let run = app.run(&app.workflow().await).await;
    record(&app, &run, 3, RunStatus::Waiting, vec![step(&[4], Some("approved"), None)]).await;
    let at = |iteration: &[u32]| link(&secrets(SECRET), &run, "approved", iteration, in_an_hour(&app));
    is_page(&show(&app, &at(&[3])).await, 410, "too late");
    is_page(&app.send(post(&at(&[3]), "")).await, 410, "too late");
    is_page(&show(&app, &at(&[4])).await, 200, "<form");
    is_page(&show(&app, &at(&[])).await, 200, "<form");
}

#[tokio::test]
async fn what_a_page_shows_is_text_and_what_it_cannot_show_is_a_problem() {
    let app = app().await;
    let run = app.run(&app.workflow().await).await;
    let name = "<b onload=\"x\">&'";
    record(&app, &run, 3, RunStatus::Waiting, vec![step(&[], Some(name), None)]).await;
    let path = link(&secrets(SECRET), &run, name, &[], in_an_hour(&app));
    let page = show(&app, &path).await;
    is_page(&page, 200, "&lt;b onload=&quot;x&quot;&gt;&amp;&#39;");
    assert!(!page.text.contains("<b "));
    show(&app, &format!("/api/v1/runs/{run}/resume")).await.problem(400, "invalid_parameter");
    let json = Request::post(&path).header("content-type", "application/json");
    let answer = app.send(json.body(Body::from(json!({"a": 1}).to_string())).unwrap()).await;
    answer.problem(415, "unsupported_media_type");
    app.bus.set_down(true);
    is_page(&app.send(post(&path, "")).await, 503, "did not work");
}

#[tokio::test]
async fn without_a_secret_there_are_no_links() {
    let app = TestApp::start().await;
    let run = asked(&app).await;
    let path = link(&secrets(SECRET), &run, "approved", &[], in_an_hour(&app));
    is_page(&show(&app, &path).await, 403, "not valid");
}
