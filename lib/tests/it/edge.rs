//! Around every route: problems, limits, who may, origins, request ids, the platforms' paths.

use std::sync::Arc;

use axum::body::Body;
use domain::limits;
use http::{Method, Request, header};
use minireipaz::clock::SystemClock;
use minireipaz::{http::HttpConfig, store::memory::Call};
use serde_json::json;

use crate::app::{TestApp, greeting};

const WORKFLOWS: &str = "/api/v1/workflows";

fn post(app: &TestApp, content_type: &str, body: impl Into<Body>) -> Request<Body> {
    app.request(Method::POST, WORKFLOWS).header(header::CONTENT_TYPE, content_type).body(body.into()).unwrap()
}

#[tokio::test]
async fn broken_json_is_told_with_line_and_column() {
    let app = TestApp::start().await;
    let answer = app.send(post(&app, "application/json", "{\n  \"name\": oops\n}")).await;
    let detail = answer.problem(400, "invalid_json");
    assert!(detail.contains("line 2 column"), "{detail}");
    app.send(post(&app, "application/json", "")).await.problem(400, "invalid_json");
    app.send(post(&app, "application/json", "[".repeat(100_000))).await.problem(422, "too_deep");
    app.send(post(&app, "application/json", vec![0xff, 0xfe])).await.problem(400, "invalid_json");
    assert_eq!(app.bus.calls(), 0);
}

#[tokio::test]
async fn what_does_not_say_that_it_is_json_is_refused() {
    let app = TestApp::start().await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
        let answer = app.send(post(&app, kind, greeting().to_string())).await;
        answer.problem(415, "unsupported_media_type");
    }
    for kind in ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json"] {
        assert_eq!(app.send(post(&app, kind, greeting().to_string())).await.status, 201, "{kind}");
    }
    let mut compressed = post(&app, "application/json", "x");
    compressed.headers_mut().insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
    app.send(compressed).await.problem(415, "unsupported_encoding");
}

#[tokio::test]
async fn documents_are_read_by_their_mark_and_in_their_character_set() {
    let app = TestApp::start().await;
    let mut document = greeting();
    document["name"] = json!("Größe");
    let utf8 = document.to_string();
    let utf16 = |bytes: fn(u16) -> [u8; 2]| utf8.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let latin1 = utf8.chars().map(|c| u8::try_from(c).unwrap()).collect();
    for (kind, body) in [
        ("application/json", [b"\xef\xbb\xbf", utf8.as_bytes()].concat()),
        ("application/json", [b"\xff\xfe".to_vec(), utf16(u16::to_le_bytes)].concat()),
        ("application/json; charset=utf-16", [b"\xfe\xff".to_vec(), utf16(u16::to_be_bytes)].concat()),
        ("application/json; charset=\"UTF-16BE\"", utf16(u16::to_be_bytes)),
        ("application/json;charset=ISO-8859-1", latin1),
    ] {
        let answer = app.send(post(&app, kind, body)).await;
        assert_eq!((answer.status.as_u16(), &answer.body["name"]), (201, &json!("Größe")), "{kind}");
    }
    let detail = app.send(post(&app, "application/json", b"{\"name\": \"Gr\xf6\xdfe\"}".to_vec())).await;
    assert!(detail.problem(400, "invalid_json").contains("not text in UTF-8"));
    let unknown = app.send(post(&app, "application/json; charset=klingon", utf8)).await;
    assert!(unknown.problem(415, "unsupported_charset").contains("\"klingon\""));
}

#[tokio::test]
async fn a_blank_body_starts_a_run_as_none_does() {
    let app = TestApp::start().await;
    let path = format!("{WORKFLOWS}/{}/runs", app.workflow().await);
    for (body, input) in [
        (&b""[..], json!(null)),
        (b" \r\n", json!(null)),
        (b"\xef\xbb\xbf", json!(null)),
        (b"\xef\xbb\xbf{\"input\": {\"a\": 1}}", json!({"a": 1})),
    ] {
        let request = app.request(Method::POST, &path).header(header::CONTENT_TYPE, "application/json");
        let answer = app.send(request.body(body.to_vec().into()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), &answer.body["input"]), (202, &input), "{body:?}");
    }
}

