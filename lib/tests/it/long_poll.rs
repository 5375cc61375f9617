//! Waiting for runs: long polls, event streams, and the one poller behind them.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use domain::run::RunStatus;
use futures_util::StreamExt;
use http::Method;
use minireipaz::clock::SystemClock;
use minireipaz::{http::HttpConfig, service::WatchSettings, testing::eventually};
use tokio::task::JoinSet;

use crate::app::{Answer, TestApp};

/// An app with a run that is queued and recorded.
async fn queued() -> (Arc<TestApp>, String) {
    let app = Arc::new(TestApp::start().await);
    let workflow = app.workflow().await;
    let run = app.run(&workflow).await;
    app.deliver_all().await;
    (app, run)
}

pub(crate) fn in_background(app: &Arc<TestApp>, path: String) -> JoinSet<Answer> {
    let (mut set, app) = (JoinSet::new(), Arc::clone(app));
    set.spawn(async move { app.get(&path).await });
    set
}

pub(crate) async fn joined(mut set: JoinSet<Answer>) -> Answer {
    set.join_next().await.unwrap().unwrap()
}

/// So many runs that are queued, and who waits for each of them: all are asked about at once.
pub(crate) async fn waited_for(number: usize) -> (Arc<TestApp>, Vec<String>, JoinSet<Answer>) {
    let app = Arc::new(TestApp::start().await);
    let workflow = app.workflow().await;
    let (mut runs, mut waiting) = (Vec::new(), JoinSet::new());
    for _ in 0..number {
        runs.push(app.run(&workflow).await);
    }
    app.deliver_all().await;
    for run in &runs {
        let (app, path) = (Arc::clone(&app), format!("/api/v1/runs/{run}?wait=25"));
        waiting.spawn(async move { app.get(&path).await });
    }
    eventually("all are asked about at once", async || app.store.asked().contains(&number)).await;
    (app, runs, waiting)
}

#[tokio::test]
async fn a_wait_ends_with_the_run() {
    let (app, run) = queued().await;
    let waiting = in_background(&app, format!("/api/v1/runs/{run}?wait=25"));
    eventually("the run is looked for", async || app.store.looks() > 1).await;
    app.advance(&run, RunStatus::Running, 1).await;
    let reads = app.store.looks();
    eventually("the run is looked for again", async || app.store.looks() > reads + 2).await;
    app.advance(&run, RunStatus::Succeeded, 2).await;
    let answer = joined(waiting).await;
    assert_eq!((answer.status.as_u16(), answer.body["status"].as_str()), (200, Some("succeeded")));
}

#[tokio::test]
async fn a_wait_for_a_revision_ends_with_the_next_one() {
    let (app, run) = queued().await;
    let waiting = in_background(&app, format!("/api/v1/runs/{run}?wait=25&after=0"));
    eventually("the run is looked for", async || app.store.looks() > 1).await;
    app.advance(&run, RunStatus::Running, 3).await;
    assert_eq!(joined(waiting).await.body["revision"], 3);
    // What is newer already comes at once, and so does what has ended.
    assert_eq!(app.get(&format!("/api/v1/runs/{run}?wait=25&after=2")).await.body["revision"], 3);
    app.advance(&run, RunStatus::Failed, 4).await;
    assert_eq!(app.get(&format!("/api/v1/runs/{run}?wait=25&after=9")).await.body["revision"], 4);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_over_gives_the_run_as_it_is() {
    let (app, run) = queued().await;
    let request =
        app.request(Method::GET, &format!("/api/v1/runs/{run}")).header("prefer", "respond-async, wait=5");
    let begun = tokio::time::Instant::now();
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.body["status"].as_str()), (200, Some("queued")));
    assert_eq!(begun.elapsed().as_secs(), 5);
    // A run that does not move is asked about ever more rarely.
    assert!(app.store.looks() < 150, "{} reads in 5 s", app.store.looks());
    let request = app.request(Method::GET, &format!("/api/v1/runs/{run}")).header("prefer", "wait=3600");
    let begun = tokio::time::Instant::now();
    app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(begun.elapsed().as_secs(), 60, "no wait is longer than a minute");
    app.get(&format!("/api/v1/runs/{run}?wait=61")).await.problem(400, "invalid_parameter");
    app.get(&format!("/api/v1/runs/{run}?wait=soon")).await.problem(400, "invalid_parameter");
    app.get(&format!("/api/v1/runs/{run}?wait=1&after=x")).await.problem(400, "invalid_parameter");
}

