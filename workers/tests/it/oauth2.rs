//! OAuth 2.0 against a real provider, which takes each refresh token once and ends the access when one comes again.

mod provider;

use std::sync::Arc;

use domain::{
    credential::{CredentialKey, CredentialType, CredentialValues},
    ids::CredentialId,
    run::{RunStatus, RunWithSteps},
};
use minireipaz::{
    credentials::{
        Granted, Vault,
        oauth2::{Pkce, consent_url},
        worker::{CredentialDoor, CredentialWorker, Exchange, Trial, WorkerError},
    },
    live::LiveConfig,
    store::{CredentialStore, memory::Call},
};
use serde_json::{Value, json};

use crate::{
    app::{App, SECRET, Task, step},
    credentials::{acme, keys, save, with_keys},
};
use provider::{Provider, REDIRECT_URI};

const CLIENT: (&str, &str) = ("flows&co", "hush-client-secret:with%signs");

fn values(provider: &Provider, grant: &str) -> Value {
    let mut values = json!({
        "grant": grant, "token_url": provider.url("/token"), "client_id": CLIENT.0, "client_secret": CLIENT.1,
    });
    if grant == "authorization_code" {
        values["authorize_url"] = provider.url("/auth?prompt=consent").into();
        values["scope"] = "openid offline_access".into();
    }
    values
}

/// What functions see of a worker.
fn door(app: &App) -> CredentialDoor {
    CredentialDoor::new(LiveConfig::new(format!("http://{}", app.addr()).parse().unwrap(), SECRET.into()))
}

/// A person agrees, and the code goes to a worker.
async fn agree(app: &App, provider: &Provider, id: CredentialId) -> Result<(), WorkerError> {
    let open = Vault::new(Arc::clone(&app.store) as _, keys()).open_now(&(acme(), id)).await.unwrap();
    let CredentialValues::OAuth2(client) = open.values else { panic!("it is of OAuth 2.0") };
    let pkce = Pkce::of(rand::random());
    let url = consent_url(&client, REDIRECT_URI, "the state", &pkce.challenge).unwrap();
    let back = provider.agree(&url).await;
    assert_eq!(back["state"], "the state");
    let (code, redirect_uri) = (back["code"].clone(), REDIRECT_URI.to_owned());
    door(app).exchange(id, &Exchange { tenant: acme(), code, verifier: pkce.verifier, redirect_uri }).await
}

fn call(provider: &Provider, id: CredentialId) -> Task {
    let params = json!({"url": provider.url("/me"), "credential": id});
    Task::new(&json!({
        "name": "Me",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "me", "type": "http_request", "data": {"params": params, "retry": {"max_attempts": 2}}},
        ],
        "edges": [{"source": "start", "target": "me"}],
    }))
}

async fn tokens(app: &App, key: &CredentialKey) -> (u32, String) {
    let open = Vault::new(Arc::clone(&app.store) as _, keys()).open_now(key).await.unwrap();
    match open.granted {
        Granted::Tokens { generation, tokens } => (generation, tokens.refresh_token.unwrap()),
        other => panic!("{other:?}"),
    }
}

fn code_of(run: &RunWithSteps) -> &str {
    assert_eq!(run.run.status, RunStatus::Failed, "{run:?}");
    &run.run.error.as_ref().unwrap().code
}

#[tokio::test]
async fn a_refresh_token_is_used_once_whatever_the_number_of_workers_and_steps() {
    let (app, provider) = (App::start_with(with_keys).await, Provider::start().await);
    let others = [app.beside().await, app.beside().await];
    let id = save(&app, CredentialType::OAuth2, &values(&provider, "authorization_code"), &[]).await;
    let before = app.submit(&call(&provider, id)).await;
    assert_eq!(code_of(&app.ended(before).await), "credential_needs_consent");
    agree(&app, &provider, id).await.unwrap();
    assert_eq!(tokens(&app, &(acme(), id)).await.0, 1);

    // The access is old at once, so all of them have to renew it.
    let mut runs = Vec::new();
    for app in [&app].into_iter().chain(&others) {
        for _ in 0..8 {
            runs.push(app.submit(&call(&provider, id)).await);
        }
    }
    for run in runs {
        let found = app.succeeded(run).await;
        let output = json!(step(&found, "me").output);
        assert_eq!(output["main"][0], json!({"good": true, "sent": "Bearer [redacted]"}));
    }
    assert_eq!((provider.count("refresh_token").await, provider.count("refused").await), (1, 0));
    assert_eq!(tokens(&app, &(acme(), id)).await.0, 2);
}

