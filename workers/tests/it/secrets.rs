//! What a call uses is in none of what is stored about it, however a server repeats it.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::run::{RunWithSteps, StepStatus};
use http::HeaderValue;
use minireipaz::clock::SystemClock;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};
use workers::{
    engine::Outcome,
    runner::{Runner, RunnerSettings},
};

use crate::{
    app::{App, Task, step},
    echo::{Echo, forms_of},
    steps::{attempt, failed, node_attempt, run, runner, settings},
};

/// Also what encodings change.
const SECRETS: [&str; 3] =
    ["SEKRET9x7qPlainAndLong", "SEKRET\"9x\\7q'<&> and more", "SEKRET/9x+7q==%41&c=d;e,f g"];

/// What a secret is in an address.
fn in_address(secret: &str) -> String {
    forms_of(secret)[1].clone()
}

/// Every place of a request that a secret may have; the last ones are no place of secrets unless it looks like one.
fn places(echo: &Echo, form: &str, secret: &str) -> Vec<(&'static str, Value)> {
    let url = format!("http://{}/{form}", echo.addr);
    let post = |body: Value| json!({"method": "POST", "url": url, "body": body});
    let header = |name: &str, value: String| json!({"url": url, "headers": {name: value}});
    let encoded = in_address(secret);
    let address = |user: &str, query: &str| format!("http://{user}{}/{form}{query}", echo.addr);
    let basic = BASE64_STANDARD.encode(format!("bob:{secret}"));
    let mut places = vec![
        ("bearer", header("Authorization", format!("Bearer {secret}"))),
        ("basic", header("Authorization", format!("Basic {basic}"))),
        ("key", header("X-API-Key", secret.to_owned())),
        ("another name", header("X-Shop-Auth", secret.to_owned())),
        ("user and password", json!({"url": address(&format!("bob:{encoded}@"), "")})),
        ("user alone", json!({"url": address(&format!("{encoded}@"), "")})),
        ("address", json!({"url": address("", &format!("?page=2&access_token={encoded}"))})),
        ("query", json!({"url": url, "query": {"api_key": secret, "page": 2}})),
        ("form", post(json!({"form": {"password": secret, "name": "bob"}}))),
        ("JSON", post(json!({"json": {"name": "bob", "client_secret": secret}}))),
        (
            "deep JSON",
            post(json!({"json": [{"auth": {"any": [secret]}}, {"name": "token", "value": secret}]})),
        ),
        ("JSON as text", post(json!({"text": json!({"a": {"password": secret}}).to_string()}))),
        ("form as text", post(json!({"text": format!("a=b&token={encoded}&c=d")}))),
        ("bytes", post(json!({"base64": BASE64_STANDARD.encode(json!({"sessionKey": secret}).to_string())}))),
        ("parts", post(json!({"multipart": {"secret": secret, "file": {"text": "a", "filename": "f.txt"}}}))),
        ("redirect", json!({"url": format!("http://{}/away/{form}?x={encoded}", echo.addr)})),
    ];
    if !secret.contains(';') {
        places.push(("cookie", header("Cookie", format!("theme=dark; sid={secret}; a=b"))));
    }
    if secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        places.push(("header of any name", header("X-Custom", secret.to_owned())));
        places.push(("field of any name", post(json!({"form": {"note": secret}}))));
        places.push(("part of any name", post(json!({"multipart": {"note": secret}}))));
        places.push((
            "piece of the path",
            json!({"url": format!("http://{}/hooks/{secret}/{form}", echo.addr)}),
        ));
        places.push(("XML", post(json!({"text": format!("<a><password>{secret}</password></a>")}))));
    }
    places
}

fn assert_hidden(text: &str, secret: &str, what: &str) {
    for form in forms_of(secret) {
        assert!(!text.contains(&form), "{what}: {form} is in\n{text}");
    }
    assert!(!text.contains("SEKRET9"), "{what}: a piece of the secret is in\n{text}");
}

