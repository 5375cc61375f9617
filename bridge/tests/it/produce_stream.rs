//! v3 produce over a connection that stays open.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::{PATIENCE, TestBridge, reports};

const PATH: &str = "/v3/clusters/c/topics/t/records";

/// A produce stream that is being written.
struct Producing {
    frames: mpsc::UnboundedSender<Bytes>,
    response: reqwest::Response,
    text: String,
}

impl Producing {
    async fn open(bridge: &TestBridge, first: &str) -> Self {
        let (frames, mut queue) = mpsc::unbounded_channel::<Bytes>();
        frames.send(Bytes::copy_from_slice(first.as_bytes())).unwrap();
        let body = stream::poll_fn(move |cx| queue.poll_recv(cx)).map(Ok::<_, Infallible>);
        let request = bridge.client.post(bridge.url(PATH)).header("content-type", "application/json");
        let response = request.body(reqwest::Body::wrap_stream(body)).send().await.unwrap();
        Self { frames, response, text: String::new() }
    }

    fn send(&self, frame: &str) {
        self.frames.send(Bytes::copy_from_slice(frame.as_bytes())).unwrap();
    }

    /// Reads until there are `count` reports in all.
    async fn reports(&mut self, count: usize) -> Vec<Value> {
        loop {
            let complete =
                serde_json::Deserializer::from_str(&self.text).into_iter().flatten().collect::<Vec<_>>();
            if complete.len() >= count {
                return complete;
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.unwrap().unwrap();
            self.text.push_str(std::str::from_utf8(&chunk.expect("more reports")).unwrap());
        }
    }

    /// Reads to the end.
    async fn end(mut self) -> Vec<Value> {
        drop(self.frames);
        while let Some(chunk) = tokio::time::timeout(PATIENCE, self.response.chunk()).await.unwrap().unwrap()
        {
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        reports(&self.text)
    }
}

fn record(n: u32) -> String {
    json!({"partition_id": 0, "value": {"type": "JSON", "data": n}}).to_string()
}

#[tokio::test]
async fn reports_come_while_the_stream_goes_on_however_the_records_are_cut() {
    let bridge = TestBridge::start().await;
    let mut stream = Producing::open(&bridge, &record(0)).await;
    assert_eq!(stream.response.status(), 200);
    assert_eq!(stream.reports(1).await[0]["offset"], 0);
    let two = record(1) + "\n" + &record(2);
    let (head, tail) = two.split_at(two.len() - 9);
    stream.send(head);
    assert_eq!(stream.reports(2).await[1]["offset"], 1);
    stream.send(tail);
    assert_eq!(stream.reports(3).await[2]["offset"], 2);
    assert_eq!(stream.end().await.len(), 3);
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn a_malformed_record_is_reported_and_ends_the_stream() {
    let bridge = TestBridge::start().await;
    let mut stream = Producing::open(&bridge, &record(0)).await;
    stream.reports(1).await;
    stream.send(&(record(1) + "{\"value\": nope}" + &record(2)));
    let reports = stream.reports(3).await;
    let codes: Vec<_> = reports.iter().map(|r| r["error_code"].clone()).collect();
    assert_eq!(codes, [200, 200, 400]);
    assert_eq!(stream.end().await.len(), 3, "later records are not read");
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn an_object_that_never_ends_is_reported_when_the_stream_does() {
    let bridge = TestBridge::start().await;
    let stream = Producing::open(&bridge, &(record(0) + "{\"value\":")).await;
    let codes: Vec<_> = stream.end().await.iter().map(|r| r["error_code"].clone()).collect();
    assert_eq!(codes, [200, 400]);
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn an_object_that_grows_without_bound_is_cut_off() {
    let bridge = TestBridge::with(|config| config.limits.max_record_bytes = 100).await;
    let stream = Producing::open(&bridge, &("{\"value\":\"".to_owned() + &"x".repeat(200_000))).await;
    let reports = stream.end().await;
    assert_eq!((reports.len(), &reports[0]["error_code"]), (1, &json!(413)));
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn a_stream_without_records_is_refused_as_an_empty_body() {
    let bridge = TestBridge::start().await;
    let body = reqwest::Body::wrap_stream(stream::iter([Ok::<_, Infallible>(" \n")]));
    let (status, text) = bridge.post(PATH, "application/json", body).await;
    assert_eq!((status, &reports(&text)[0]["error_code"]), (422, &json!(42206)));
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn a_stream_that_is_too_old_is_told_so_and_closed() {
    let bridge = TestBridge::with(|config| config.limits.max_stream_age = Duration::from_millis(200)).await;
    let mut stream = Producing::open(&bridge, &record(0)).await;
    let reports = stream.reports(2).await;
    assert_eq!(reports[1]["error_code"], 408);
    assert!(reports[1]["message"].as_str().unwrap().starts_with("Streaming connection open for longer"));
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn a_stop_ends_open_streams_and_does_not_wait_for_them() {
    let bridge = TestBridge::with(|config| config.grace = PATIENCE).await;
    let mut stream = Producing::open(&bridge, &record(0)).await;
    stream.reports(1).await;
    tokio::time::timeout(PATIENCE / 2, bridge.bridge.stop()).await.unwrap();
    assert!(stream.response.chunk().await.unwrap().is_none());
}