#[tokio::test]
async fn a_run_that_was_just_accepted_is_waited_for_whatever_wait_says() {
    let app = Arc::new(TestApp::start().await);
    let workflow = app.workflow().await;
    for query in ["", "?wait=0", "?wait=0&after=3", "?after=3"] {
        let run = app.run(&workflow).await;
        let looks = app.store.looks();
        let waiting = in_background(&app, format!("/api/v1/runs/{run}{query}"));
        eventually("the run is looked for", async || app.store.looks() > looks).await;
        app.deliver_all().await;
        let answer = joined(waiting).await;
        let found = (answer.status.as_u16(), answer.body["status"].as_str());
        assert_eq!(found, (200, Some("queued")), "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_recorded_comes_at_once_when_nobody_waits_and_in_its_time_when_somebody_does() {
    let (app, run) = queued().await;
    let (begun, looks) = (tokio::time::Instant::now(), app.store.looks());
    let answer = app.get(&format!("/api/v1/runs/{run}?wait=0&after=7")).await;
    assert_eq!((answer.status.as_u16(), app.store.looks() - looks), (200, 1));
    assert!(begun.elapsed() < Duration::from_millis(1), "{:?}", begun.elapsed());
    assert_eq!(app.get(&format!("/api/v1/runs/{run}?wait=1")).await.status, 200);
    assert_eq!(begun.elapsed().as_secs(), 1, "the time for a run that is not there is not added to it");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_not_there_is_waited_for_briefly_if_it_is_young_and_else_not_at_all() {
    let app = TestApp::start().await;
    let begun = tokio::time::Instant::now();
    let old = "018f3c3e-0000-7000-8000-000000000000";
    let derived = "018f3c3e-0000-5000-8000-000000000000";
    for id in [old, derived] {
        app.get(&format!("/api/v1/runs/{id}")).await.problem(404, "run_not_found");
        app.get(&format!("/api/v1/runs/{id}?wait=25")).await.problem(404, "run_not_found");
    }
    assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
    let young = uuid::Uuid::now_v7();
    for (n, query) in (1..).zip(["", "?wait=0", "?wait=1", "?wait=1&after=3"]) {
        app.get(&format!("/api/v1/runs/{young}{query}")).await.problem(404, "run_not_found");
        assert_eq!(begun.elapsed().as_secs(), 3 * n, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_foreign_tenants_run_is_like_one_that_does_not_exist() {
    let (app, run) = queued().await;
    let request = http::Request::get(format!("/api/v1/runs/{run}?wait=0"))
        .header("authorization", format!("Bearer {}", app.token_of("other")));
    app.send(request.body(Body::empty()).unwrap()).await.problem(404, "run_not_found");
}

#[tokio::test]
async fn all_who_wait_share_one_question_and_nobody_asks_when_nobody_waits() {
    let (app, runs, mut waiting) = waited_for(20).await;
    for run in &runs {
        app.advance(run, RunStatus::Succeeded, 5).await;
    }
    while let Some(answer) = waiting.join_next().await {
        assert_eq!(answer.unwrap().body["status"], "succeeded");
    }
    let reads = app.store.looks();
    tokio::task::yield_now().await;
    assert_eq!(app.store.looks(), reads);
}

#[tokio::test]
async fn a_run_that_ended_before_it_was_asked_about_costs_one_question() {
    let (app, run) = queued().await;
    app.advance(&run, RunStatus::Succeeded, 5).await;
    let looks = app.store.looks();
    let answer = app.get(&format!("/api/v1/runs/{run}?wait=25")).await;
    assert_eq!((&answer.body["status"], app.store.looks() - looks), (&"succeeded".into(), 1));
}

#[tokio::test(start_paused = true)]
async fn asking_a_slow_store_takes_a_third_of_the_time_at_most() {
    let (app, run) = queued().await;
    app.store.slow_down(Duration::from_millis(30));
    let looks = app.store.looks();
    let mut waiting = JoinSet::new();
    for _ in 0..50 {
        let (app, path) = (Arc::clone(&app), format!("/api/v1/runs/{run}?wait=2"));
        // Somebody new begins to wait all the time.
        waiting.spawn(async move { app.get(&path).await });
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let looks = app.store.looks() - looks;
    assert!((5..=12).contains(&looks), "{looks} looks of 30 ms each within a second");
    waiting.shutdown().await;
}

#[tokio::test]
async fn who_gives_up_leaves_nothing_behind() {
    let (app, run) = queued().await;
    let mut waiting = in_background(&app, format!("/api/v1/runs/{run}?wait=60"));
    eventually("the run is looked for", async || app.store.looks() > 1).await;
    assert_eq!(app.state.runs.waiters(), 1);
    waiting.shutdown().await;
    assert_eq!(app.state.runs.waiters(), 0);
}

/// An app in which so many may wait, with a run that is queued and recorded.
async fn queued_where_may_wait(max_waiters: usize) -> (Arc<TestApp>, String) {
    let watch = WatchSettings { max_waiters, ..WatchSettings::default() };
    let config = HttpConfig { watch, ..HttpConfig::default() };
    let app = Arc::new(TestApp::with(Arc::new(SystemClock), config).await);
    let run = app.run(&app.workflow().await).await;
    app.deliver_all().await;
    (app, run)
}

#[tokio::test]
async fn too_many_who_wait_are_refused_with_the_limit() {
    let (app, run) = queued_where_may_wait(1).await;
    let waiting = in_background(&app, format!("/api/v1/runs/{run}?wait=25"));
    eventually("the run is looked for", async || app.store.looks() > 0).await;
    let refused = app.get(&format!("/api/v1/runs/{run}?wait=25")).await;
    let detail = refused.problem(429, "too_many_waiters");
    assert!(detail.starts_with("1 requests of this tenant wait") && detail.contains("is 1,"), "{detail}");
    assert_eq!(refused.header("retry-after"), "1");
    app.advance(&run, RunStatus::Succeeded, 1).await;
    assert_eq!(joined(waiting).await.status, 200);
}

#[tokio::test]
async fn a_tenant_that_waits_as_often_as_it_may_keeps_no_other_from_waiting() {
    let (app, run) = queued_where_may_wait(20).await;
    let (mut waiting, mut refused) = (JoinSet::new(), Vec::new());
    for _ in 0..30 {
        let (app, path) = (Arc::clone(&app), format!("/api/v1/runs/{run}?wait=60"));
        waiting.spawn(async move { app.get(&path).await });
    }
    while refused.len() < 20 {
        refused.push(waiting.join_next().await.unwrap().unwrap());
    }
    assert!(refused.iter().all(|answer| answer.status == 429), "{refused:?}");
    assert_eq!(app.state.runs.waiters(), 10, "its half");
    // A run of another tenant that is not there: it waits, and says so when its wait is over.
    let young = uuid::Uuid::now_v7();
    let request = http::Request::get(format!("/api/v1/runs/{young}?wait=1"))
        .header("authorization", format!("Bearer {}", app.token_of("other")));
    app.send(request.body(Body::empty()).unwrap()).await.problem(404, "run_not_found");
    app.advance(&run, RunStatus::Succeeded, 1).await;
    while let Some(answer) = waiting.join_next().await {
        assert_eq!(answer.unwrap().status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_store_is_sat_out_and_told_only_at_the_end() {
    let (app, run) = queued().await;
    app.store.set_down(true);
    let waiting = in_background(&app, format!("/api/v1/runs/{run}?wait=25"));
    tokio::time::sleep(Duration::from_secs(10)).await;
    app.store.set_down(false);
    app.advance(&run, RunStatus::Succeeded, 1).await;
    assert_eq!(joined(waiting).await.body["status"], "succeeded");
    app.store.set_down(true);
    app.get(&format!("/api/v1/runs/{run}?wait=5")).await.problem(503, "store_unavailable");
    app.get(&format!("/api/v1/runs/{run}")).await.problem(503, "store_unavailable");
}

#[tokio::test]
async fn a_stream_shows_every_revision_and_can_be_resumed() {
    let (app, run) = queued().await;
    let server = app.listen().await;
    let client = reqwest::Client::new();
    let open = |last: Option<&'static str>| {
        let mut request = client
            .get(server.url(&format!("/api/v1/runs/{run}")))
            .bearer_auth(app.token())
            .header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        request.send()
    };
    let answer = open(None).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut stream = answer.bytes_stream();
    let mut seen = String::new();
    for (revision, status) in [(1, RunStatus::Running), (2, RunStatus::Running), (3, RunStatus::Succeeded)] {
        let before = format!("id: {}\n", revision - 1);
        while !seen.contains(&before) {
            seen.push_str(&String::from_utf8_lossy(&stream.next().await.unwrap().unwrap()));
        }
        app.advance(&run, status, revision).await;
    }
    while let Some(chunk) = stream.next().await {
        seen.push_str(&String::from_utf8_lossy(&chunk.unwrap()));
    }
    assert_eq!(seen.matches("event: run\n").count(), 4, "{seen}");
    assert!(seen.contains("id: 3\n") && seen.contains("\"status\":\"succeeded\""), "{seen}");

    let resumed = open(Some("2")).await.unwrap().text().await.unwrap();
    assert_eq!(
        (resumed.matches("event: run\n").count(), resumed.contains("id: 3\n")),
        (1, true),
        "{resumed}"
    );
    // A browser would connect again for ever; 204 tells it to stop.
    assert_eq!(open(Some("3")).await.unwrap().status(), 204);
}

#[tokio::test]
async fn a_stream_ends_at_its_limit_and_a_client_that_is_cut_off_is_forgotten() {
    let config = HttpConfig { stream_limit: Duration::from_millis(50), ..HttpConfig::default() };
    let app = TestApp::with(Arc::new(SystemClock), config).await;
    let run = app.run(&app.workflow().await).await;
    app.deliver_all().await;
    let request =
        app.request(Method::GET, &format!("/api/v1/runs/{run}")).header("accept", "text/event-stream");
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    assert!(answer.text.contains("id: 0\n"), "{answer:?}");

    let (app, run) = queued().await;
    let server = app.listen().await;
    let client = reqwest::Client::builder().timeout(Duration::from_millis(200)).build().unwrap();
    let waiting =
        client.get(server.url(&format!("/api/v1/runs/{run}?wait=60"))).bearer_auth(app.token()).send();
    assert!(waiting.await.unwrap_err().is_timeout());
    eventually("nobody waits any more", async || app.state.runs.waiters() == 0).await;
}