#[tokio::test]
async fn an_error_tells_no_secret_from_any_place_in_any_form() {
    let echo = Echo::start().await;
    let mut settings = RunnerSettings::default();
    settings.http.allow = "127.0.0.1".parse().unwrap();
    settings.http.breaker.failures = u32::MAX;
    let runner = Runner::new(settings, Arc::new(SystemClock)).unwrap();
    for secret in SECRETS {
        for form in Echo::FORMS {
            for (place, params) in places(&echo, form, secret) {
                let failed = failed(runner.run(attempt("http_request", params, json!([{}]))).await);
                let told = json!([failed.error, failed.partial]).to_string();
                assert_eq!(failed.fallback, None);
                let what = format!("{place}, repeated as {form}");
                assert_hidden(&told, secret, &what);
                assert!(!told.contains("SEKRET"), "{what}: {told}");
                if form != "broken" {
                    assert!(told.contains("[redacted]"), "{what}: it tells what was repeated: {told}");
                    let origin = echo.addr.to_string();
                    assert!(failed.error.message.contains(&origin), "{what}: it says who was called: {told}");
                }
            }
        }
    }
}

#[tokio::test]
async fn an_error_still_tells_what_is_no_secret() {
    let echo = Echo::start().await;
    let params = json!({
        "method": "POST", "url": format!("http://{}/json?page=2&token=hush-hush", echo.addr),
        "headers": {"X-Api-Key": "abc", "X-Shop": "7"}, "body": {"json": {"sku": "A1", "password": "x"}},
    });
    let failed = failed(runner().run(attempt("http_request", params, json!([{}]))).await);
    let details = failed.error.details.unwrap();
    assert_eq!(details["body"]["target"], "/json?page=2&token=[redacted]");
    assert_eq!(details["body"]["body"], r#"{"sku":"A1","password":"[redacted]"}"#);
    let headers = details["body"]["headers"].as_array().unwrap();
    assert!(headers.contains(&json!(["x-api-key", "[redacted]"])), "{details}");
    assert!(headers.contains(&json!(["x-shop", "7"])), "{details}");
}

#[tokio::test]
async fn parameters_that_are_wrong_are_named_without_their_secrets() {
    let mut settings = RunnerSettings::default();
    settings.env.insert("REGION_NAME".into(), "eu-central-9".into());
    let runner = Runner::new(settings, Arc::new(SystemClock)).unwrap();
    for params in [
        json!({"url": "http://h/", "method": "{{ $env.REGION_NAME }}"}),
        json!({"url": "{{ 'http://h/?token=hush-hush' }}", "method": "{{ 'hush-hush' }}"}),
        json!({"url": "http://h/", "headers": {"Authorization": "Bearer hush-hush"}, "method": "{{ 'hush-hush' }}"}),
        json!({"url": "http://h/{{ JSON.parse($env.REGION_NAME) }}"}),
    ] {
        let failed = failed(runner.run(attempt("http_request", params.clone(), json!([{}]))).await);
        let told = json!(failed.error).to_string();
        assert!(!told.contains("hush-hush") && !told.contains("eu-central-9"), "{params}: {told}");
    }
}

#[tokio::test]
async fn what_comes_from_the_environment_is_in_no_error_of_any_node() {
    let mut settings = settings();
    settings.env.insert("REGION_NAME".into(), "eu-central-9".into());
    let runner = Runner::new(settings, Arc::new(SystemClock)).unwrap();
    let thrown = "{{ (() => { throw new Error('no ' + $env.REGION_NAME) })() }}";
    for (kind, params) in [
        ("set", json!({"fields": {"a": thrown}})),
        ("wait", json!({"for": thrown})),
        ("wait", json!({"for": "{{ $env.REGION_NAME }}"})),
        ("fail", json!({"message": thrown})),
        ("if", json!({"where": {"left": thrown, "op": "lte", "right": 1}})),
        ("filter", json!({"where": {"left": "a", "op": "matches", "right": "{{ $env.REGION_NAME + '(' }}"}})),
    ] {
        let failed = failed(runner.run(attempt(kind, params.clone(), json!([{}]))).await);
        let told = json!(failed.error).to_string();
        assert!(!told.contains("eu-central-9"), "{kind} {params}: {told}");
        assert!(told.contains("[redacted]"), "{kind} {params}: {told}");
    }
}

#[tokio::test]
async fn an_error_tells_no_secret_of_an_address_that_a_header_of_the_answer_names() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(503)
        .insert_header(
            "link",
            "<https://u:hush-1@h/?page=2&token=hush-2>; rel=next, <HTTPS://h/?sig=hush-3>; rel=a",
        )
        .insert_header("refresh", "5; url=https://u:hush-4@h/?key=hush-5")
        .insert_header("content-location", "/p?page=2&code=hush-6")
        .insert_header("x-name", HeaderValue::from_bytes(b"M\xfcller").unwrap());
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let failed = failed(run(json!({"url": server.uri()}), json!([{}])).await);
    let headers = &failed.error.details.unwrap()["headers"];
    assert!(!headers.to_string().contains("hush-"), "{headers}");
    assert_eq!(headers["content-location"], "/p?page=2&code=[redacted]");
    assert_eq!(headers["x-name"], "Müller");
}

