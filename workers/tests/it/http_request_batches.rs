//! `http_request` in batches: which calls go together, and what becomes of a pause.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use domain::retry::Failure;
use serde_json::{Value, json};

use crate::{
    raw_server::{RawServer, answer},
    steps::{failed, node_attempt, run, runner, succeeded},
};

fn items(count: usize) -> Value {
    (0..count).map(|n| json!({ "n": n })).collect()
}

/// A server that notes when it was called.
async fn noting() -> (RawServer, Arc<Mutex<Vec<Instant>>>) {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&calls);
    let server = RawServer::start(move |_| {
        seen.lock().unwrap().push(Instant::now());
        answer(200, "content-type: application/json\r\n", "{}")
    })
    .await;
    (server, calls)
}

#[tokio::test]
async fn a_batch_begins_a_pause_behind_the_one_before() {
    let (server, calls) = noting().await;
    let params = json!({"url": format!("{}/{{{{ $json.n + 1 }}}}", server.url()), "batch": {"size": 2, "pause": "50ms"}});
    assert_eq!(succeeded(run(params, items(5)).await).as_array().unwrap().len(), 5);
    let (calls, came) = (calls.lock().unwrap(), server.take());
    assert_eq!((calls.len(), came.len()), (5, 5));
    for (first, second) in [(0, 2), (1, 2), (2, 4), (3, 4)] {
        assert!(calls[second] - calls[first] >= Duration::from_millis(50), "{first} {second}: {calls:?}");
    }
    // Whichever of a batch comes first, the next one's come behind it.
    let number = |at: usize| came[at].line().rsplit_once('/').unwrap().1.parse::<usize>().unwrap();
    let batches: Vec<usize> = (0..5).map(|at| (number(at) - 1) / 2).collect();
    assert_eq!(batches, [0, 0, 1, 1, 2]);
}

#[tokio::test]
async fn a_batch_without_a_pause_still_ends_before_the_next() {
    let (server, _) = noting().await;
    let params = json!({"url": format!("{}/{{{{ $json.n }}}}", server.url()), "batch": {"size": 1}});
    assert_eq!(succeeded(run(params, items(20)).await).as_array().unwrap().len(), 20);
    let came: Vec<_> = server.take().iter().map(|came| came.line().to_owned()).collect();
    assert_eq!(
        came,
        (0..20).map(|n| format!("GET /{n}")).collect::<Vec<_>>(),
        "one after the other, in order"
    );
}

#[tokio::test]
async fn what_a_pause_leaves_no_time_for_follows_in_the_next_attempt() {
    let (server, _) = noting().await;
    let mut attempt = node_attempt(
        json!({"id": "call", "type": "http_request", "data": {"timeout": "1m", "params": {
            "url": format!("{}/{{{{ $json.n }}}}", server.url()), "batch": {"size": 2, "pause": "2m"},
        }}}),
        items(5),
    );
    for calls in [2, 2] {
        let failed = failed(runner().run(attempt.clone()).await);
        assert_eq!(failed.failure, Failure::RateLimited { retry_after: Some(Duration::from_secs(120)) });
        assert_eq!(failed.error.code, "timeout");
        assert!(
            failed.error.message.contains("the pause of 2m would end behind"),
            "{}",
            failed.error.message
        );
        assert_eq!(server.take().len(), calls);
        attempt.task.kept = failed.partial.map(Arc::new);
        attempt.task.attempt += 1;
    }
    assert_eq!(succeeded(runner().run(attempt).await).as_array().unwrap().len(), 5);
    assert_eq!(server.only().line(), "GET /4");
}

#[tokio::test]
async fn a_failure_that_decides_the_step_waits_for_no_pause() {
    let server = RawServer::of(answer(404, "", "")).await;
    let params = json!({"url": server.url(), "batch": {"size": 3, "pause": "100d"}});
    let failed = failed(run(params, items(9)).await);
    assert_eq!((failed.error.code.as_str(), failed.failure), ("http_status", Failure::Permanent));
    assert!(server.take().len() <= 3);
}
