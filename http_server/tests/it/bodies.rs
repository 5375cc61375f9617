//! Bodies that come slowly, or that nobody wants.

use axum::{
    Router,
    body::Body,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use http_body_util::BodyExt as _;
use http_server::{BodyPace, Peer, ServerLimits, too_slow};

use crate::support::{NEVER, SOON, TestServer, patient};

/// Answers with the length of the body, or why it could not be read.
async fn read(body: Body) -> Response {
    match body.collect().await {
        Ok(all) => all.to_bytes().len().to_string().into_response(),
        Err(error) => match too_slow(&error) {
            Some(slow) => (StatusCode::REQUEST_TIMEOUT, slow.to_string()).into_response(),
            None => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
        },
    }
}

fn reading() -> Router {
    Router::new().route("/", post(read))
}

fn pace(pace: BodyPace) -> ServerLimits {
    ServerLimits { body: pace, closing: SOON, ..patient() }
}

const HASTY: BodyPace = BodyPace { grace: SOON, bytes_per_second: 1_000_000, total: NEVER };

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up_and_its_sender_told() {
    for framing in ["Content-Length: 1000000\r\n\r\n ", "Transfer-Encoding: chunked\r\n\r\n1\r\n \r\n"] {
        let server = TestServer::start(pace(HASTY), reading()).await;
        let mut client = server.client().await;
        client.send(&format!("POST / HTTP/1.1\r\nHost: s\r\n{framing}")).await;
        let (head, said) = client.answer().await;
        assert!(head.starts_with("http/1.1 408 "), "{head}");
        assert!(said.contains("there were 1 bytes") && said.contains("1000000 bytes a second"), "{said}");
        client.rest().await;
    }
}

#[tokio::test]
async fn a_body_that_trickles_is_given_up() {
    let server = TestServer::start(pace(HASTY), reading()).await;
    let mut client = server.client().await;
    client.send("POST / HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    while client.try_send(b"1\r\nx\r\n").await {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_body_has_a_deadline_at_any_rate() {
    let total = BodyPace { grace: NEVER, bytes_per_second: 1, total: SOON };
    let server = TestServer::start(pace(total), reading()).await;
    let mut client = server.client().await;
    client.send("POST / HTTP/1.1\r\nHost: s\r\nContent-Length: 9\r\n\r\n1234").await;
    assert!(client.answer().await.0.starts_with("http/1.1 408 "));
}

#[tokio::test]
async fn a_body_that_comes_in_pieces_is_read() {
    let server = TestServer::start(ServerLimits::default(), reading()).await;
    let mut client = server.client().await;
    for round in 1..=3 {
        client.send("POST / HTTP/1.1\r\nHost: s\r\nContent-Length: 300000\r\n\r\n").await;
        for _ in 0..30 {
            client.send(&"x".repeat(10_000)).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(client.answer().await.1, "300000", "request {round} of the connection");
    }
}

#[tokio::test]
async fn a_stream_whose_handler_sees_to_it_has_no_deadline() {
    let read_first = |peer: Peer, mut body: Body| async move {
        peer.lift_body_deadlines();
        while let Some(frame) = body.frame().await {
            if frame.unwrap().data_ref().is_some_and(|data| data.ends_with(b"!")) {
                return "taken";
            }
        }
        "ended"
    };
    let router = Router::new().route("/stream", post(read_first)).route("/", post(read));
    let server = TestServer::start(pace(HASTY), router).await;
    let mut stream = server.client().await;
    stream.send("POST /stream HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n.\r\n").await;
    // Until another body was too slow.
    let mut other = server.client().await;
    other.send("POST / HTTP/1.1\r\nHost: s\r\nContent-Length: 9\r\n\r\n").await;
    assert!(other.answer().await.0.starts_with("http/1.1 408 "));
    stream.send("1\r\n!\r\n").await;
    assert_eq!(stream.answer().await.1, "taken");
}

#[tokio::test]
async fn who_is_refused_without_being_read_sees_the_answer() {
    let refuse = || async { (StatusCode::UNAUTHORIZED, "who are you?") };
    let server = TestServer::start(patient(), Router::new().route("/", post(refuse))).await;
    for _ in 0..20 {
        let mut client = server.client().await;
        client.send("POST / HTTP/1.1\r\nHost: s\r\nContent-Length: 8000000\r\n\r\n").await;
        assert!(client.try_send(&vec![b'x'; 8_000_000]).await, "all of it can be sent");
        let (head, said) = client.answer().await;
        assert!(head.starts_with("http/1.1 401 "), "{head}");
        assert_eq!(said, "who are you?");
    }
}

#[tokio::test]
async fn who_goes_on_sending_after_the_answer_is_cut() {
    let refuse = || async { StatusCode::UNAUTHORIZED };
    let limits = ServerLimits { closing: SOON, ..patient() };
    let server = TestServer::start(limits, Router::new().route("/", post(refuse))).await;
    let mut client = server.client().await;
    client.send("POST / HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    while client.try_send(b"1\r\nx\r\n").await {
        tokio::task::yield_now().await;
    }
}
