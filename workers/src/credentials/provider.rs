//! Asks a provider for tokens, with the client of steps: a person named its address.

use std::time::Duration;

use domain::credential::{CredentialKey, OAuth2};
use metrics::counter;
use minireipaz::{
    credentials::{
        Tokens,
        oauth2::{Answer, MAX_ANSWER, TokenError, TokenRequest, read_answer},
    },
    outbound,
    telemetry::{
        names,
        redact::{Redactor, Secrets},
    },
};
use tokio::time::{Instant, timeout};

use super::{CredentialFailure, Inner};

/// How long a provider may take: less than a claim lasts.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why a provider gave no tokens.
pub(super) enum Denied {
    /// What it was asked with is not valid any more; in its words, without secrets.
    Grant(String),
    /// Anything else.
    Other(CredentialFailure),
}

impl Inner {
    /// What the provider answers; `sent` are the secrets of the request beside the client's own.
    pub(super) async fn provider(
        &self,
        key: &CredentialKey,
        client: &OAuth2,
        request: &TokenRequest,
        sent: &[&str],
    ) -> Result<Answer, Denied> {
        let id = key.1;
        let url = request.url();
        self.http
            .check_literal(url)
            .map_err(|blocked| Denied::Other(CredentialFailure::blocked(id, &blocked)))?;
        let breaker = self.http.hosts.breaker(&key.0, url);
        let permit = breaker
            .try_acquire(Instant::now())
            .map_err(|rejected| Denied::Other(CredentialFailure::rejected(id, rejected.retry_after)))?;
        let redactor = redactor(client, sent);
        let answered = timeout(PATIENCE, outbound::send(request.on(&self.http.client), MAX_ANSWER)).await;
        let reply = match answered {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => {
                count("failed");
                permit.failure(Instant::now());
                return Err(Denied::Other(CredentialFailure::no_answer(
                    id,
                    &redactor.text(&error.to_string()),
                )));
            }
            Err(_) => {
                count("failed");
                permit.failure(Instant::now());
                let why = format!("nothing came within {PATIENCE:?}");
                return Err(Denied::Other(CredentialFailure::no_answer(id, &why)));
            }
        };
        let read = read_answer(&reply);
        count(match &read {
            Ok(_) => "renewed",
            Err(TokenError::InvalidGrant(_)) => "refused",
            Err(_) => "failed",
        });
        if matches!(read, Err(TokenError::Unavailable { .. })) {
            permit.failure(Instant::now());
        } else {
            permit.success();
        }
        read.map_err(|error| match error {
            TokenError::InvalidGrant(_) => Denied::Grant(redactor.text(&error.to_string()).into_owned()),
            error => Denied::Other(CredentialFailure::of_provider(id, &error, &redactor)),
        })
    }

    /// Tokens of an answer.
    pub(super) fn tokens_of(&self, answer: Answer, client: &OAuth2, before: Option<&Tokens>) -> Tokens {
        Tokens::of(answer, client, before, self.clock.now())
    }
}

fn count(outcome: &'static str) {
    counter!(names::WORKER_CREDENTIAL_RENEWALS, names::OUTCOME => outcome).increment(1);
}

fn redactor(client: &OAuth2, sent: &[&str]) -> Redactor {
    let mut secrets = Secrets::default();
    if let Some(secret) = &client.client_secret {
        secrets.login(client.client_id.as_str(), secret.as_str());
    }
    sent.iter().for_each(|secret| secrets.add(secret));
    secrets.redactor()
}
