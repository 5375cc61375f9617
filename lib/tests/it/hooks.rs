//! Webhooks: who may call, what a request becomes, and that one that is sent again is the same run.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use axum::body::Body;
use domain::{
    event::{Payload, RunRequested},
    ids::CredentialId,
    timestamp::Timestamp,
};
use files::{FileStore, FilesSettings};
use http::{Method, Request};
use minireipaz::{
    auth::HookKeys,
    clock::{Clock, ManualClock, SystemClock},
    hooks::SecretFields,
    http::HttpConfig,
};
use serde_json::{Value, json};
use url::Url;

use crate::app::{Answer, TestApp, acme};

pub const CREDENTIAL: &str = "018f3c3e-0000-7000-8000-000000000001";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

pub fn config() -> HttpConfig {
    HttpConfig { hooks: Some(HookKeys::new(&SECRET.into(), None).unwrap()), ..HttpConfig::default() }
}

pub async fn app() -> TestApp {
    TestApp::with(Arc::new(SystemClock), config()).await
}

/// A workflow with a webhook; gives its id and the webhook's paths.
pub async fn hook(app: &TestApp, params: Value) -> (String, String, String) {
    let document = workflow(&params, true);
    let saved = app.post("/api/v1/workflows", &document).await;
    assert_eq!(saved.status, 201, "{saved:?}");
    let id = saved.body["id"].as_str().unwrap().to_owned();
    let (live, test) = addresses(app, &id).await;
    (id, live, test)
}

fn workflow(params: &Value, active: bool) -> Value {
    json!({
        "name": "Hooked", "active": active,
        "nodes": [
            {"id": "hook", "type": "webhook", "data": {"params": params}},
            {"id": "end", "type": "noop"}
        ],
        "edges": [{"id": "e", "source": "hook", "target": "end"}]
    })
}

async fn addresses(app: &TestApp, workflow: &str) -> (String, String) {
    let found = app.get(&format!("/api/v1/workflows/{workflow}/hooks")).await;
    assert_eq!(found.status, 200, "{found:?}");
    let hook = &found.body["items"][0];
    assert_eq!(hook["node"], "hook");
    (hook["path"].as_str().unwrap().to_owned(), hook["test_path"].as_str().unwrap().to_owned())
}

/// A request of somebody without a token.
pub async fn send(
    app: &TestApp,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    app.send(request(method, path, headers, body)).await
}

pub fn request(method: Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_vec())).unwrap()
}

async fn post(app: &TestApp, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    send(app, Method::POST, path, headers, body).await
}

/// The runs that were asked for, each with its input.
pub fn requested(app: &TestApp) -> Vec<(RunRequested, Value)> {
    let of = |payload| match payload {
        Payload::RunRequested(requested) => {
            let input = requested.input.read().unwrap();
            Some((requested, input))
        }
        _ => None,
    };
    app.bus.events().into_iter().filter_map(|event| of(event.payload)).collect()
}

fn keep(app: &TestApp, fields: &[(&str, &str)]) {
    let fields: SecretFields = fields.iter().copied().collect();
    app.hook_secrets.keep(acme(), CREDENTIAL.parse::<CredentialId>().unwrap(), fields);
}

