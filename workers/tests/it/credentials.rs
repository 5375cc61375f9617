//! Credentials that calls show: to whom, and what is told of it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::{
    credential::{CredentialType, CredentialValues, Hosts},
    ids::{CredentialId, TenantId},
    run::{RunStatus, RunWithSteps},
};
use minireipaz::{
    clock::{Clock, SystemClock},
    credentials::{CredentialKeys, Purpose},
    store::{CredentialStore, StoredCredential},
};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, path},
};
use workers::WorkerConfig;

use crate::app::{App, Task, step};

const HUSH: &str = "SEKRET9x7q+/== with blanks";

/// What credentials are sealed with in tests.
pub(crate) fn keys() -> CredentialKeys {
    format!("test:{}", BASE64_STANDARD.encode([3; 32])).parse().unwrap()
}

pub(crate) fn with_keys(config: &mut WorkerConfig) {
    config.runner.credential_keys = Some(keys());
}

pub(crate) fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

/// Saves a credential as a function does.
pub(crate) async fn save(app: &App, kind: CredentialType, values: &Value, hosts: &[&str]) -> CredentialId {
    let (tenant, now) = (acme(), SystemClock.now());
    let id = CredentialId::at(now, rand::random());
    let grant = match CredentialValues::read(kind, values.as_object().unwrap()).unwrap() {
        CredentialValues::OAuth2(client) => Some(client.grant),
        _ => None,
    };
    let sealed = keys().seal(Purpose::Values, &(tenant.clone(), id), values.to_string().as_bytes());
    let hosts = Hosts(hosts.iter().map(|host| host.parse().unwrap()).collect());
    let name = "Test".to_owned();
    let saved = StoredCredential {
        id,
        name,
        kind,
        hosts,
        grant,
        version: 1,
        sealed,
        created_at: now,
        updated_at: now,
    };
    app.store.save_credential(&tenant, &saved).await.unwrap();
    id
}

fn call(mut params: Value, id: CredentialId) -> Task {
    params["credential"] = json!(id);
    let data = json!({"params": params, "retry": {"max_attempts": 1}});
    Task::new(&json!({
        "name": "Call",
        "nodes": [{"id": "start", "type": "manual"}, {"id": "call", "type": "http_request", "data": data}],
        "edges": [{"source": "start", "target": "call"}],
    }))
}

async fn run(app: &App, params: Value, id: CredentialId) -> RunWithSteps {
    let run = app.submit(&call(params, id)).await;
    app.ended(run).await
}

fn code_of(run: &RunWithSteps) -> &str {
    assert_eq!(run.run.status, RunStatus::Failed, "{run:?}");
    &run.run.error.as_ref().unwrap().code
}

/// A server that answers everything with 200.
async fn server() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"a": 1})))
        .mount(&server)
        .await;
    server
}

async fn shown(server: &MockServer) -> Vec<(String, Vec<(String, String)>)> {
    let requests = server.received_requests().await.unwrap();
    let read = |request: wiremock::Request| {
        let headers = request.headers.iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        (request.url.to_string(), headers)
    };
    requests.into_iter().map(read).collect()
}

fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

#[tokio::test]
async fn a_call_shows_what_the_credential_says_in_the_place_of_what_the_author_wrote() {
    let (app, server) = (App::start_with(with_keys).await, server().await);
    let basic = BASE64_STANDARD.encode("ada:p:ä");
    for (kind, values, name, value) in [
        (
            CredentialType::HttpBasic,
            json!({"username": "ada", "password": "p:ä"}),
            "authorization",
            format!("Basic {basic}"),
        ),
        (CredentialType::HttpBearer, json!({"token": "hush-1"}), "authorization", "Bearer hush-1".to_owned()),
        (
            CredentialType::HttpHeader,
            json!({"name": "X-Key", "value": "Token {{ hush }}"}),
            "x-key",
            "Token {{ hush }}".to_owned(),
        ),
    ] {
        let id = save(&app, kind, &values, &[]).await;
        let params = json!({"url": format!("{}/a", server.uri()), "headers": {"Authorization": "mine", "X-Key": "mine"}});
        let found = run(&app, params, id).await;
        assert_eq!(found.run.status, RunStatus::Succeeded, "{found:?}");
        let (_, headers) = shown(&server).await.pop().unwrap();
        assert_eq!(header(&headers, name), Some(&*value), "{kind}");
    }
    let id = save(&app, CredentialType::HttpQuery, &json!({"name": "api key", "value": "a&b"}), &[]).await;
    run(&app, json!({"url": format!("{}/a?x=1&api+key=mine&y=2", server.uri())}), id).await;
    let (url, _) = shown(&server).await.pop().unwrap();
    assert!(url.ends_with("/a?x=1&y=2&api+key=a%26b"), "{url}");
}

