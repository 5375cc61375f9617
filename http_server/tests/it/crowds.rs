//! Many who are slow, and one who is not.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    routing::{get, post},
};
use http_server::ServerLimits;
use tokio::sync::Notify;

use crate::support::{Client, TestServer, patient, within};

fn limits(connections: usize) -> ServerLimits {
    ServerLimits { connections, ..patient() }
}

/// Connections that say that and then nothing.
async fn crowd(server: &TestServer, size: usize, says: &str) -> Vec<Client> {
    let mut crowd = Vec::new();
    for _ in 0..size {
        let mut client = server.client().await;
        // Some are closed already.
        client.try_send(says.as_bytes()).await;
        crowd.push(client);
    }
    crowd
}

#[tokio::test]
async fn a_thousand_slow_connections_keep_nobody_out() {
    let router = Router::new().route("/", get(|| async {})).route("/body", post(|_: Bytes| async { "read" }));
    let server = TestServer::start(limits(64), router).await;
    for says in [
        "",
        "GET / HTTP/1.1\r\nHost: s\r\nX-Slow: ",
        "POST /body HTTP/1.1\r\nHost: s\r\nContent-Length: 1000000\r\n\r\n ",
    ] {
        let _crowd = crowd(&server, 400, says).await;
        for _ in 0..3 {
            let mut client = server.client().await;
            assert_eq!(client.get("/").await, "http/1.1 200 ok", "{says:?}");
            assert_eq!(client.get("/").await, "http/1.1 200 ok", "{says:?}");
        }
    }
}

#[tokio::test]
async fn requests_that_are_worked_on_are_never_cut_for_others_who_wait_instead() {
    let (begun, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, released) = (Arc::clone(&begun), Arc::clone(&release));
    let waiting = move || async move {
        let released = released.notified();
        begins.notify_one();
        released.await;
        "done"
    };
    let router = Router::new().route("/wait", get(waiting)).route("/", get(|| async {}));
    let server = TestServer::start(limits(2), router).await;
    let mut at_work = Vec::new();
    for _ in 0..2 {
        let mut client = server.client().await;
        client.send("GET /wait HTTP/1.1\r\nHost: s\r\n\r\n").await;
        within("the request", begun.notified()).await;
        at_work.push(client);
    }
    let mut third = server.client().await;
    third.send("GET / HTTP/1.1\r\nHost: s\r\n\r\n").await;
    release.notify_waiters();
    for client in &mut at_work {
        assert_eq!(client.answer().await.1, "done");
    }
    assert!(third.answer().await.0.starts_with("http/1.1 200 "));
}
