//! Credentials through the API: nobody reads what they say, and one of several who change one wins.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::Body;
use domain::ids::CredentialId;
use http::{Method, Request, header};
use minireipaz::credentials::worker::{
    CredentialWorker, Exchange, Trial, TrialError, TrialResult, WorkerError,
};
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

const PATH: &str = "/api/v1/credentials";
const SECRET: &str = "SEKRET9x7qNobodyReadsThis";

/// A worker that notes what it is asked.
#[derive(Default)]
pub(crate) struct NotingWorker {
    exchanged: Mutex<Vec<(CredentialId, Exchange)>>,
    refuses: bool,
}

#[async_trait]
impl CredentialWorker for NotingWorker {
    async fn exchange(&self, id: CredentialId, exchange: &Exchange) -> Result<(), WorkerError> {
        if self.refuses {
            let (code, detail) = ("credential_needs_consent".to_owned(), "no".to_owned());
            return Err(WorkerError::Refused { code, detail });
        }
        self.exchanged.lock().unwrap().push((id, exchange.clone()));
        Ok(())
    }

    async fn test(&self, _: CredentialId, trial: &Trial) -> Result<TrialResult, WorkerError> {
        let error =
            trial.url.is_none().then(|| TrialError { code: "url_required".into(), message: "no".into() });
        Ok(TrialResult { ok: error.is_none(), status: error.is_none().then_some(204), error })
    }
}

fn bearer(name: &str) -> Value {
    json!({"name": name, "type": "http_bearer", "values": {"token": SECRET}, "hosts": ["API.example.com"]})
}

fn oauth2() -> Value {
    json!({"name": "Mail <b>", "type": "oauth2", "values": {
        "grant": "authorization_code", "token_url": "https://id.example/token", "client_id": "me",
        "authorize_url": "https://id.example/auth", "client_secret": SECRET, "scope": "mail offline_access",
    }})
}

async fn created(app: &TestApp, credential: &Value) -> String {
    let saved = app.post(PATH, credential).await;
    assert_eq!(saved.status, 201, "{saved:?}");
    saved.body["id"].as_str().unwrap().to_owned()
}

async fn plain(app: &TestApp, path: &str) -> Answer {
    app.send(Request::get(path).body(Body::empty()).unwrap()).await
}

fn violations(answer: &Answer) -> Vec<&str> {
    let list = answer.body["violations"].as_array().unwrap().iter();
    list.map(|violation| violation["path"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_credential_is_saved_listed_changed_and_deleted_and_never_shown() {
    let app = TestApp::start().await;
    let id = created(&app, &bearer("Shop")).await;
    let one = format!("{PATH}/{id}");
    let read = app.get(&one).await;
    assert_eq!(
        (read.status.as_u16(), &read.body["hosts"], &read.body["version"]),
        (200, &json!(["api.example.com"]), &json!(1))
    );
    assert_eq!((&read.body["status"], &read.body["key"]), (&json!("ready"), &json!("test")));
    let changed = app.put(&one, &json!({"values": {"token": format!("{SECRET}2")}}), "\"1\"").await;
    assert_eq!(
        (changed.status.as_u16(), &changed.body["name"], &changed.body["version"]),
        (200, &json!("Shop"), &json!(2))
    );
    let late = app.put(&one, &json!({"name": "x"}), "\"1\"").await;
    assert_eq!((late.status.as_u16(), &late.body["current_version"]), (412, &json!(2)));
    assert_eq!(app.send(app.json(Method::PUT, &one, &json!({}), &[])).await.status, 428);
    let listed = app.get(PATH).await;
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 1);
    let delete = |path: String| app.request(Method::DELETE, &path).body(Body::empty()).unwrap();
    for told in [&read, &changed, &late, &listed] {
        assert!(!told.body.to_string().contains("SEKRET"), "{told:?}");
    }
    assert_eq!(app.send(delete(one.clone())).await.status, 204);
    assert_eq!(app.get(&one).await.status, 404);
    assert_eq!(app.get(&format!("{PATH}/nonsense")).await.body["code"], "credential_not_found");
}

#[tokio::test]
async fn a_credential_that_is_used_stays_unless_it_is_forced() {
    let app = TestApp::start().await;
    let id = created(&app, &bearer("Shop")).await;
    let call = json!({"id": "call", "type": "http_request", "data": {"params": {"url": "https://a.example", "credential": id}}});
    let document = json!({"name": "Uses it", "nodes": [{"id": "start", "type": "manual"}, call]});
    let workflow = app.post("/api/v1/workflows", &document).await;
    assert_eq!(workflow.status, 201, "{workflow:?}");
    let used = app.get(&format!("{PATH}/{id}/used_by")).await;
    assert_eq!(used.body["items"], json!([{"workflow_id": workflow.body["id"], "name": "Uses it"}]));
    let delete = |query: &str| {
        app.request(Method::DELETE, &format!("{PATH}/{id}{query}")).body(Body::empty()).unwrap()
    };
    let refused = app.send(delete("")).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (409, &json!("credential_used")));
    assert!(refused.body["detail"].as_str().unwrap().contains("Uses it"), "{refused:?}");
    assert_eq!(app.send(delete("?force=true")).await.status, 204);
    // Whoever imports a workflow need not have its credentials yet: its steps say so.
    assert_eq!(app.post("/api/v1/workflows", &document).await.status, 201);
}

#[tokio::test]
async fn what_is_wrong_is_told_at_once_and_without_the_values() {
    let app = TestApp::start().await;
    let wrong =
        json!({"name": " ", "type": "http_basic", "values": {"username": SECRET, "passwort": SECRET}});
    let refused = app.post(PATH, &wrong).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (422, &json!("invalid_credential")));
    assert_eq!(violations(&refused), ["name", "values.password", "values.passwort"]);
    let shape =
        json!({"name": 7, "type": "basic", "values": [SECRET], "hosts": ["https://x"], "more": SECRET});
    let misfit = app.post(PATH, &shape).await;
    assert_eq!(violations(&misfit), ["name", "type", "values", "hosts[0]", "more"]);
    for told in [&refused, &misfit] {
        assert!(!told.body.to_string().contains("SEKRET"), "{told:?}");
    }
    let id = created(&app, &bearer("Shop")).await;
    let other =
        app.put(&format!("{PATH}/{id}"), &json!({"values": {"username": "a", "password": "b"}}), "*").await;
    assert_eq!(violations(&other), ["values.token", "values.username", "values.password"]);
}