#[tokio::test]
async fn a_body_of_two_megabytes_is_refused_with_the_limit_also_over_a_socket() {
    let app = TestApp::start().await;
    let mut document = greeting();
    document["notes"] = json!("x".repeat(2 * 1024 * 1024));
    let answer = app.post(WORKFLOWS, &document).await;
    let detail = answer.problem(413, "body_too_large");
    assert!(detail.contains(&limits::MAX_BODY_BYTES.to_string()), "{detail}");

    let server = app.listen().await;
    let client = reqwest::Client::new();
    let sent = client.post(server.url(WORKFLOWS)).bearer_auth(app.token()).json(&document).send();
    assert_eq!(sent.await.unwrap().status(), 413, "the client sees the answer, not a broken connection");
    assert_eq!(app.bus.calls(), 0);
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_problems_too() {
    let app = TestApp::start().await;
    app.get("/").await.problem(404, "route_not_found");
    app.get("/api/v1/nothing").await.problem(404, "route_not_found");
    app.get("/api/v1/runs").await.problem(404, "route_not_found");
    app.get("/api/v1/runs/7").await.problem(404, "run_not_found");
    let answer = app.send(app.request(Method::PATCH, WORKFLOWS).body(Body::empty()).unwrap()).await;
    answer.problem(405, "method_not_allowed");
    let mut allowed: Vec<_> = answer.header("allow").split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
}

#[tokio::test]
async fn a_panic_is_an_opaque_problem_and_the_next_request_is_served() {
    let app = TestApp::start().await;
    app.store.panic();
    let answer = app.get(WORKFLOWS).await;
    answer.problem(500, "internal");
    assert!(!answer.text.contains("tested panic"));
    assert_eq!(app.get("/api/v1/ping").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_ended_with_the_limit() {
    let app = TestApp::start().await;
    app.store.hang(Call::LIST_WORKFLOWS);
    let answer = app.get(WORKFLOWS).await;
    assert!(answer.problem(504, "timeout").contains("25 s"));
}

#[tokio::test]
async fn a_request_id_is_taken_over_or_made() {
    let app = TestApp::start().await;
    let with = |id: &'static str| {
        let request = app.request(Method::GET, "/nothing").header("x-request-id", id);
        app.send(request.body(Body::empty()).unwrap())
    };
    assert_eq!(with("abc-123").await.header("x-request-id"), "abc-123");
    for odd in ["", "a b", "<script>alert(1) </script>"] {
        let answer = with(odd).await;
        assert_eq!(answer.header("x-request-id").len(), 36, "{odd}");
        answer.problem(404, "route_not_found");
    }
    assert_eq!(app.get("/api/v1/ping").await.header("cache-control"), "no-store");
}

#[tokio::test]
async fn without_a_valid_token_or_its_scope_nothing_is_done() {
    let app = TestApp::start().await;
    let with = |authorization: String, method: Method, path: &'static str| {
        let request =
            Request::builder().method(method).uri(path).header(header::AUTHORIZATION, authorization);
        app.send(request.body(Body::from("{}")).unwrap())
    };
    let none = app.send(Request::get(WORKFLOWS).body(Body::empty()).unwrap()).await;
    none.problem(401, "token_missing");
    assert_eq!(none.header("www-authenticate"), "Bearer");
    with("Basic YTpi".into(), Method::GET, WORKFLOWS).await.problem(401, "token_missing");
    let broken = with("Bearer nonsense".into(), Method::GET, WORKFLOWS).await;
    broken.problem(401, "token_invalid");
    assert!(broken.header("www-authenticate").contains("invalid_token"));
    let expired = with(format!("Bearer {}", app.expired_token()), Method::GET, WORKFLOWS).await;
    expired.problem(401, "token_expired");

    let reader = format!("Bearer {}", app.token_with(&["workflows:read"]));
    assert_eq!(with(reader.clone(), Method::GET, WORKFLOWS).await.status, 200);
    let refused = with(reader, Method::POST, WORKFLOWS).await;
    assert_eq!(refused.problem(403, "missing_scope"), "missing scope workflows:write");
    assert!(refused.header("www-authenticate").contains("insufficient_scope"));
    let writer = format!("Bearer {}", app.token_with(&["runs:write"]));
    let unknown = "/api/v1/runs/018f3c3e-0000-7000-8000-000000000000";
    let refused = with(writer, Method::GET, unknown).await;
    assert_eq!(refused.problem(403, "missing_scope"), "missing scope runs:read");
    assert_eq!(app.bus.calls(), 0);
}

#[tokio::test]
async fn pages_of_configured_origins_may_use_the_api_and_others_may_not() {
    let config = HttpConfig { cors_origins: vec!["https://app.example".into()], ..HttpConfig::default() };
    let app = TestApp::with(Arc::new(SystemClock), config).await;
    let preflight = |origin: &'static str| {
        let request = Request::builder()
            .method(Method::OPTIONS)
            .uri("/api/v1/workflows/7")
            .header("origin", origin)
            .header("access-control-request-method", "PUT")
            .header("access-control-request-headers", "authorization,if-match");
        app.send(request.body(Body::empty()).unwrap())
    };
    let allowed = preflight("https://app.example").await;
    assert_eq!(allowed.status, 200);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example");
    assert!(allowed.header("access-control-allow-headers").contains("if-match"));
    assert_eq!(preflight("https://evil.example").await.header("access-control-allow-origin"), "");
    // Errors too can be read by the page.
    let request = Request::get("/nothing").header("origin", "https://app.example");
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    answer.problem(404, "route_not_found");
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example");
    assert!(answer.header("access-control-expose-headers").contains("etag"));
}

