//! Answers that take long, and readers that do not read.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    routing::{get, post},
};
use futures_util::{StreamExt, stream};
use http_server::ServerLimits;
use tokio::sync::{Notify, mpsc};

use crate::support::{NEVER, SOON, TestServer, patient, within};

#[tokio::test]
async fn an_answer_may_take_as_long_as_it_wants() {
    let ready = Arc::new(Notify::new());
    let waits = Arc::clone(&ready);
    let router = Router::new().route(
        "/",
        get(move || async move {
            waits.notified().await;
            "at last"
        }),
    );
    let limits = ServerLimits { head: SOON, idle: SOON, stalled: SOON, ..patient() };
    let server = TestServer::start(limits, router).await;
    let mut client = server.client().await;
    client.send("GET / HTTP/1.1\r\nHost: s\r\n\r\n").await;
    for _ in 0..3 {
        // As long as any deadline.
        server.client().await.rest().await;
    }
    ready.notify_one();
    assert_eq!(client.answer().await.1, "at last");
}

/// Sends as fast as it is read, or what it is given; tells when it is dropped.
fn streaming(events: impl Fn() -> Body + Clone + Send + Sync + 'static) -> Router {
    Router::new().route("/", get(move || async move { events() }))
}

struct Dropped(mpsc::UnboundedSender<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_dropped() {
    let (sender, mut dropped) = mpsc::unbounded_channel();
    let endless = move || {
        let kept = Dropped(sender.clone());
        Body::from_stream(stream::repeat(Bytes::from(vec![b'x'; 64 << 10])).map(move |bytes| {
            let _kept = &kept;
            Ok::<_, Infallible>(bytes)
        }))
    };
    let server = TestServer::start(ServerLimits { stalled: SOON, ..patient() }, streaming(endless)).await;
    let mut client = server.client().await;
    client.send("GET / HTTP/1.1\r\nHost: s\r\n\r\n").await;
    within("the end of the stream", dropped.recv()).await.unwrap();
}

#[tokio::test]
async fn an_event_stream_that_is_quiet_goes_on() {
    let (events, queue) = mpsc::unbounded_channel::<Bytes>();
    let queue = Arc::new(std::sync::Mutex::new(Some(queue)));
    let quiet = move || {
        let mut queue = queue.lock().unwrap().take().unwrap();
        Body::from_stream(stream::poll_fn(move |cx| queue.poll_recv(cx)).map(Ok::<_, Infallible>))
    };
    let limits = ServerLimits { head: SOON, idle: SOON, stalled: SOON, ..patient() };
    let server = TestServer::start(limits, streaming(quiet)).await;
    let mut client = server.client().await;
    client.send("GET / HTTP/1.1\r\nHost: s\r\n\r\n").await;
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        for _ in 0..2 {
            server.client().await.rest().await;
        }
        events.send(Bytes::from(event)).unwrap();
    }
    drop(events);
    let all = client.rest().await;
    assert!(all.contains("data: 1\n\n") && all.contains("data: 2\n\n"), "{all}");
}

#[tokio::test]
async fn a_stop_answers_what_has_begun_and_waits_for_nobody_else() {
    let (begun, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, released) = (Arc::clone(&begun), Arc::clone(&release));
    let router = Router::new().route("/idle", get(|| async {})).route(
        "/",
        get(move || async move {
            begins.notify_one();
            released.notified().await;
            "done"
        }),
    );
    let server = TestServer::start(ServerLimits { idle: NEVER, ..patient() }, router).await;
    let mut idle = server.client().await;
    assert_eq!(idle.get("/idle").await, "http/1.1 200 ok");
    let mut silent = server.client().await;
    let mut client = server.client().await;
    client.send("GET / HTTP/1.1\r\nHost: s\r\n\r\n").await;
    within("the request", begun.notified()).await;
    server.stop.cancel();
    assert_eq!((idle.rest().await, silent.rest().await), (String::new(), String::new()));
    release.notify_one();
    assert_eq!(client.answer().await.1, "done");
    server.stopped().await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_those_who_are_slow() {
    let router = Router::new().route("/", post(|_: Bytes| async {}));
    let server = TestServer::start(ServerLimits { closing: SOON, ..patient() }, router).await;
    let mut slow = Vec::new();
    for begins in
        ["POST / HTTP/1.1\r\nHost: s\r\n", "POST / HTTP/1.1\r\nHost: s\r\nContent-Length: 9\r\n\r\n1"]
    {
        let mut client = server.client().await;
        client.send(begins).await;
        slow.push(client);
    }
    // They are there: connections are taken in order.
    assert_eq!(server.client().await.get("/").await, "http/1.1 405 method not allowed");
    server.stop.cancel();
    server.stopped().await;
}