#[tokio::test]
async fn scopes_and_tenants_keep_credentials_apart() {
    let app = TestApp::start().await;
    let id = created(&app, &bearer("Shop")).await;
    let ask = async |token: String, method: Method, path: &str, body: &Value| {
        let request = Request::builder().method(method).uri(path).header("if-match", "*");
        let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        let request = request.header(header::CONTENT_TYPE, "application/json");
        app.send(request.body(Body::from(body.to_string())).unwrap()).await.status
    };
    let one = format!("{PATH}/{id}");
    let reader = app.token_with(&["credentials:read"]);
    assert_eq!(ask(reader.clone(), Method::GET, &one, &Value::Null).await, 200);
    assert_eq!(ask(reader.clone(), Method::PUT, &one, &json!({})).await, 403);
    assert_eq!(ask(reader, Method::POST, &format!("{one}/test"), &json!({})).await, 403);
    assert_eq!(ask(app.token_with(&["workflows:write"]), Method::GET, PATH, &Value::Null).await, 403);
    let other = app.token_of("other");
    for (method, path) in
        [(Method::GET, one.clone()), (Method::PUT, one.clone()), (Method::DELETE, one.clone())]
    {
        assert_eq!(ask(other.clone(), method, &path, &json!({})).await, 404);
    }
    assert_eq!(ask(app.token(), Method::GET, &one, &Value::Null).await, 200, "it is still there");
}

#[tokio::test]
async fn of_several_who_change_a_credential_at_once_one_wins() {
    let app = TestApp::start().await;
    let id = created(&app, &bearer("Shop")).await;
    let (one, beside) = (format!("{PATH}/{id}"), app.beside());
    let change =
        async |app: &TestApp, name: &str| app.put(&one, &json!({"name": name}), "\"1\"").await.status;
    let (a, b, c) = tokio::join!(change(&app, "a"), change(&beside, "b"), change(&app, "c"));
    let won = [a, b, c].iter().filter(|status| **status == 200).count();
    assert!(won <= 1, "{a} {b} {c}");
    let read = app.get(&one).await;
    assert_eq!(read.body["version"].as_u64().unwrap(), 1 + won as u64);
}

#[tokio::test]
async fn a_credential_is_tried_by_a_worker() {
    let app = TestApp::with_credential_worker(Arc::new(NotingWorker::default())).await;
    let test = format!("{PATH}/{}/test", created(&app, &bearer("Shop")).await);
    let good = app.post(&test, &json!({"url": "https://api.example.com/me"})).await;
    assert_eq!((good.status.as_u16(), &good.body), (200, &json!({"ok": true, "status": 204, "error": null})));
    assert_eq!(app.post(&test, &json!({})).await.body["error"]["code"], "url_required");
    assert_eq!(app.post(&test, &json!({"url": "ftp://x"})).await.status, 422);
    let without = TestApp::start().await;
    let test = format!("{PATH}/{}/test", created(&without, &bearer("Shop")).await);
    assert_eq!(without.post(&test, &json!({})).await.body["code"], "no_worker");
}

