//! Asks the worker that a run belongs to what has become of it.

use std::time::Duration;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::header;
use minireipaz::live::PATH;
use secrecy::{ExposeSecret, SecretString};

use super::HANDED_OVER;

/// How long its answer may take beyond the wait that was asked for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The way to the other workers' runs.
pub(crate) struct Owners {
    http: reqwest::Client,
    secret: SecretString,
}

impl Owners {
    /// Connects when it is first asked, and keeps its connections.
    ///
    /// # Errors
    /// When its HTTP client cannot be built.
    pub(crate) fn new(secret: SecretString) -> reqwest::Result<Self> {
        let http = super::forwarder::client().build()?;
        Ok(Self { http, secret })
    }

    /// The owner's answer about a run as it is, whatever it is; its body is passed on as it comes. `below` is what is asked
    /// for, below the runs, and `wait` how long the owner may wait before it answers.
    ///
    /// # Errors
    /// In words, when there is none.
    pub(crate) async fn ask(&self, owner: &str, below: &str, wait: Duration) -> Result<Response, String> {
        let url = format!("{owner}{PATH}/{below}");
        let request = self.http.get(url).header(HANDED_OVER, "1").bearer_auth(self.secret.expose_secret());
        let sent = tokio::time::timeout(wait + PATIENCE, request.send()).await;
        let answer = sent
            .map_err(|_| format!("nothing came within {:?}", wait + PATIENCE))?
            .map_err(|error| error.without_url().to_string())?;
        let status = answer.status();
        let mut headers = http::HeaderMap::new();
        for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::RETRY_AFTER] {
            if let Some(value) = answer.headers().get(&name) {
                headers.insert(name, value.clone());
            }
        }
        Ok((status, headers, Body::from_stream(answer.bytes_stream())).into_response())
    }
}