#[tokio::test]
async fn a_request_is_a_run_with_the_request_as_its_input() {
    let app = app().await;
    let (workflow, live, _) = hook(&app, json!({"path": "orders/:id"})).await;
    let path = format!("{live}/orders/7?a=1&a=2&b=x");
    let headers =
        [("content-type", "application/json"), ("authorization", "Bearer s3cret"), ("x-event", "paid")];
    let answer = post(&app, &path, &headers, br#"{"total": 12.5}"#).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let runs = requested(&app);
    let (run, input) = &runs[0];
    assert_eq!(answer.header("location"), format!("/api/v1/runs/{}", run.run_id));
    assert_eq!(answer.body, json!({"run_id": run.run_id}));
    assert_eq!((run.workflow_id.to_string(), run.trigger.kind.as_str()), (workflow, "webhook"));
    assert_eq!(run.trigger.node.as_ref().map(|node| node.as_str()), Some("hook"));
    assert_eq!(run.wanted_version, Some(1), "the version whose webhook took the request");
    assert_eq!(
        *input,
        json!({
            "headers": {"content-type": "application/json", "x-event": "paid"},
            "query": {"a": ["1", "2"], "b": "x"}, "params": {"id": "7"},
            "method": "POST", "path": "/orders/7", "body": {"total": 12.5},
        })
    );
    post(&app, &format!("{live}/other"), &[], b"").await.problem(404, "hook_not_found");
}

#[tokio::test]
async fn what_is_no_webhook_is_nowhere_whatever_the_reason() {
    let app = app().await;
    let (workflow, live, test) = hook(&app, json!({})).await;
    let inactive =
        app.put(&format!("/api/v1/workflows/{workflow}"), &self::workflow(&json!({}), false), "\"1\"").await;
    assert_eq!(inactive.status, 200, "{inactive:?}");
    let other = TestApp::start().await;
    let changed = if live.ends_with('A') { 'B' } else { 'A' };
    let mut told = Vec::new();
    for (app, path) in [
        (&app, live.clone()),
        (&app, "/api/v1/hooks/nonsense".to_owned()),
        (&app, format!("{}{changed}", &live[..live.len() - 1])),
        (&other, live.clone()),
    ] {
        let answer = post(app, &path, &[], b"").await;
        told.push(answer.problem(404, "hook_not_found").to_owned());
    }
    told.dedup();
    assert_eq!(told.len(), 1, "they cannot be told apart: {told:?}");
    assert!(requested(&app).is_empty());

    let tried = post(&app, &test, &[], b"").await;
    assert_eq!(tried.status, 202, "the address for trying runs it all the same: {tried:?}");
    let (run, _) = requested(&app).pop().unwrap();
    assert_eq!((run.trigger.kind.as_str(), run.wanted_version), ("test", Some(2)));
    assert_eq!(run.trigger.node.as_ref().map(|node| node.as_str()), Some("hook"));

    let deleted = app
        .send(
            app.request(Method::DELETE, &format!("/api/v1/workflows/{workflow}"))
                .header("if-match", "\"2\"")
                .body(Body::empty())
                .unwrap(),
        )
        .await;
    assert_eq!(deleted.status, 204, "{deleted:?}");
    post(&app, &test, &[], b"").await.problem(404, "hook_not_found");
}

#[tokio::test]
async fn an_address_is_exchanged_at_once_or_with_an_overlap_and_never_comes_back() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_763_971_200_000)));
    let app = TestApp::with(Arc::clone(&clock) as Arc<dyn Clock>, config()).await;
    let (workflow, first, _) = hook(&app, json!({})).await;
    let path = format!("/api/v1/workflows/{workflow}/hooks");
    let rotate = async |body: Value| {
        let rotated = app.post(&path, &body).await;
        assert_eq!(rotated.status, 200, "{rotated:?}");
        assert_eq!(addresses(&app, &workflow).await.0, rotated.body["path"].as_str().unwrap());
        rotated.body["path"].as_str().unwrap().to_owned()
    };
    let works = async |path: &str| post(&app, path, &[], b"").await.status == 202;
    assert!(works(&first).await);
    let second = rotate(json!({"node": "hook", "overlap": "1h"})).await;
    assert!(second != first && works(&first).await && works(&second).await, "both for an hour");
    clock.advance(Duration::from_secs(3_600));
    assert!(!works(&first).await && works(&second).await);
    let third = rotate(json!({"node": "hook"})).await;
    assert!(!works(&first).await && !works(&second).await && works(&third).await);
    // Another process, which knew the one before.
    clock.advance(Duration::from_secs(2));
    assert!(works(&third).await);
    app.post(&path, &json!({"node": "end"})).await.problem(404, "hook_not_found");
    let long = app.post(&path, &json!({"node": "hook", "overlap": "31d"})).await;
    assert_eq!(long.violations(), [("overlap", "invalid_value")]);
    let reader = app.token_with(&["workflows:read", "runs:write"]);
    let request = Request::get(&path).header("authorization", format!("Bearer {reader}"));
    app.send(request.body(Body::empty()).unwrap()).await.problem(403, "missing_scope");
}

#[tokio::test]
async fn a_webhook_takes_its_methods_and_answers_browsers() {
    let app = app().await;
    let params = json!({"methods": ["GET", "POST"], "allowed_origins": ["https://app.example"]});
    let (_, live, _) = hook(&app, params).await;
    let origin = ("origin", "https://app.example");
    let refused = send(&app, Method::PUT, &live, &[origin], b"").await;
    refused.problem(405, "method_not_allowed");
    assert_eq!(refused.header("allow"), "GET, POST, HEAD, OPTIONS");
    assert_eq!(refused.header("access-control-allow-origin"), "https://app.example", "also where it refuses");
    let head = send(&app, Method::HEAD, &live, &[], b"").await;
    assert_eq!((head.status.as_u16(), requested(&app).len()), (200, 0), "nothing is started by looking");
    let asked =
        [origin, ("access-control-request-method", "POST"), ("access-control-request-headers", "x-a")];
    let before = send(&app, Method::OPTIONS, &live, &asked, b"").await;
    assert_eq!(before.status, 204);
    assert_eq!(before.header("access-control-allow-methods"), "GET, POST, HEAD, OPTIONS");
    assert_eq!(before.header("access-control-allow-headers"), "x-a");
    let other = send(&app, Method::GET, &live, &[("origin", "https://other.example")], b"").await;
    assert_eq!((other.status.as_u16(), other.header("access-control-allow-origin")), (202, ""));
    assert_eq!(requested(&app).len(), 1);
}