#[tokio::test]
async fn an_access_that_a_server_does_not_take_any_more_is_renewed_within_the_attempt() {
    let (app, provider) = (App::start_with(with_keys).await, Provider::start().await);
    for (grant, counted) in
        [("client_credentials", "client_credentials"), ("authorization_code", "refresh_token")]
    {
        let id = save(&app, CredentialType::OAuth2, &values(&provider, grant), &[]).await;
        if grant == "authorization_code" {
            agree(&app, &provider, id).await.unwrap();
        }
        let run = app.submit(&call(&provider, id)).await;
        app.succeeded(run).await;
        let before = provider.count(counted).await;
        provider.outdate().await;
        let run = app.submit(&call(&provider, id)).await;
        let found = app.succeeded(run).await;
        assert_eq!(step(&found, "me").attempts, 1, "{grant}");
        assert_eq!(provider.count(counted).await, before + 1, "{grant}");
    }
}

#[tokio::test]
async fn an_access_that_the_provider_has_ended_needs_consent_again() {
    let (app, provider) = (App::start_with(with_keys).await, Provider::start().await);
    let id = save(&app, CredentialType::OAuth2, &values(&provider, "authorization_code"), &[]).await;
    agree(&app, &provider, id).await.unwrap();
    let (_, refresh_token) = tokens(&app, &(acme(), id)).await;
    assert!(provider.steal(CLIENT, &refresh_token).await);

    let run = app.submit(&call(&provider, id)).await;
    let found = app.ended(run).await;
    assert_eq!(code_of(&found), "credential_needs_consent");
    let said = found.run.error.as_ref().unwrap().message.clone();
    assert!(said.contains("invalid_grant") && said.contains("credentials login"), "{said}");
    assert!(!json!(found.run).to_string().contains(&refresh_token));
    // It is known now, and nobody is asked any more.
    let refused = provider.count("refused").await;
    let run = app.submit(&call(&provider, id)).await;
    assert_eq!(code_of(&app.ended(run).await), "credential_needs_consent");
    assert_eq!(provider.count("refused").await, refused);
    assert!(app.store.tokens(&(acme(), id)).await.unwrap().unwrap().refused);

    agree(&app, &provider, id).await.unwrap();
    let run = app.submit(&call(&provider, id)).await;
    app.succeeded(run).await;
}

#[tokio::test]
async fn a_code_that_is_used_twice_is_refused_without_a_secret() {
    let (app, provider) = (App::start_with(with_keys).await, Provider::start().await);
    let id = save(&app, CredentialType::OAuth2, &values(&provider, "authorization_code"), &[]).await;
    let exchange = Exchange {
        tenant: acme(),
        code: "no-such-code".to_owned(),
        verifier: Pkce::of([1; 32]).verifier,
        redirect_uri: REDIRECT_URI.to_owned(),
    };
    let refused = door(&app).exchange(id, &exchange).await.unwrap_err();
    let WorkerError::Refused { code, detail } = refused else { panic!("{refused:?}") };
    assert_eq!(code, "credential_needs_consent");
    assert!(!detail.contains("no-such-code") && !detail.contains("hush"), "{detail}");
}

#[tokio::test]
async fn a_credential_is_tried_at_its_provider_and_at_a_server() {
    let (app, provider) = (App::start_with(with_keys).await, Provider::start().await);
    let id = save(&app, CredentialType::OAuth2, &values(&provider, "client_credentials"), &[]).await;
    let trial =
        |url: Option<&str>| Trial { tenant: acme(), url: url.map(|url| provider.url(url).parse().unwrap()) };
    let token = door(&app).test(id, &trial(None)).await.unwrap();
    assert_eq!((token.ok, token.status, token.error), (true, None, None));
    let me = door(&app).test(id, &trial(Some("/me"))).await.unwrap();
    assert_eq!((me.ok, me.status), (true, Some(200)));
    let nothing = door(&app).test(id, &trial(Some("/nothing"))).await.unwrap();
    assert_eq!((nothing.ok, nothing.status), (false, Some(404)));
    let mut wrong = values(&provider, "client_credentials");
    wrong["client_secret"] = "hush-wrong".into();
    let id = save(&app, CredentialType::OAuth2, &wrong, &[]).await;
    let refused = door(&app).test(id, &trial(None)).await.unwrap().error.unwrap();
    assert_eq!(refused.code, "credential_provider");
    assert!(refused.message.contains("invalid_client") && !refused.message.contains("hush"), "{refused:?}");
}

#[tokio::test]
async fn while_the_store_is_away_what_was_read_lately_serves() {
    let (app, provider) = (App::start_with(with_keys).await, Provider::start().await);
    let id = save(&app, CredentialType::OAuth2, &values(&provider, "client_credentials"), &[]).await;
    let run = app.submit(&call(&provider, id)).await;
    app.succeeded(run).await;
    let reads = app.store.calls(Call::CREDENTIAL);
    let run = app.submit(&call(&provider, id)).await;
    app.succeeded(run).await;
    assert_eq!(app.store.calls(Call::CREDENTIAL), reads, "it was read a moment ago");
}
