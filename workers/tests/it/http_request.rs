//! `http_request` against real sockets.

use std::{
    io::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::retry::Failure;
use minireipaz::clock::SystemClock;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use wiremock::{
    Match, Mock, MockServer, Request, ResponseTemplate,
    matchers::{body_json, body_string, header, method, path, query_param},
};
use workers::runner::{Runner, RunnerSettings};

use crate::{
    raw_server::RawServer,
    steps::{attempt, failed, node_attempt, run, runner, succeeded},
};

#[tokio::test]
async fn a_call_an_item_in_order_with_its_own_values() {
    let server = MockServer::start().await;
    for (sku, price, delay) in [("a", 1, 150), ("b", 2, 0), ("c", 3, 50)] {
        Mock::given(method("POST"))
            .and(path(format!("/prices/{sku}")))
            .and(query_param("q", "x y"))
            .and(query_param("sku", sku))
            .and(header("x-shop", "7"))
            .and(header("content-type", "application/json"))
            .and(body_json(json!({"sku": sku, "count": 1})))
            .respond_with(
                ResponseTemplate::new(200)
                    .set_delay(Duration::from_millis(delay))
                    .set_body_json(json!({"price": price})),
            )
            .expect(1)
            .mount(&server)
            .await;
    }
    let params = json!({
        "method": "POST", "url": format!("{}/prices/{{{{ $json.sku }}}}", server.uri()), "query": {"q": "x y", "{{ 'sku' }}": "{{ $json.sku }}"},
        "headers": {"X-{{ 'Shop' }}": "{{ 3 + 4 }}"}, "body": {"json": {"{{ 's' + 'ku' }}": "{{ $json.sku }}", "count": "{{ 1 }}"}},
    });
    let began = Instant::now();
    let found = succeeded(run(params, json!([{"sku": "a"}, {"sku": "b"}, {"sku": "c"}])).await);
    assert_eq!(found, json!([{"price": 1}, {"price": 2}, {"price": 3}]));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_list_becomes_an_item_an_element_and_a_full_answer_is_one() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(201)
        .set_body_json(json!([{"n": 1}, 2]))
        .insert_header("set-cookie", "session=hush")
        .insert_header("x-total", "2");
    Mock::given(path("/list")).respond_with(answer).mount(&server).await;
    let url = format!("{}/list", server.uri());
    assert_eq!(succeeded(run(json!({"url": url}), json!([{}])).await), json!([{"n": 1}, {"data": 2}]));

    let full = succeeded(run(json!({"url": url, "response": {"full": true}}), json!([{}])).await);
    assert_eq!(full[0]["status"], 201);
    assert_eq!(full[0]["body"], json!([{"n": 1}, 2]));
    assert_eq!(full[0]["headers"]["x-total"], "2");
    assert_eq!(full[0]["headers"]["set-cookie"], json!(["session=hush"]));
}

#[tokio::test]
async fn bodies_are_sent_as_what_they_are() {
    let server = MockServer::start().await;
    struct Multipart;
    impl Match for Multipart {
        fn matches(&self, request: &Request) -> bool {
            let body = String::from_utf8_lossy(&request.body);
            let kind = request.headers["content-type"].to_str().unwrap_or_default();
            kind.starts_with("multipart/form-data; boundary=")
                && body.contains("name=\"note\"\r\n\r\nhello\r\n")
                && body.contains("filename=\"a.txt\"\r\nContent-Type: text/csv\r\n\r\n1,2\r\n")
        }
    }
    let ok = || ResponseTemplate::new(204);
    let form = header("content-type", "application/x-www-form-urlencoded");
    Mock::given(path("/form"))
        .and(form)
        .and(body_string("a=1&a=2&b=x+y"))
        .respond_with(ok())
        .expect(1)
        .mount(&server)
        .await;
    let text = header("content-type", "text/csv");
    Mock::given(path("/text"))
        .and(text)
        .and(body_string("1,2"))
        .respond_with(ok())
        .expect(1)
        .mount(&server)
        .await;
    let bytes = header("content-type", "application/octet-stream");
    Mock::given(path("/bytes"))
        .and(bytes)
        .and(body_string("hi"))
        .respond_with(ok())
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(path("/parts")).and(Multipart).respond_with(ok()).expect(1).mount(&server).await;
    for (at, body, headers) in [
        ("form", json!({"form": {"a": [1, 2], "b": "x y"}}), json!({})),
        ("text", json!({"text": "1,2"}), json!({"content-type": "text/csv"})),
        ("bytes", json!({"base64": "aGk="}), json!({})),
        (
            "parts",
            json!({"multipart": {"note": "hello", "file": {"text": "1,2", "filename": "a.txt", "content_type": "text/csv"}}}),
            json!({}),
        ),
    ] {
        let params = json!({"method": "POST", "url": format!("{}/{at}", server.uri()), "body": body, "headers": headers});
        assert_eq!(succeeded(run(params, json!([{}])).await), json!([{}]), "{at}");
    }
}

#[tokio::test]
async fn a_refusal_is_final_and_its_error_tells_all_but_secrets() {
    let server = MockServer::start().await;
    let answer =
        ResponseTemplate::new(404).set_body_json(json!({"error": "no", "you_sent": "Bearer hush-hush"}));
    Mock::given(path("/gone")).respond_with(answer).expect(1).mount(&server).await;
    let params = json!({
        "url": format!("{}/gone?token=hush-hush", server.uri()), "headers": {"authorization": "Bearer hush-hush"},
    });
    let failed = failed(run(params, json!([{}])).await);
    assert_eq!(failed.failure, Failure::Permanent);
    assert_eq!(failed.error.code, "http_status");
    assert_eq!(failed.error.message, format!("GET {}/gone answered 404 Not Found", server.uri()));
    let details = failed.error.details.clone().unwrap();
    assert_eq!((&details["status"], &details["body"]["error"]), (&json!(404), &json!("no")));
    assert!(!format!("{failed:?}").contains("hush"), "{failed:?}");
}

#[tokio::test]
async fn a_rate_limit_is_tried_again_when_the_server_says() {
    let server = MockServer::start().await;
    let limited = ResponseTemplate::new(429).insert_header("retry-after", "7");
    Mock::given(path("/limited")).respond_with(limited).mount(&server).await;
    let failed = failed(run(json!({"url": format!("{}/limited", server.uri())}), json!([{}])).await);
    assert_eq!(failed.failure, Failure::RateLimited { retry_after: Some(Duration::from_secs(7)) });
    assert_eq!(failed.error.details.unwrap()["retry_after_ms"], 7_000);
}

#[tokio::test]
async fn the_next_attempt_repeats_only_what_is_not_done_with_the_same_key() {
    let server = MockServer::start().await;
    let key = |item: usize| {
        header("idempotency-key", format!("00000000-0000-0000-0000-000000000007:call:{item}").as_str())
    };
    let ok = |n: usize| ResponseTemplate::new(200).set_body_json(json!({ "n": n }));
    Mock::given(path("/0")).and(key(0)).respond_with(ok(0)).expect(1).mount(&server).await;
    Mock::given(path("/1"))
        .and(key(1))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(1)
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(path("/1")).and(key(1)).respond_with(ok(1)).expect(1).mount(&server).await;
    Mock::given(path("/2"))
        .and(key(2))
        .respond_with(ResponseTemplate::new(400))
        .expect(1)
        .mount(&server)
        .await;
    let mut attempt = node_attempt(
        json!({
            "id": "call", "type": "http_request",
            "data": {"params": {"url": format!("{}/{{{{ $json.at }}}}", server.uri())}, "on_error": "error_port"},
        }),
        json!([{"at": 0}, {"at": 1}, {"at": 2}]),
    );
    let runner = runner();
    let first = failed(runner.run(attempt.clone()).await);
    assert_eq!(first.failure, Failure::Server { retry_after: None });
    assert!(first.error.message.starts_with("item 1: GET"), "{}", first.error.message);
    assert_eq!(first.fallback.as_ref().unwrap().ports["main"].len(), 1);
    assert_eq!(first.fallback.as_ref().unwrap().ports["error"].len(), 2);

    attempt.task.kept = first.partial.map(Arc::new);
    attempt.task.attempt = 2;
    let second = failed(runner.run(attempt).await);
    assert_eq!(second.failure, Failure::Permanent);
    assert_eq!(json!(second.fallback.as_ref().unwrap().ports["main"]), json!([{"n": 0}, {"n": 1}]));
    let left = json!(second.fallback.as_ref().unwrap().ports["error"]);
    assert_eq!((&left[0]["at"], &left[0]["error"]["code"]), (&json!(2), &json!("http_status")));
    assert_eq!(left[0]["error"]["details"]["status"], 400);
}

#[tokio::test]
async fn failed_items_go_on_in_their_place_under_continue() {
    let server = MockServer::start().await;
    Mock::given(path("/1")).respond_with(ResponseTemplate::new(410)).mount(&server).await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"ok": true})))
        .mount(&server)
        .await;
    let node = json!({
        "id": "call", "type": "http_request",
        "data": {"params": {"url": format!("{}/{{{{ $json.at }}}}", server.uri())}, "on_error": "continue"},
    });
    let failed = failed(runner().run(node_attempt(node, json!([{"at": 0}, {"at": 1}, {"at": 2}]))).await);
    let main = json!(failed.fallback.as_ref().unwrap().ports["main"]);
    assert_eq!((&main[0]["ok"], &main[2]["ok"]), (&json!(true), &json!(true)));
    assert_eq!((&main[1]["at"], &main[1]["error"]["code"]), (&json!(1), &json!("http_status")));
    assert_eq!(
        failed.fallback.as_ref().unwrap().ports.keys().map(|port| &**port).collect::<Vec<_>>(),
        ["main"]
    );
}

