//! Runs that their workers know before the store does: who reads and who waits never sees a run go backwards.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use domain::{
    event::Payload,
    run::{RunKey, RunStatus},
};
use http::Method;
use minireipaz::{
    live::{Ask, ItemsAsk, LiveConfig, LiveError, LiveRun, LiveRuns, WorkerDoor},
    store::Head,
    testing::eventually,
};
use serde_json::json;
use tokio::{sync::watch, task::JoinSet};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, method, path, query_param},
};

use crate::{
    app::{Answer, SECRET, TestApp, acme},
    long_poll::{in_background, joined},
};

/// A stand-in for the workers.
#[derive(Default)]
struct Workers {
    runs: watch::Sender<HashMap<String, (u32, u64, RunStatus)>>,
    /// What it does instead of answering.
    fault: watch::Sender<Option<Fault>>,
    asked: AtomicUsize,
    last: Mutex<Option<Ask>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    Fails,
    Hangs,
}

impl Workers {
    fn has(&self, run: &str, attempt: u32, revision: u64, status: RunStatus) {
        self.runs.send_modify(|runs| {
            runs.insert(run.to_owned(), (attempt, revision, status));
        });
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl LiveRuns for Workers {
    async fn items(&self, (_, run): &RunKey, ask: &ItemsAsk) -> Result<Option<Bytes>, LiveError> {
        let known = self.runs.borrow().contains_key(&run.to_string());
        Ok((known && ask.node.as_str() != "forgotten").then(|| json!({"by": "worker"}).to_string().into()))
    }

    async fn ask(&self, (tenant, run): &RunKey, ask: Ask) -> Result<Option<LiveRun>, LiveError> {
        *self.last.lock().unwrap() = Some(ask);
        self.asked.fetch_add(1, Ordering::SeqCst);
        assert_eq!(*tenant, acme());
        let (mut fault, mut runs) = (self.fault.subscribe(), self.runs.subscribe());
        let run = run.to_string();
        let moved = |runs: &HashMap<String, (u32, u64, RunStatus)>| {
            let found = runs.get(&run);
            found.is_some_and(|(_, revision, status)| {
                status.is_terminal() || ask.wait.is_zero() || ask.after.is_some_and(|after| *revision > after)
            }) || (found.is_none() && ask.wait.is_zero())
        };
        let failed = async { fault.wait_for(Option::is_some).await.unwrap().unwrap() };
        let known = async { runs.wait_for(moved).await.unwrap().get(&run).copied() };
        let answer = tokio::select! {
            biased;
            fault = failed => match fault {
                Fault::Fails => return Err(LiveError::Failed("tested".to_owned())),
                Fault::Hangs => std::future::pending().await,
            },
            known = known => known,
            () = tokio::time::sleep(ask.wait.min(Duration::from_secs(1))) => self.runs.borrow().get(&run).copied(),
        };
        Ok(answer.map(|(attempt, revision, status)| LiveRun {
            head: Head { attempt, revision, status },
            json:
                json!({"id": run, "attempt": attempt, "revision": revision, "status": status, "by": "worker"})
                    .to_string()
                    .into(),
        }))
    }
}

/// An app with workers, and a run that is accepted; only with `recorded` the store has it, too.
async fn accepted(recorded: bool) -> (Arc<TestApp>, Arc<Workers>, String) {
    let workers = Arc::new(Workers::default());
    let app = Arc::new(TestApp::with_live(Arc::clone(&workers) as _).await);
    let run = app.run(&app.workflow().await).await;
    if recorded {
        app.deliver_all().await;
    }
    (app, workers, run)
}

fn is(answer: &Answer, status: &str, by: Option<&str>) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        (answer.body["status"].as_str(), answer.body["by"].as_str()),
        (Some(status), by),
        "{answer:?}"
    );
}