#[tokio::test]
async fn a_person_agrees_at_the_provider_and_the_code_goes_to_a_worker() {
    let worker = Arc::new(NotingWorker::default());
    let app = TestApp::with_credential_worker(Arc::clone(&worker) as _).await;
    let id = created(&app, &oauth2()).await;
    assert_eq!(app.get(&format!("{PATH}/{id}")).await.body["status"], "needs_consent");
    let begun = app.post(&format!("{PATH}/{id}/authorize"), &json!({})).await;
    assert_eq!(begun.status, 200, "{begun:?}");
    let url: url::Url = begun.body["url"].as_str().unwrap().parse().unwrap();
    let query: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!((query["code_challenge_method"].as_str(), query["client_id"].as_str()), ("S256", "me"));
    assert_eq!(query["redirect_uri"], "https://flows.example/api/v1/credentials/callback");
    assert!(!begun.body.to_string().contains("SEKRET"));

    let back = format!("{PATH}/callback?state={}&code=c0de", query["state"]);
    let thanks = plain(&app, &back).await;
    assert_eq!(thanks.status, 200, "{thanks:?}");
    assert!(thanks.text.contains("Mail &lt;b&gt;"), "{thanks:?}");
    let exchanged = worker.exchanged.lock().unwrap().clone();
    let [(asked, exchange)] = &exchanged[..] else { panic!("{exchanged:?}") };
    assert_eq!(
        (asked.to_string(), exchange.tenant.as_str(), exchange.code.as_str()),
        (id.clone(), "acme", "c0de")
    );
    let pkce = minireipaz::credentials::oauth2::Pkce::of([0; 32]);
    assert_eq!(exchange.verifier.len(), pkce.verifier.len());
    assert!(!url.as_str().contains(&exchange.verifier), "the provider has only seen the challenge");

    let denied = plain(&app, &format!("{PATH}/callback?state={}&error=access_denied", query["state"])).await;
    assert_eq!(denied.status, 409);
    assert!(denied.text.contains("access_denied"), "{denied:?}");
    let forged = plain(&app, &format!("{PATH}/callback?state=x&error=%3Cscript%3E")).await;
    assert_eq!(forged.status, 403);
    assert!(!forged.text.contains("script"), "only a state of ours makes us show what it came with");
    let other = created(&app, &bearer("Shop")).await;
    let none = app.post(&format!("{PATH}/{other}/authorize"), &json!({})).await;
    assert_eq!((none.status.as_u16(), &none.body["code"]), (409, &json!("no_consent_needed")));
}

#[tokio::test]
async fn a_provider_that_takes_the_code_for_none_is_told_to_the_person() {
    let worker = NotingWorker { refuses: true, ..NotingWorker::default() };
    let app = TestApp::with_credential_worker(Arc::new(worker)).await;
    let id = created(&app, &oauth2()).await;
    let begun = app.post(&format!("{PATH}/{id}/authorize"), &json!({})).await;
    let url: url::Url = begun.body["url"].as_str().unwrap().parse().unwrap();
    let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let refused = plain(&app, &format!("{PATH}/callback?state={state}&code=c")).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text.contains("credential_needs_consent"), "{refused:?}");
}

#[tokio::test]
async fn every_type_is_described_by_the_schema_of_its_values() {
    let app = TestApp::start().await;
    let types = app.get(&format!("{PATH}/types")).await;
    let names: Vec<_> = types.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["http_basic", "http_bearer", "http_header", "http_query", "oauth2", "hmac", "jwt"]);
    assert_eq!(types.body["items"][1]["schema"]["properties"]["token"]["writeOnly"], true);
}

#[tokio::test]
async fn while_the_store_is_away_nothing_is_said_to_be_saved() {
    let app = TestApp::start().await;
    let id = created(&app, &bearer("Shop")).await;
    app.store.set_down(true);
    assert_eq!(app.post(PATH, &bearer("Other")).await.status, 503);
    assert_eq!(app.get(&format!("{PATH}/{id}")).await.status, 503);
    app.store.set_down(false);
    assert_eq!(app.get(PATH).await.body["items"].as_array().unwrap().len(), 1);
}
