//! Where `http_request` goes, and where it never does.

use std::sync::Arc;

use domain::retry::Failure;
use minireipaz::clock::SystemClock;
use serde_json::json;
use wiremock::{
    Match, Mock, MockServer, Request, ResponseTemplate,
    matchers::{header, method, path},
};
use workers::runner::{Runner, RunnerSettings};

use crate::steps::{attempt, failed, run, settings, succeeded};

#[tokio::test]
async fn no_way_leads_to_an_address_that_is_not_public() {
    let server = MockServer::start().await;
    let port = server.address().port();
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&server).await;
    let guarded = Runner::new(RunnerSettings::default(), Arc::new(SystemClock)).unwrap();
    for host in [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[::7f00:1]",
        "user:pass@127.0.0.1",
        "①②⑦.0.0.1",
    ] {
        let params = json!({"url": format!("http://{host}:{port}/")});
        let failed = failed(guarded.run(attempt("http_request", params, json!([{}]))).await);
        assert_eq!(failed.error.code, "address_blocked", "{host}: {:?}", failed.error);
        assert_eq!(failed.failure, Failure::Permanent);
        assert!(failed.error.message.contains("WORKER_HTTP_ALLOW") && !failed.error.message.contains("pass"));
    }
    for host in ["169.254.169.254", "10.0.0.1", "100.100.100.200", "[fd00:ec2::254]"] {
        let params = json!({"url": format!("http://{host}/latest/meta-data/")});
        let failed = failed(guarded.run(attempt("http_request", params, json!([{}]))).await);
        assert_eq!(failed.error.code, "address_blocked", "{host}");
    }
}

#[tokio::test]
async fn a_redirect_to_an_address_that_is_not_allowed_is_not_followed() {
    let server = MockServer::start().await;
    let inner = MockServer::start().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&inner).await;
    // Only 127.0.0.1 is allowed, so the same server by another address is a stranger.
    for location in [
        format!("http://127.0.0.2:{}/", inner.address().port()),
        format!("http://[::ffff:127.0.0.3]:{}/", inner.address().port()),
    ] {
        server.reset().await;
        let redirect = ResponseTemplate::new(302).insert_header("location", location.as_str());
        Mock::given(path("/go")).respond_with(redirect).mount(&server).await;
        let outcome = run(json!({"url": format!("{}/go", server.uri())}), json!([{}])).await;
        assert_eq!(failed(outcome).error.code, "address_blocked", "{location}");
    }
    server.reset().await;
    let file = ResponseTemplate::new(302).insert_header("location", "file:///etc/passwd");
    Mock::given(path("/go")).respond_with(file).mount(&server).await;
    let failed = failed(run(json!({"url": format!("{}/go", server.uri())}), json!([{}])).await);
    assert_eq!(failed.error.code, "invalid_redirect");
}

#[tokio::test]
async fn a_redirect_to_another_origin_carries_no_secrets() {
    let (server, other) = (MockServer::start().await, MockServer::start().await);
    struct NoSecrets;
    impl Match for NoSecrets {
        fn matches(&self, request: &Request) -> bool {
            let has = |name: &str| request.headers.contains_key(name);
            let secrets = ["authorization", "cookie", "x-api-key", "x-looks-like-one", "x-from-outside"];
            has("x-plain") && has("idempotency-key") && has("traceparent") && !secrets.into_iter().any(has)
        }
    }
    Mock::given(NoSecrets)
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"ok": 1})))
        .expect(1)
        .mount(&other)
        .await;
    let redirect = ResponseTemplate::new(302).insert_header("location", other.uri().as_str());
    Mock::given(header("authorization", "Bearer hush")).respond_with(redirect).expect(1).mount(&server).await;
    let headers = json!({
        "authorization": "Bearer hush", "cookie": "a=b", "x-api-key": "hush", "x-plain": "1",
        "x-looks-like-one": "SEKRETcustom9x7q", "x-from-outside": "as {{ $env.SHOP_CODE }}",
    });
    let mut settings = settings();
    settings.http.allow = "127.0.0.1".parse().unwrap();
    settings.env.insert("SHOP_CODE".into(), "from-outside".into());
    let runner = Runner::new(settings, Arc::new(SystemClock)).unwrap();
    let call = attempt("http_request", json!({"url": server.uri(), "headers": headers}), json!([{}]));
    assert_eq!(succeeded(runner.run(call).await), json!([{"ok": 1}]));
}

#[tokio::test]
async fn redirects_are_followed_as_told() {
    let server = MockServer::start().await;
    let to = |status: u16, location: &str| ResponseTemplate::new(status).insert_header("location", location);
    Mock::given(path("/a")).respond_with(to(302, "/b")).mount(&server).await;
    Mock::given(path("/b")).respond_with(to(307, "/c")).mount(&server).await;
    Mock::given(path("/c"))
        .and(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"c": 1})))
        .mount(&server)
        .await;
    Mock::given(path("/loop")).respond_with(to(302, "/loop")).mount(&server).await;
    let url = |at: &str| format!("{}{at}", server.uri());
    let post = json!({"method": "POST", "url": url("/a"), "body": {"text": "x"}});
    assert_eq!(succeeded(run(post, json!([{}])).await), json!([{"c": 1}]));

    let none = json!({"url": url("/a"), "redirects": "none", "response": {"full": true}});
    assert_eq!(succeeded(run(none, json!([{}])).await)[0]["headers"]["location"], "/b");

    for (params, expected) in [
        (json!({"url": url("/a"), "redirects": 1}), "more than 1 redirects"),
        (json!({"url": url("/loop")}), "more than 5 redirects"),
    ] {
        let failed = failed(run(params, json!([{}])).await);
        assert_eq!(failed.error.code, "too_many_redirects");
        assert!(failed.error.message.contains(expected), "{}", failed.error.message);
    }
}