#[tokio::test]
async fn only_who_shows_what_the_credential_says_is_let_in() {
    let app = app().await;
    let auth = json!({"auth": {"type": "header", "credential": CREDENTIAL}});
    let (_, live, _) = hook(&app, auth).await;
    let shown = [("x-api-key", "s3cret"), ("x-other", "kept")];
    let answer = post(&app, &live, &shown, b"").await;
    answer.problem(500, "hook_misconfigured");
    assert!(!answer.text.contains(CREDENTIAL), "{answer:?}");
    keep(&app, &[("name", "X-Api-Key"), ("value", "s3cret")]);
    post(&app, &live, &[("x-api-key", "wrong")], b"").await.problem(401, "hook_unauthorized");
    assert!(requested(&app).is_empty());
    assert_eq!(post(&app, &live, &shown, b"").await.status, 202);
    let (_, input) = requested(&app).pop().unwrap();
    assert_eq!(input["headers"], json!({"x-other": "kept"}));

    let auth = json!({"auth": {"type": "basic", "credential": CREDENTIAL}});
    let (_, live, _) = hook(&app, auth).await;
    keep(&app, &[("username", "ada"), ("password", "pw")]);
    let refused = post(&app, &live, &[], b"").await;
    refused.problem(401, "hook_unauthorized");
    assert!(refused.header("www-authenticate").starts_with("Basic "), "{refused:?}");
    assert_eq!(post(&app, &live, &[("authorization", "Basic YWRhOnB3")], b"").await.status, 202);
}

/// As GitHub signs.
fn signed(secret: &str, body: &[u8]) -> String {
    let code = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body);
    format!("sha256={}", code.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

#[tokio::test]
async fn a_delivery_that_is_sent_again_starts_nothing_in_whatever_process_and_a_forged_one_neither() {
    let app = app().await;
    let params = json!({"signature": {"preset": "github", "credential": CREDENTIAL}});
    let (_, live, _) = hook(&app, params).await;
    keep(&app, &[("secret", "shared")]);
    let body = br#"{"action": "opened"}"#;
    let signature = signed("shared", body);
    let delivery = |id: &'static str, trace: &'static str| {
        vec![
            ("x-hub-signature-256", signature.clone()),
            ("x-github-delivery", id.to_owned()),
            ("x-trace", trace.to_owned()),
        ]
    };
    let sent = async |app: &TestApp, headers: Vec<(&str, String)>, body: &[u8]| {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        post(app, &live, &headers, body).await
    };
    let first = sent(&app, delivery("a", "1"), body).await;
    assert_eq!(first.status, 202, "{first:?}");
    // What a proxy adds is not what makes it another one.
    let again = sent(&app, delivery("a", "2"), body).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    let beside = app.beside_as(config());
    beside.hook_secrets.keep(
        acme(),
        CREDENTIAL.parse().unwrap(),
        [("secret", "shared")].into_iter().collect(),
    );
    assert_eq!(sent(&beside, delivery("a", "3"), body).await.body, first.body);
    assert_eq!(requested(&app).len(), 1);
    assert_ne!(sent(&app, delivery("b", "1"), body).await.body, first.body);
    assert_eq!(requested(&app).len(), 2);
    sent(&app, delivery("c", "1"), br#"{"action": "closed"}"#).await.problem(401, "signature_invalid");
    post(&app, &live, &[], body).await.problem(401, "signature_missing");
    assert_eq!(requested(&app).len(), 2);
}

#[tokio::test]
async fn a_signature_counts_once_within_its_time_and_is_refused_or_new_after_that() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_763_971_200_000)));
    let app = TestApp::with(Arc::clone(&clock) as Arc<dyn Clock>, config()).await;
    keep(&app, &[("secret", "shared")]);
    let own = json!({"signature": {"header": "x-signature", "prefix": "sha256=", "credential": CREDENTIAL}});
    let (_, live, _) = hook(&app, own).await;
    let signature = signed("shared", b"same");
    // Whatever part of its turn has passed by then.
    clock.advance(Duration::from_secs(150));
    let sent = async || {
        post(&app, &live, &[("x-signature", signature.as_str())], b"same").await.body["run_id"].clone()
    };
    let first = sent().await;
    app.deliver_all().await;
    for _ in 0..4 {
        clock.advance(Duration::from_secs(70));
        assert_eq!(sent().await, first);
    }
    clock.advance(Duration::from_secs(300));
    assert_ne!(sent().await, first, "the same body may be sent again later");

    let timed = json!({"signature": {"preset": "slack", "credential": CREDENTIAL}});
    let (_, live, _) = hook(&app, timed).await;
    let time = (clock.now().as_millis() / 1_000).to_string();
    let signature = signed("shared", format!("v0:{time}:text=hi").as_bytes()).replace("sha256=", "v0=");
    let headers = [("x-slack-signature", signature.as_str()), ("x-slack-request-timestamp", time.as_str())];
    let before = requested(&app).len();
    for _ in 0..2 {
        assert_eq!(post(&app, &live, &headers, b"text=hi").await.status, 202);
    }
    assert_eq!(requested(&app).len(), before + 1);
    clock.advance(Duration::from_secs(301));
    post(&app, &live, &headers, b"text=hi").await.problem(401, "signature_expired");
}

