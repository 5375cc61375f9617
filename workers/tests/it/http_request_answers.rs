//! What `http_request` makes of answers: encodings, character sets, bodies that are slow, large, cut off or not JSON.

use std::{
    io::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::retry::Failure;
use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use minireipaz::clock::SystemClock;
use serde_json::{Value, json};
use workers::{
    engine::StepFailure,
    runner::{RateFloor, Runner, RunnerSettings},
};

use crate::{
    raw_server::{RawServer, Reply, answer},
    steps::{attempt, failed, node_attempt, run, runner, succeeded},
};

const ROWS: &[u8] = b"{\"row\":1}\n{\"row\":2}\n";

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::default());
    writer.write_all(text).unwrap();
    writer.finish().unwrap()
}

async fn got(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Value {
    let server = RawServer::of(answer(status, headers, body)).await;
    succeeded(run(json!({"url": server.url()}), json!([{}])).await)
}

async fn refused(status: u16, headers: &str, body: impl AsRef<[u8]>) -> StepFailure {
    let server = RawServer::of(answer(status, headers, body)).await;
    failed(run(json!({"url": server.url()}), json!([{}])).await)
}

#[tokio::test]
async fn what_content_encoding_names_is_undone() {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(ROWS).unwrap();
    let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
    bare.write_all(ROWS).unwrap();
    let members = [gzip(&ROWS[..10]), gzip(&ROWS[10..])].concat();
    for (encoding, body) in [
        ("gzip", members.clone()),
        ("GZIP", members.clone()),
        ("x-gzip", members.clone()),
        ("gzip, gzip", gzip(&members)),
        ("deflate", zlib.finish().unwrap()),
        ("deflate", bare.finish().unwrap()),
        ("zstd", zstd::stream::encode_all(ROWS, 3).unwrap()),
        ("identity", ROWS.to_vec()),
    ] {
        let headers = format!("content-type: application/x-ndjson\r\ncontent-encoding: {encoding}\r\n");
        let expected = json!([{"data": String::from_utf8_lossy(ROWS)}]);
        assert_eq!(got(200, &headers, body).await, expected, "{encoding}");
    }
    let brotli = b"\x0b\x05\x80hello world\x03";
    let headers = "content-type: text/html\r\ncontent-encoding: br\r\n";
    assert_eq!(got(200, headers, brotli).await, json!([{"data": "hello world"}]));
    // Nothing is nothing, however it would have been encoded.
    assert_eq!(got(200, "content-encoding: gzip\r\n", "").await, json!([{}]));
}

#[tokio::test]
async fn what_cannot_be_undone_is_refused_by_name_and_not_asked_for_again() {
    let whole = gzip(ROWS);
    for (encoding, body, named) in [
        ("compress", whole.clone(), "\"compress\""),
        ("gzip", whole[..whole.len() - 4].to_vec(), "gzip: it ends too early"),
        ("gzip", [&whole[..], b"tail"].concat(), "gzip"),
        ("zstd", whole, "zstd"),
    ] {
        let headers = format!("content-type: text/plain\r\ncontent-encoding: {encoding}\r\n");
        let failed = refused(200, &headers, body).await;
        assert_eq!((failed.error.code.as_str(), failed.failure), ("invalid_response", Failure::Permanent));
        assert!(failed.error.message.contains(named), "{}", failed.error.message);
        assert!(failed.error.message.starts_with("GET http://127.0.0.1"), "{}", failed.error.message);
    }
}

#[tokio::test]
async fn a_refusal_is_told_by_its_status_whatever_became_of_its_body() {
    let failed = refused(503, "content-encoding: sdch\r\n", "x").await;
    assert_eq!(
        (failed.error.code.as_str(), failed.failure),
        ("http_status", Failure::Server { retry_after: None })
    );
    let details = failed.error.details.unwrap();
    assert!(details["body_error"].as_str().unwrap().contains("\"sdch\""), "{details}");

    let failed = refused(404, "content-type: text/plain\r\n", "no ".repeat(2 * 1024 * 1024)).await;
    assert_eq!((failed.error.code.as_str(), failed.failure), ("http_status", Failure::Permanent));
    let details = failed.error.details.unwrap();
    assert!(details["body_error"].as_str().unwrap().contains("max_response_bytes"), "{details}");

    let cut = RawServer::of(&b"HTTP/1.1 400 X\r\ncontent-length: 100\r\n\r\n{\"half\": "[..]).await;
    let failed = crate::steps::failed(run(json!({"url": cut.url()}), json!([{}])).await);
    assert_eq!((failed.error.code.as_str(), failed.failure), ("http_status", Failure::Permanent));
    assert_eq!(failed.error.details.unwrap()["body"], "{\"half\": ");
}

#[tokio::test]
async fn text_of_answers_and_of_errors_is_read_in_its_character_set() {
    let json_type = "content-type: application/json; charset=ISO-8859-1\r\n";
    assert_eq!(got(200, json_type, b"{\"a\":\"M\xfcller\"}").await, json!([{"a": "Müller"}]));
    let marked = b"\xef\xbb\xbf{\"a\":1}";
    assert_eq!(got(200, "content-type: application/json\r\n", marked).await, json!([{"a": 1}]));
    let zipped = format!("{json_type}content-encoding: gzip\r\n");
    assert_eq!(got(200, &zipped, gzip(b"{\"a\":\"\xe9\"}")).await, json!([{"a": "é"}]));

    let failed = refused(400, "content-type: text/plain; charset=iso-8859-1\r\n", b"Gr\xf6\xdfe").await;
    assert_eq!(failed.error.details.unwrap()["body"], "Größe");
    let utf16: Vec<u8> = "{\"error\": \"ö\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let failed = refused(400, "content-type: application/json; charset=utf-16\r\n", utf16).await;
    assert_eq!(failed.error.details.unwrap()["body"], json!({"error": "ö"}));
}

#[tokio::test]
async fn blank_answers_are_empty_ones() {
    for blank in ["", " ", "\r\n"] {
        assert_eq!(got(200, "content-type: application/json\r\n", blank).await, json!([{}]), "{blank:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_json_names_the_call_and_shows_what_came() {
    let server =
        RawServer::of(answer(200, "content-type: application/json\r\n", "<title>Login</title>")).await;
    let url = format!("http://me:hush-hush@{}/j?token=hush-hush", server.authority());
    let failed = failed(run(json!({ "url": url }), json!([{}])).await);
    let message = &failed.error.message;
    let called = format!("GET {}/j: the answer (application/json, 20 bytes)", server.url());
    assert!(message.contains(&called) && message.contains("line 1 column 1"), "{message}");
    assert_eq!(failed.error.details.as_ref().unwrap()["body"], "<title>Login</title>");
    assert!(!format!("{failed:?}").contains("hush"), "{failed:?}");
}

#[tokio::test]
async fn a_full_answer_gives_what_a_next_call_needs() {
    let headers = "content-type: application/json\r\nset-cookie: sid=1; Path=/\r\nset-cookie: b=2\r\n\
                   x-csrf-token: abc\r\nlink: <http://a/x?page=2&page_token=zz>; rel=\"next\"\r\n\
                   location: https://app.example/cb?code=abc&state=1\r\n";
    let server = RawServer::of(answer(302, headers, "{}")).await;
    let params = json!({"url": server.url(), "redirects": "none", "response": {"full": true}});
    let full = succeeded(run(params, json!([{}])).await);
    let found = &full[0]["headers"];
    assert_eq!(found["set-cookie"], json!(["sid=1; Path=/", "b=2"]));
    assert_eq!(found["x-csrf-token"], "abc");
    assert_eq!(found["link"], "<http://a/x?page=2&page_token=zz>; rel=\"next\"");
    assert_eq!(found["location"], "https://app.example/cb?code=abc&state=1");
}

#[tokio::test]
async fn an_answer_to_head_is_its_headers_whatever_length_they_tell() {
    let head = b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\n\
                 content-length: 104857600\r\nx-total: 7\r\n\r\n";
    let server = RawServer::start(|_| Reply::Hanging(head.to_vec())).await;
    let params = json!({"method": "HEAD", "url": server.url()});
    assert_eq!(succeeded(run(params.clone(), json!([{}])).await), json!([{}]));
    let mut full = params;
    full["response"] = json!({"full": true});
    let found = succeeded(run(full, json!([{}])).await);
    let headers = &found[0]["headers"];
    assert_eq!((&headers["x-total"], &headers["content-length"]), (&json!("7"), &json!("104857600")));
    assert_eq!((&found[0]["status"], &found[0]["body"]), (&json!(200), &Value::Null));
}

#[tokio::test]
async fn every_status_is_an_answer_where_any_is_accepted() {
    let mut settings = RunnerSettings::default();
    settings.http.allow = "127.0.0.1".parse().unwrap();
    settings.http.breaker.failures = 2;
    let runner = Runner::new(settings, Arc::new(SystemClock)).unwrap();
    let headers = "content-type: application/json\r\n";
    for status in [204, 304, 404, 429, 500, 503] {
        let body = if matches!(status, 204 | 304) { "" } else { "{\"why\": 1}" };
        let server = RawServer::of(answer(status, headers, body)).await;
        let params = json!({"url": server.url(), "accept_status": "any", "response": {"full": true}});
        let found = succeeded(runner.run(attempt("http_request", params, json!([{}]))).await);
        assert_eq!(found[0]["status"], status);
    }
    let busy = RawServer::of(answer(503, headers, "{}")).await;
    for _ in 0..5 {
        // What is accepted is no failure of the server either.
        let params = json!({"url": busy.url(), "accept_status": [200, "5xx"]});
        assert_eq!(succeeded(runner.run(attempt("http_request", params, json!([{}]))).await), json!([{}]));
    }
}

#[tokio::test]
async fn a_server_that_trickles_is_given_up_by_name() {
    let head = b"HTTP/1.1 200 X\r\ncontent-type: text/plain\r\ncontent-length: 1000\r\n\r\nabc";
    let server = RawServer::start(|_| Reply::Hanging(head.to_vec())).await;
    let mut settings = RunnerSettings::default();
    settings.http.allow = "127.0.0.1".parse().unwrap();
    settings.http.slowest = RateFloor { bytes: 100, within: Duration::from_millis(100) };
    let runner = Runner::new(settings, Arc::new(SystemClock)).unwrap();
    let failed = failed(runner.run(attempt("http_request", json!({"url": server.url()}), json!([{}]))).await);
    assert_eq!((failed.error.code.as_str(), failed.failure), ("response_too_slow", Failure::Timeout));
    let message = &failed.error.message;
    assert!(
        message.contains("100 bytes in 100ms (slowest)") && message.contains("3 bytes of it"),
        "{message}"
    );
}

#[tokio::test]
async fn an_answer_that_is_not_whole_in_time_says_how_much_came() {
    let head = b"HTTP/1.1 200 X\r\ncontent-type: text/plain\r\n\r\nabc";
    let server = RawServer::start(|_| Reply::Hanging(head.to_vec())).await;
    let node = json!({
        "id": "call", "type": "http_request", "data": {"params": {"url": server.url()}, "timeout": "200ms"},
    });
    let failed = failed(runner().run(node_attempt(node, json!([{}]))).await);
    assert_eq!((failed.error.code.as_str(), failed.failure), ("timeout", Failure::Timeout));
    assert!(failed.error.message.contains("time limit"), "{}", failed.error.message);
    assert!(failed.error.message.contains("3 bytes of it had come"), "{}", failed.error.message);
}

#[tokio::test]
async fn an_answer_that_says_it_is_too_large_is_not_waited_for() {
    let head = b"HTTP/1.1 200 X\r\ncontent-length: 104857600\r\n\r\nabc";
    let server = RawServer::start(|_| Reply::Hanging(head.to_vec())).await;
    let began = Instant::now();
    let failed = failed(run(json!({"url": server.url()}), json!([{}])).await);
    assert_eq!((failed.error.code.as_str(), failed.failure), ("response_too_large", Failure::Permanent));
    assert!(began.elapsed() < Duration::from_secs(10), "it was waited for");
}

#[tokio::test]
async fn a_bomb_is_named_with_the_limit_however_often_it_is_packed() {
    let zeros = vec![0; 8 * 1024 * 1024];
    for (encoding, body) in [
        ("gzip", gzip(&zeros)),
        ("zstd", zstd::stream::encode_all(&zeros[..], 3).unwrap()),
        ("gzip, gzip", gzip(&gzip(&zeros))),
    ] {
        let failed = refused(200, &format!("content-encoding: {encoding}\r\n"), body).await;
        assert_eq!((failed.error.code.as_str(), failed.failure), ("response_too_large", Failure::Permanent));
        let message = &failed.error.message;
        assert!(message.contains("decoded from") && message.contains("4194304 bytes"), "{message}");
    }
}