#[tokio::test]
async fn who_waits_for_the_end_hears_it_from_the_worker_and_the_store_is_not_asked() {
    let (app, workers, run) = accepted(false).await;
    let waiting = in_background(&app, format!("/api/v1/runs/{run}?wait=25"));
    eventually("the worker is asked", async || workers.asked() > 0).await;
    assert_eq!(workers.last.lock().unwrap().unwrap().after, None, "only the end is waited for");
    workers.has(&run, 1, 3, RunStatus::Running);
    workers.has(&run, 1, 9, RunStatus::Succeeded);
    let answer = joined(waiting).await;
    is(&answer, "succeeded", Some("worker"));
    assert_eq!((answer.header("content-type"), app.store.looks()), ("application/json", 0));
    is(&app.get(&format!("/api/v1/runs/{run}")).await, "succeeded", Some("worker"));
    assert_eq!(app.store.looks(), 0, "its worker knows it");
}

#[tokio::test]
async fn all_who_wait_for_a_run_share_one_request_also_when_one_wants_to_hear_more() {
    let (app, workers, run) = accepted(true).await;
    let ends: Vec<_> = (0..5).map(|_| in_background(&app, format!("/api/v1/runs/{run}?wait=25"))).collect();
    eventually("they wait", async || app.state.runs.waiters() == 5).await;
    eventually("the worker is asked", async || workers.asked() == 1).await;
    let change = in_background(&app, format!("/api/v1/runs/{run}?wait=25&after=2"));
    eventually("the worker is asked anew", async || workers.asked() == 2).await;
    assert_eq!(workers.last.lock().unwrap().unwrap().after, Some(2));
    workers.has(&run, 1, 3, RunStatus::Running);
    is(&joined(change).await, "running", Some("worker"));
    workers.has(&run, 1, 4, RunStatus::Failed);
    for end in ends {
        is(&joined(end).await, "failed", Some("worker"));
    }
}

#[tokio::test]
async fn a_reader_never_sees_a_run_go_backwards_whoever_knows_less() {
    let (app, workers, run) = accepted(true).await;
    let path = format!("/api/v1/runs/{run}");
    // The store is behind.
    workers.has(&run, 1, 5, RunStatus::Running);
    for query in ["", "?wait=0", "?wait=1"] {
        let answer = app.get(&format!("{path}{query}")).await;
        is(&answer, "running", Some("worker"));
    }
    // The worker is behind: another one has the run.
    let derived = "018f3c3e-0000-5000-8000-000000000000";
    let (worker, store) = ((1, 9, RunStatus::Running), (2, 1, RunStatus::Running));
    workers.has(derived, worker.0, worker.1, worker.2);
    app.have(derived, store.0, store.1, store.2).await;
    let answer = app.get(&format!("/api/v1/runs/{derived}")).await;
    is(&answer, "running", None);
    assert_eq!(answer.body["attempt"], 2);
    // A stream and a wait begin where a read was.
    let request = app.request(Method::GET, &format!("{path}?after=4")).header("accept", "text/event-stream");
    workers.has(&run, 1, 6, RunStatus::Succeeded);
    let stream = app.send(request.body(Body::empty()).unwrap()).await;
    assert!(stream.text.contains("id: 6\n") && !stream.text.contains("id: 0\n"), "{stream:?}");
}

#[tokio::test]
async fn of_what_both_know_the_worker_says_more_such_as_what_a_run_waits_for_that_has_not_begun() {
    let (app, workers, _) = accepted(false).await;
    let old = "018f3c3e-0000-7000-8000-000000000000";
    app.have(old, 1, 0, RunStatus::Queued).await;
    is(&app.get(&format!("/api/v1/runs/{old}")).await, "queued", None);
    workers.has(old, 1, 0, RunStatus::Queued);
    is(&app.get(&format!("/api/v1/runs/{old}")).await, "queued", Some("worker"));
}