#[tokio::test]
async fn a_credential_is_shown_to_its_hosts_alone_and_goes_nowhere_with_a_redirect_or_a_page() {
    let (app, home, abroad) = (App::start_with(with_keys).await, MockServer::start().await, server().await);
    let away = format!("{}/there", abroad.uri());
    let redirect = ResponseTemplate::new(307).insert_header("location", away.as_str());
    Mock::given(path("/away")).respond_with(redirect).mount(&home).await;
    let next = ResponseTemplate::new(200).set_body_json(json!({"next": away}));
    Mock::given(path("/pages")).respond_with(next).mount(&home).await;
    // A short one, in a header whose name says nothing.
    let values = json!({"name": "X-Any", "value": "abc"});
    let bound = save(&app, CredentialType::HttpHeader, &values, &["api.example.com", "*.example.org"]).await;
    let refused = run(&app, json!({"url": format!("{}/a", abroad.uri())}), bound).await;
    assert_eq!(code_of(&refused), "credential_host");
    assert!(shown(&abroad).await.is_empty());
    let here = save(&app, CredentialType::HttpHeader, &values, &["127.0.0.1"]).await;
    for params in [
        json!({"url": format!("{}/away", home.uri())}),
        json!({"url": format!("{}/pages", home.uri()), "pagination": {"next_url": "{{ $response.body.next }}", "max_pages": 2}}),
    ] {
        let found = run(&app, params.clone(), here).await;
        assert_eq!(found.run.status, RunStatus::Succeeded, "{found:?}");
        let (_, there) = shown(&abroad).await.pop().unwrap();
        assert_eq!(header(&there, "x-any"), None, "{params}");
        let (_, at_home) = shown(&home).await.pop().unwrap();
        assert_eq!(header(&at_home, "x-any"), Some("abc"), "{params}");
    }
}

#[tokio::test]
async fn what_a_server_repeats_of_a_credential_is_neither_in_the_run_nor_in_the_journal() {
    let (app, server) = (App::start_with(with_keys).await, MockServer::start().await);
    let echoed =
        json!({"a": HUSH, "b": [format!("x={HUSH}")], "c": BASE64_STANDARD.encode(HUSH), HUSH: "kept"});
    for (at, status) in [("/good", 200), ("/bad", 400)] {
        let answer = ResponseTemplate::new(status).insert_header("x-echo", HUSH).set_body_json(&echoed);
        Mock::given(path(at)).respond_with(answer).mount(&server).await;
    }
    let id = save(&app, CredentialType::HttpHeader, &json!({"name": "X-Any", "value": HUSH}), &[]).await;
    let good = json!({"url": format!("{}/good", server.uri()), "response": {"full": true}});
    let found = run(&app, good, id).await;
    let item = json!(step(&found, "call").output)["main"][0].clone();
    assert_eq!(
        (&item["headers"]["x-echo"], &item["body"]["a"]),
        (&json!("[redacted]"), &json!("[redacted]"))
    );
    let failed = run(&app, json!({"url": format!("{}/bad", server.uri())}), id).await;
    assert_eq!(code_of(&failed), "http_status");
    let journal = std::fs::read(app.data().join("journal.redb")).unwrap();
    let journal = String::from_utf8_lossy(&journal);
    for told in [
        &*json!([found.run, found.steps]).to_string(),
        &*json!([failed.run, failed.steps]).to_string(),
        &*journal,
    ] {
        assert!(!told.contains("SEKRET9") && !told.contains(&BASE64_STANDARD.encode(HUSH)), "{told}");
    }
}

#[tokio::test]
async fn a_credential_that_cannot_be_shown_fails_the_step_and_says_why() {
    let (app, server) = (App::start_with(with_keys).await, server().await);
    let params = json!({"url": server.uri()});
    let nobodys = CredentialId::at(SystemClock.now(), 7);
    assert_eq!(code_of(&run(&app, params.clone(), nobodys).await), "credential_not_found");
    let hmac = save(&app, CredentialType::Hmac, &json!({"secret": "hush"}), &[]).await;
    assert_eq!(code_of(&run(&app, params.clone(), hmac).await), "credential_type");
    let id = save(&app, CredentialType::HttpBearer, &json!({"token": "hush"}), &[]).await;
    let theirs = app.submit(&call(params.clone(), id).tenant("other")).await;
    let key = (TenantId::parse("other").unwrap(), theirs);
    let ended = async || {
        use minireipaz::store::RunStore as _;
        let found = app.store.unwatched().get(std::slice::from_ref(&key)).await.unwrap().remove(&key);
        found.and_then(Result::ok).filter(|found| found.run.status.is_terminal())
    };
    let found = crate::app::within("the end", app.store.until(ended)).await;
    assert_eq!(code_of(&found), "credential_not_found", "another tenant's");
    assert!(shown(&server).await.is_empty());

    let mut app = App::start().await;
    assert_eq!(code_of(&run(&app, params.clone(), id).await), "credentials_off");
    app.stop().await;
    let other: CredentialKeys = format!("test:{}", BASE64_STANDARD.encode([4; 32])).parse().unwrap();
    app.reconfigure(|config| config.runner.credential_keys = Some(other));
    app.start_again().await;
    let id = save(&app, CredentialType::HttpBearer, &json!({"token": "hush"}), &[]).await;
    assert_eq!(code_of(&run(&app, params, id).await), "credential_unreadable");
}

#[tokio::test]
async fn a_step_waits_for_a_store_that_is_away_as_for_any_outage() {
    let (app, server) = (App::start_with(with_keys).await, server().await);
    let id = save(&app, CredentialType::HttpBearer, &json!({"token": "hush"}), &[]).await;
    let mut document =
        serde_json::from_str::<Value>(call(json!({"url": server.uri()}), id).document()).unwrap();
    document["nodes"][1]["data"]["retry"] = json!({"max_attempts": 50, "base": "10ms", "max_delay": "50ms"});
    app.store.set_down(true);
    let run = app.submit(&Task::new(&document)).await;
    app.store.refused().await;
    app.store.set_down(false);
    app.succeeded(run).await;
    assert_eq!(header(&shown(&server).await[0].1, "authorization"), Some("Bearer hush"));
}