#[tokio::test]
async fn the_first_final_failure_decides_a_step_that_must_not_fail() {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(404)).mount(&server).await;
    let items: Vec<Value> = (0..500).map(|_| json!({})).collect();
    let failed = failed(run(json!({"url": server.uri()}), json!(items)).await);
    assert_eq!((failed.failure, failed.fallback), (Failure::Permanent, None));
    let calls = server.received_requests().await.unwrap().len();
    assert!(calls < 50, "{calls} calls were made after the step was decided");
}

#[tokio::test]
async fn a_slow_answer_is_a_timeout_and_the_quick_ones_are_kept() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
    Mock::given(path("/slow")).respond_with(slow).mount(&server).await;
    Mock::given(path("/quick"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"q": 1})))
        .mount(&server)
        .await;
    let node = json!({
        "id": "call", "type": "http_request",
        "data": {"params": {"url": format!("{}/{{{{ $json.at }}}}", server.uri())}, "timeout": "300ms"},
    });
    let failed = failed(runner().run(node_attempt(node, json!([{"at": "slow"}, {"at": "quick"}]))).await);
    assert_eq!((failed.error.code.as_str(), failed.failure), ("timeout", Failure::Timeout));
    assert!(failed.error.message.contains("time limit"), "{}", failed.error.message);
    assert_eq!(failed.partial.unwrap()["items"]["1"], json!({"done": [{"q": 1}]}));
}