#[tokio::test]
async fn a_deep_ping_tells_which_part_is_down() {
    let app = TestApp::start().await;
    let shallow = app.send(Request::get("/api/v1/ping").body(Body::empty()).unwrap()).await;
    assert_eq!((shallow.status.as_u16(), &shallow.body["status"]), (200, &json!("ok")));
    assert!(shallow.body["version"].is_string());
    app.bus.set_down(true);
    let deep = app.get("/api/v1/ping?deep=true").await;
    assert_eq!(deep.problem(503, "part_down"), "not reached: the event bus");
    assert_eq!(app.get("/api/v1/ping").await.status, 200);

    let app = TestApp::start().await;
    let deep = app.get("/api/v1/ping?deep=true").await;
    assert_eq!(deep.body["parts"], json!({"bus": true, "store": true}));
}

#[tokio::test]
async fn the_platforms_forms_of_a_path_all_lead_to_the_route() {
    let app = TestApp::start().await;
    let id = app.workflow().await;
    for path in [
        format!("/api/v1/workflows/{id}"),
        format!("/api/v1/workflows/{id}?id={id}"),
        format!("/api/v1/workflows/%5Bid%5D?id={id}"),
        format!("/prod/api/v1/workflows/{id}"),
    ] {
        assert_eq!(app.get(&path).await.body["id"], id, "{path}");
    }
    let runs = format!("/api/v1/workflows/%5Bid%5D/runs?id={id}&limit=1");
    assert_eq!(app.post(&runs, &json!({})).await.status, 202);
    assert_eq!(app.get(&runs).await.status, 200);
    assert_eq!(app.get("/api/v1/workflows/index?limit=1").await.status, 200);
    app.get("/api/v1/workflows/%5Bid%5D?id=7").await.problem(404, "workflow_not_found");
}

#[tokio::test]
async fn a_body_in_many_pieces_is_read_and_one_that_is_cut_off_is_refused() {
    let app = TestApp::start().await;
    let text = greeting().to_string();
    let pieces = || text.as_bytes().chunks(7).map(|piece| Ok(piece.to_vec())).collect::<Vec<_>>();
    let whole = Body::from_stream(futures_util::stream::iter(pieces()));
    assert_eq!(app.send(post(&app, "application/json", whole)).await.status, 201);
    let cut = pieces().into_iter().take(3).chain([Err(std::io::Error::other("cut"))]);
    let cut = Body::from_stream(futures_util::stream::iter(cut));
    app.send(post(&app, "application/json", cut)).await.problem(400, "body_cut_off");
}

#[tokio::test]
async fn an_event_of_api_gateway_leads_to_the_route_with_and_without_a_stage() {
    let app = TestApp::start().await;
    let id = app.workflow().await;
    for (stage, prefix) in [("$default", ""), ("prod", ""), ("prod", "/prod")] {
        let path = format!("{prefix}/api/v1/workflows/{id}");
        let event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
            "headers": {"authorization": format!("Bearer {}", app.token()), "host": "api.example"},
            "requestContext": {
                "stage": stage, "domainName": "api.example", "requestId": "1", "accountId": "1", "apiId": "1",
                "http": {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "x"}
            },
            "isBase64Encoded": false
        });
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        let request = request.map(|_| Body::empty());
        assert_eq!(app.send(request).await.body["id"], id, "{stage} {prefix}");
    }
}