#[tokio::test]
async fn a_run_of_which_the_store_knows_nothing_yet_is_read_from_its_worker_however_old_it_is() {
    let (app, workers, _) = accepted(false).await;
    let old = "018f3c3e-0000-7000-8000-000000000000";
    app.get(&format!("/api/v1/runs/{old}")).await.problem(404, "run_not_found");
    workers.has(old, 1, 5, RunStatus::Running);
    is(&app.get(&format!("/api/v1/runs/{old}")).await, "running", Some("worker"));
    app.store.set_down(true);
    is(&app.get(&format!("/api/v1/runs/{old}")).await, "running", Some("worker"));
    let waiting = in_background(&app, format!("/api/v1/runs/{old}?wait=25"));
    eventually("it is waited for", async || app.state.runs.waiters() == 1).await;
    workers.has(old, 1, 6, RunStatus::Cancelled);
    is(&joined(waiting).await, "cancelled", Some("worker"));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_breaks_off_in_the_middle_of_a_wait_costs_no_more_than_asking_the_store() {
    let (app, workers, run) = accepted(true).await;
    let waiting = in_background(&app, format!("/api/v1/runs/{run}?wait=25"));
    while workers.asked() == 0 {
        tokio::task::yield_now().await;
    }
    app.advance(&run, RunStatus::Succeeded, 5).await;
    let begun = tokio::time::Instant::now();
    workers.fault.send_replace(Some(Fault::Fails));
    is(&joined(waiting).await, "succeeded", None);
    assert!(begun.elapsed() < Duration::from_millis(250), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_says_nothing_is_made_up_for_by_the_store() {
    let (app, workers, run) = accepted(true).await;
    workers.fault.send_replace(Some(Fault::Hangs));
    let begun = tokio::time::Instant::now();
    is(&app.get(&format!("/api/v1/runs/{run}")).await, "queued", None);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let begun = tokio::time::Instant::now();
    app.advance(&run, RunStatus::Succeeded, 5).await;
    is(&app.get(&format!("/api/v1/runs/{run}?wait=25")).await, "succeeded", None);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_its_worker_does_not_know_is_waited_for_at_the_store_as_if_there_were_none() {
    let (app, workers, run) = accepted(true).await;
    let waiting = in_background(&app, format!("/api/v1/runs/{run}?wait=25"));
    tokio::time::sleep(Duration::from_secs(4)).await;
    let (begun, asked) = (tokio::time::Instant::now(), workers.asked());
    assert!((2..=5).contains(&asked), "it is asked again now and then: {asked} times");
    app.advance(&run, RunStatus::Succeeded, 5).await;
    is(&joined(waiting).await, "succeeded", None);
    assert!(begun.elapsed() <= Duration::from_millis(250), "{:?}", begun.elapsed());
    for id in ["018f3c3e-0000-7000-8000-000000000000", "018f3c3e-0000-5000-8000-000000000000"] {
        app.get(&format!("/api/v1/runs/{id}?wait=25")).await.problem(404, "run_not_found");
    }
}

#[tokio::test]
async fn who_starts_a_run_again_with_its_key_gets_it_as_its_worker_has_it() {
    let (app, workers, _) = accepted(false).await;
    let path = format!("/api/v1/workflows/{}/runs", app.workflow().await);
    let start = async || app.post_with(&path, &json!({}), &[("idempotency-key", "one")]).await;
    let first = start().await;
    assert_eq!(first.status, 202);
    workers.has(first.body["id"].as_str().unwrap(), 1, 7, RunStatus::Succeeded);
    let again = start().await;
    assert_eq!(
        (again.body["status"].as_str(), again.body["revision"].as_u64()),
        (Some("succeeded"), Some(7))
    );
}

/// A door at a server that answers as a worker may.
async fn door(server: &MockServer) -> WorkerDoor {
    let mut config = LiveConfig::new(format!("{}/base/", server.uri()).parse().unwrap(), SECRET.into());
    config.breaker.failures = 2;
    config.breaker.cool_down = Duration::from_millis(20);
    WorkerDoor::new(config)
}

#[tokio::test]
async fn the_workers_door_is_asked_with_the_secret_and_what_it_says_is_understood() {
    let server = MockServer::start().await;
    let door = door(&server).await;
    let key = (acme(), domain::ids::RunId(uuid::Uuid::now_v7()));
    let ask = Ask { after: Some(3), wait: Duration::from_secs(2) };
    let run = json!({"id": key.1, "steps": [{"status": "failed"}], "attempt": 1, "revision": 4, "status": "running"});
    Mock::given(method("GET"))
        .and(path(format!("/base/runs/{}", key.1)))
        .and(query_param("tenant", "acme"))
        .and(query_param("after", "3"))
        .and(query_param("wait", "2"))
        .and(header("authorization", format!("Bearer {SECRET}").as_str()))
        .respond_with(ResponseTemplate::new(200).set_body_json(&run))
        .mount(&server)
        .await;
    let found = door.ask(&key, ask).await.unwrap().unwrap();
    assert_eq!(found.head, Head { attempt: 1, revision: 4, status: RunStatus::Running });
    assert_eq!(found.json, run.to_string());
    let problem = json!({"code": "run_unknown"});
    for (status, body, expected) in [
        (404, problem.clone(), Ok(None)),
        (429, json!({}), Err(LiveError::Busy)),
        (503, json!({"code": "owner_unavailable"}), Err(LiveError::OwnerAway)),
        (404, json!({"code": "not_found"}), Err(LiveError::Failed("there is no /runs".into()))),
        (401, problem, Err(LiveError::Failed("it does not take this function's CONNECTOR_SECRET".into()))),
    ] {
        server.reset().await;
        let answer = ResponseTemplate::new(status).set_body_json(body);
        Mock::given(method("GET")).respond_with(answer).mount(&server).await;
        match (door.ask(&key, ask).await, expected) {
            (Err(LiveError::Failed(said)), Err(LiveError::Failed(begins))) => {
                assert!(said.starts_with(&begins) && !said.contains(SECRET), "{said}");
            }
            (said, expected) => assert_eq!(said, expected),
        }
    }
    // Two failures in a row: it is left alone, and then tried again.
    assert_eq!(door.ask(&key, ask).await, Err(LiveError::Away));
    server.reset().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(&run))
        .mount(&server)
        .await;
    eventually("it is asked again", async || door.ask(&key, ask).await.is_ok()).await;
    assert!(door.ask(&key, ask).await.is_ok());
}

#[tokio::test]
async fn who_starts_a_run_may_wait_for_its_end_in_the_same_request() {
    let (app, workers, _) = accepted(false).await;
    let path = format!("/api/v1/workflows/{}/runs", app.workflow().await);
    let answer = app.post(&format!("{path}?wait=soon"), &json!({})).await;
    answer.problem(400, "invalid_parameter");
    let (waits, asked, to) = (Arc::clone(&app), workers.asked(), path.clone());
    let mut started = JoinSet::new();
    started.spawn(async move { waits.post_with(&to, &json!({}), &[("prefer", "wait=20")]).await });
    eventually("the worker is asked", async || workers.asked() > asked).await;
    let Payload::RunRequested(requested) = app.bus.take_for_scheduler().pop().unwrap().payload else {
        panic!()
    };
    let run = requested.run_id.to_string();
    workers.has(&run, 1, 4, RunStatus::Succeeded);
    let answer = started.join_next().await.unwrap().unwrap();
    assert_eq!((answer.status.as_u16(), answer.header("location")), (202, &*format!("/api/v1/runs/{run}")));
    assert_eq!(answer.body["status"], "succeeded");
    // A wait that cannot be had takes nothing from what was accepted.
    workers.fault.send_replace(Some(Fault::Fails));
    let answer = app.post(&format!("{path}?wait=1"), &json!({})).await;
    assert_eq!((answer.status.as_u16(), answer.body["status"].as_str()), (202, Some("queued")));
}