async fn raw_server(answer: Vec<u8>) -> String {
    RawServer::of(answer).await.url().to_owned()
}

#[tokio::test]
async fn a_cut_connection_and_a_closed_port_are_connection_failures() {
    let half = raw_server(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec()).await;
    let none = raw_server(Vec::new()).await;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    for url in [half, none, closed, "http://name.invalid/".to_owned()] {
        let failed = failed(run(json!({ "url": url }), json!([{}])).await);
        assert_eq!(
            (failed.error.code.as_str(), failed.failure),
            ("connection", Failure::Connection),
            "{failed:?}"
        );
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_unpacked_is_not_asked_for_again() {
    let broken =
        raw_server(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\nnot gzip at all".to_vec()).await;
    let failed = failed(run(json!({ "url": broken }), json!([{}])).await);
    assert_eq!((failed.error.code.as_str(), failed.failure), ("invalid_response", Failure::Permanent));
}

#[tokio::test]
async fn answers_that_are_too_large_are_cut_off_zipped_or_not() {
    let zeros = vec![b'0'; 1024 * 1024];
    let mut plain = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    (0..6).for_each(|_| plain.extend_from_slice(&zeros));
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    (0..200).for_each(|_| zip.write_all(&zeros).unwrap());
    let bomb = zip.finish().unwrap();
    assert!(bomb.len() < 1024 * 1024);
    let mut zipped = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n".to_vec();
    zipped.extend_from_slice(&bomb);
    for answer in [plain, zipped] {
        let failed = failed(run(json!({"url": raw_server(answer).await}), json!([{}])).await);
        assert_eq!(failed.error.code, "response_too_large");
        assert!(failed.error.message.contains("max_response_bytes"), "{}", failed.error.message);
        assert_eq!(failed.failure, Failure::Permanent);
    }
}

#[tokio::test]
async fn a_destination_that_keeps_failing_is_left_alone_for_a_while() {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(500)).expect(3).mount(&server).await;
    let mut settings = RunnerSettings::default();
    settings.http.allow = "127.0.0.1".parse().unwrap();
    settings.http.breaker.failures = 3;
    let runner = Runner::new(settings, Arc::new(SystemClock)).unwrap();
    let params = json!({"url": server.uri()});
    for _ in 0..3 {
        let failed = failed(runner.run(attempt("http_request", params.clone(), json!([{}]))).await);
        assert_eq!(failed.failure, Failure::Server { retry_after: None });
    }
    let failed = failed(runner.run(attempt("http_request", params, json!([{}]))).await);
    assert_eq!(failed.error.code, "rejected");
    assert!(
        matches!(failed.failure, Failure::Rejected { retry_after: Some(after) } if after > Duration::ZERO)
    );
}

#[tokio::test]
async fn the_authors_idempotency_key_wins_and_accepted_statuses_are_answers() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(409).set_body_json(json!({"known": true}));
    Mock::given(header("idempotency-key", "order-1")).respond_with(answer).expect(1).mount(&server).await;
    let params = json!({
        "url": server.uri(), "headers": {"Idempotency-Key": "order-{{ $json.id }}"}, "accept_status": ["2xx", 409],
    });
    assert_eq!(succeeded(run(params, json!([{"id": 1}])).await), json!([{"known": true}]));
}

#[tokio::test]
async fn no_items_are_no_calls() {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&server).await;
    assert_eq!(succeeded(run(json!({"url": server.uri()}), json!([])).await), json!([]));
}
