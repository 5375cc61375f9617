//! Heads and the pauses between requests.

use axum::{Router, routing::get};
use http_server::{Peer, ServerLimits};

use crate::support::{NEVER, SOON, TestServer, patient};

fn hello() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed() {
    let server = TestServer::start(ServerLimits { head: SOON, ..patient() }, hello()).await;
    assert_eq!(server.client().await.rest().await, "");
}

#[tokio::test]
async fn a_head_that_does_not_end_is_cut_however_much_comes() {
    let limits = ServerLimits { head: SOON, head_bytes: 1 << 30, ..patient() };
    let server = TestServer::start(limits, hello()).await;
    let mut client = server.client().await;
    client.send("GET / HTTP/1.1\r\nHost: s\r\nX-More: ").await;
    // One more as long as there is somebody who takes it.
    while client.try_send(b"x").await {
        tokio::task::yield_now().await;
    }
    let mut again = server.client().await;
    assert_eq!(again.get("/").await, "http/1.1 200 ok");
}

#[tokio::test]
async fn a_pause_between_requests_may_be_longer_than_a_head() {
    let server = TestServer::start(ServerLimits { head: SOON, ..patient() }, hello()).await;
    let mut pausing = server.client().await;
    assert_eq!(pausing.get("/").await, "http/1.1 200 ok");
    // As long as a head may take.
    server.client().await.rest().await;
    assert_eq!(pausing.get("/").await, "http/1.1 200 ok");
    pausing.send("GET / HTTP/1.1\r\n").await;
    assert_eq!(pausing.rest().await, "", "the second head has its deadline, too");
}

#[tokio::test]
async fn a_connection_is_not_kept_for_ever_without_requests() {
    let server = TestServer::start(ServerLimits { idle: SOON, ..patient() }, hello()).await;
    let mut client = server.client().await;
    for _ in 0..3 {
        assert_eq!(client.get("/").await, "http/1.1 200 ok");
    }
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_head_is_bounded() {
    let server = TestServer::start(ServerLimits { head_bytes: 16 << 10, ..patient() }, hello()).await;
    let mut client = server.client().await;
    client.send("GET / HTTP/1.1\r\nHost: s\r\nX-Long: ").await;
    client.send(&"x".repeat(16 << 10)).await;
    assert!(client.rest().await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn an_offer_of_http_2_is_ignored_and_the_connection_kept() {
    let server = TestServer::start(ServerLimits { head: NEVER, ..patient() }, hello()).await;
    let mut client = server.client().await;
    for _ in 0..2 {
        let offer =
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
        client.send(&format!("GET / HTTP/1.1\r\nHost: s\r\n{offer}\r\n")).await;
        let (head, body) = client.answer().await;
        assert!(head.starts_with("http/1.1 200 ok") && !head.contains("close"), "{head}");
        assert_eq!(body, "hello");
    }
}

#[tokio::test]
async fn a_handler_knows_where_a_request_comes_from() {
    let router = Router::new().route("/", get(|peer: Peer| async move { peer.addr().ip().to_string() }));
    let server = TestServer::start(patient(), router).await;
    let mut client = server.client().await;
    client.send("GET / HTTP/1.1\r\nHost: s\r\n\r\n").await;
    assert_eq!(client.answer().await.1, "127.0.0.1");
}
