//! Producers that announce much and send little.

use std::time::Duration;

use http_server::BodyPace;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{PATIENCE, TestBridge, reports};

const V2: &str = "application/vnd.kafka.json.v2+json";

/// A request whose body has begun.
async fn begun(bridge: &TestBridge, path: &str, media_type: &str, framing: &str) -> TcpStream {
    let mut stream = TcpStream::connect(bridge.bridge.addr()).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nHost: b\r\nContent-Type: {media_type}\r\n{framing}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// What comes until the bridge closes the connection.
async fn answer(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    tokio::time::timeout(PATIENCE, read).await.expect("the connection is closed").unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn bodies_that_do_not_come_take_no_memory_from_others() {
    let bridge = TestBridge::start().await;
    let mut hung = Vec::new();
    for _ in 0..40 {
        // All of them together are more than there is room for.
        hung.push(begun(&bridge, "/topics/t", V2, "Content-Length: 8388608").await);
        hung.push(begun(&bridge, "/topics/t", V2, "Transfer-Encoding: chunked").await);
    }
    for path in ["/topics/t", "/topics/u"] {
        let (status, text) = bridge.post(path, V2, r#"{"records":[{"value":1}]}"#).await;
        assert_eq!(status, 200, "{text}");
    }
    bridge.produce([("k", json!(1))]).await;
    drop(hung);
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn a_slow_body_is_answered_with_408_in_the_form_of_the_interface() {
    let hasty = BodyPace { grace: Duration::from_millis(100), ..BodyPace::default() };
    let bridge = TestBridge::with(|config| config.front.body = hasty).await;
    let paths = [
        ("/topics/t", V2),
        ("/topics/t/partitions/0", V2),
        ("/v3/clusters/c/topics/t/records", "application/json"),
        ("/v3/clusters/c/topics/t/records:batch", "application/json"),
    ];
    for (path, media_type) in paths {
        let answer = answer(begun(&bridge, path, media_type, "Content-Length: 9000").await).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 408 "), "{path}: {head}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["error_code"], 408, "{path}");
        assert!(body["message"].as_str().unwrap().contains("the body came too slowly"), "{body}");
    }
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn a_stream_may_pause_for_longer_than_a_body_and_not_for_ever() {
    let bridge = TestBridge::with(|config| {
        config.front.body.grace = Duration::from_millis(1);
        config.limits.max_stream_idle = Duration::from_millis(300);
    })
    .await;
    let path = "/v3/clusters/c/topics/t/records";
    let mut stream = begun(&bridge, path, "application/json", "Transfer-Encoding: chunked").await;
    let record = json!({"partition_id": 0, "value": {"type": "JSON", "data": 1}}).to_string();
    stream.write_all(format!("{:x}\r\n{record}\r\n", record.len()).as_bytes()).await.unwrap();
    let answer = answer(stream).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let text: String = body.split("\r\n").filter(|part| part.contains('{')).collect();
    let codes: Vec<_> = reports(&text).iter().map(|report| report["error_code"].clone()).collect();
    assert_eq!(codes, [200, 408], "{text}");
    assert!(text.contains("max_stream_idle"), "{text}");
    bridge.bridge.stop().await;
}

#[tokio::test]
async fn what_is_too_large_is_refused_with_the_limit_and_the_sender_sees_it() {
    let bridge = TestBridge::with(|config| config.limits.max_request_bytes = 100_000).await;
    let large = json!({"records": [{"value": "x".repeat(4 << 20)}]}).to_string();
    let (status, text) = bridge.post("/topics/t", V2, large.clone()).await;
    assert_eq!(status, 413, "{text}");
    assert!(text.contains("max_request_bytes is 100000 bytes"), "{text}");
    let unknown = reqwest::Body::wrap_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(large)]));
    let (status, text) = bridge.post("/topics/t", V2, unknown).await;
    assert_eq!(status, 413, "{text}");
    bridge.bridge.stop().await;
}