#[tokio::test]
async fn a_client_may_name_its_request_where_none_is_signed() {
    let app = app().await;
    let (_, live, _) = hook(&app, json!({})).await;
    let key = [("idempotency-key", "order-7")];
    let first = post(&app, &live, &key, b"a").await;
    assert_eq!(post(&app, &live, &key, b"a").await.body, first.body);
    assert_ne!(post(&app, &live, &[], b"a").await.body, first.body);
    // Who knows the name alone gets nobody's answer.
    assert_ne!(post(&app, &live, &key, b"b").await.body, first.body);
    post(&app, &live, &[("idempotency-key", "a b")], b"").await.problem(400, "invalid_parameter");
    assert_eq!(requested(&app).len(), 3);
}

#[tokio::test]
async fn files_are_stored_under_their_tenant_and_referred_to() {
    let folder = tempfile::tempdir().unwrap();
    let store = FilesSettings::new(Url::from_directory_path(folder.path()).unwrap());
    let store = Arc::new(FileStore::open(&store).unwrap());
    let app =
        TestApp::with(Arc::new(SystemClock), HttpConfig { files: Some(Arc::clone(&store)), ..config() })
            .await;
    let (_, live, _) = hook(&app, json!({"raw_body": true})).await;
    let form = "--X\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhi\r\n\
                --X\r\nContent-Disposition: form-data; name=\"scan\"; filename=\"a.bin\"\r\n\r\n\u{0}\u{1}\r\n--X--\r\n";
    let kind = [("content-type", "multipart/form-data; boundary=X")];
    assert_eq!(post(&app, &live, &kind, form.as_bytes()).await.status, 202);
    let (_, input) = requested(&app).pop().unwrap();
    assert_eq!((&input["body"]["note"], &input["raw"]), (&json!("hi"), &json!(form)));
    let file = &input["body"]["scan"]["$file"];
    assert_eq!((&file["name"], &file["size"]), (&json!("a.bin"), &json!(2)));
    let id = file["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(store.size(&acme(), &id, SystemClock.now()).await.unwrap(), 2);

    post(&app, &live, &[("content-type", "application/json")], b"{\"$file\": 1}")
        .await
        .problem(422, "reserved_field");
    post(&app, &live, &[("content-type", "application/json")], b"{").await.problem(400, "invalid_body");
    post(&app, &live, &[("content-encoding", "gzip")], b"x").await.problem(415, "unsupported_encoding");
    let large = vec![b'x'; domain::limits::MAX_HOOK_BODY_BYTES + 1];
    let said = post(&app, &live, &[], &large).await;
    assert!(said.problem(413, "body_too_large").contains("MAX_HOOK_BODY_BYTES"), "{said:?}");
    let without = self::app().await;
    let (_, live, _) = hook(&without, json!({})).await;
    post(&without, &live, &[("content-type", "image/png")], b"x").await.problem(415, "no_file_store");
}

#[tokio::test]
async fn while_the_store_is_away_a_webhook_that_was_called_lately_goes_on() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_763_971_200_000)));
    let app = TestApp::with(Arc::clone(&clock) as Arc<dyn Clock>, config()).await;
    let (_, live, _) = hook(&app, json!({})).await;
    assert_eq!(post(&app, &live, &[], b"").await.status, 202);
    app.store.set_down(true);
    clock.advance(Duration::from_secs(60));
    assert_eq!(post(&app, &live, &[], b"").await.status, 202);
    clock.advance(Duration::from_secs(600));
    post(&app, &live, &[], b"").await.problem(503, "store_unavailable");
}