#[tokio::test]
async fn items_that_go_on_with_their_error_carry_no_secret_of_the_call() {
    let echo = Echo::start().await;
    let params = json!({"url": format!("http://{}/text", echo.addr), "headers": {"X-Api-Key": SECRETS[0]}});
    for on_error in ["continue", "error_port"] {
        let node =
            json!({"id": "call", "type": "http_request", "data": {"params": params, "on_error": on_error}});
        let Outcome::Failed(failed) = runner().run(node_attempt(node, json!([{"a": 1}, {"a": 2}]))).await
        else {
            panic!("it fails");
        };
        let fallback = json!(failed.fallback.unwrap().ports).to_string();
        assert!(fallback.contains("[redacted]"), "{fallback}");
        assert_hidden(&fallback, SECRETS[0], on_error);
    }
}

#[tokio::test]
async fn what_comes_from_the_environment_is_neither_in_the_journal_nor_in_the_rows() {
    let (secret, password) = ("SEKRET9x7qFromOutside", "SEKRET9/of the+store");
    let app = App::start_with(|config| {
        let env = &mut config.runner.env;
        env.insert("TOKEN".into(), secret.into());
        env.insert("STORE_URL".into(), format!("db://bob:{}@store.example/x", in_address(password)));
    })
    .await;
    let echo = Echo::start().await;
    let params = json!({
        "method": "POST", "url": format!("http://{}/escaped", echo.addr),
        "headers": {"X-Any": "{{ $env.TOKEN }}"},
        "body": {"json": {"a": "{{ $env.TOKEN }}", "b": "{{ $env.STORE_URL }}"}},
    });
    let retry = json!({"max_attempts": 2, "base": "1h", "max_delay": "1h"});
    let document = json!({
        "name": "Echo",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "call", "type": "http_request", "data": {"params": params, "retry": retry}},
        ],
        "edges": [{"source": "start", "target": "call"}],
    });
    let run = app.submit(&Task::new(&document)).await;
    let is_retried =
        |found: &RunWithSteps| found.steps.iter().any(|step| step.status == StepStatus::Retrying);
    let found = app.until("the first attempt's end", run, is_retried).await;
    let row = json!([found.run, step(&found, "call")]).to_string();
    let journal = std::fs::read(app.data().join("journal.redb")).unwrap();
    let journal = String::from_utf8_lossy(&journal);
    for (what, stored) in [("the row", &*row), ("the journal", &*journal)] {
        assert!(stored.contains("[redacted]"), "{what} has the error");
        assert_hidden(stored, secret, what);
        assert_hidden(stored, password, what);
    }
}
