//! The API as a client sees it: one function a route, answers as the library's own types.

mod credentials;
mod hooks;
mod problem;
mod tenant;

use std::time::Duration;

pub use credentials::{Consent, Credentials, TypeField, TypeForm, TypeSchema};
use domain::{
    ids::{RunId, WorkflowId},
    run::{RunSummary, RunWithSteps},
    workflow::{Workflow, WorkflowSummary},
};
pub use hooks::{HookAddresses, HookPage};
use minireipaz::service::Trigger;
pub use problem::Problem;
use reqwest::{Method, RequestBuilder, Response, header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use url::Url;

/// How long one answer may take, beyond the time that a long poll asks for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a cancelled run's end is waited for, in seconds.
const CANCEL_WAIT: u64 = 5;

/// Talks to one server with one token.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: SecretString,
}

/// Why there is no answer to work with.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The API said no, and why.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// Nobody answered.
    #[error(
        "nobody answers at {url} ({reason})\n  → start everything with `minireipaz dev`, or name another server with --url"
    )]
    Unreachable {
        /// The server's address.
        url: Url,
        /// What happened to the connection.
        reason: String,
    },
    /// Somebody answered, but not this API.
    #[error("{url} answered with {status}, but not as this API does ({reason})\n  → is --url right?")]
    NotOurs {
        /// What was asked.
        url: Url,
        /// The answer's status.
        status: u16,
        /// What was wrong with the answer.
        reason: String,
    },
}

/// A page of a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Listing<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page starts.
    pub next_cursor: Option<String>,
}

/// A long poll: answer when the run is newer than `after`, or when the time is over.
#[derive(Debug, Clone, Copy)]
pub struct Wait {
    /// How long the server may wait; it allows at most 25 s.
    pub seconds: u64,
    /// The revision that is known already.
    pub after: u64,
}

impl Client {
    /// A client of the API at `base`.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(base: Url, token: SecretString) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .user_agent(concat!("minireipaz/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, base, token })
    }

    /// The API's address.
    #[must_use]
    pub const fn base(&self) -> &Url {
        &self.base
    }

    /// `GET /workflows`.
    ///
    /// # Errors
    /// As for every request: [`ClientError`].
    pub async fn workflows(
        &self,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Listing<WorkflowSummary>, ClientError> {
        self.json(self.page("workflows", limit, cursor)).await
    }

    /// `GET /tenant/triggers`, of all workflows or of one.
    ///
    /// # Errors
    /// As for every request.
    pub async fn triggers(
        &self,
        workflow: Option<WorkflowId>,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Listing<Trigger>, ClientError> {
        let request = self.page("tenant/triggers", limit, cursor);
        self.json(match workflow {
            Some(workflow) => request.query(&[("workflow_id", workflow)]),
            None => request,
        })
        .await
    }

    /// `GET /workflows/{id}`.
    ///
    /// # Errors
    /// As for every request.
    pub async fn workflow(&self, id: WorkflowId) -> Result<Workflow, ClientError> {
        self.json(self.request(Method::GET, &format!("workflows/{id}"))).await
    }

    /// `POST /workflows`. The document is sent as it is, so that the server tells all that is wrong with it.
    ///
    /// # Errors
    /// As for every request.
    pub async fn create_workflow(&self, document: &Value) -> Result<Workflow, ClientError> {
        self.json(self.request(Method::POST, "workflows").json(document)).await
    }

    /// `PUT /workflows/{id}`, when `version` is still the newest.
    ///
    /// # Errors
    /// As for every request.
    pub async fn update_workflow(
        &self,
        id: WorkflowId,
        version: u32,
        document: &Value,
    ) -> Result<Workflow, ClientError> {
        let request = self
            .request(Method::PUT, &format!("workflows/{id}"))
            .header(header::IF_MATCH, format!("\"{version}\""));
        self.json(request.json(document)).await
    }

    /// `DELETE /workflows/{id}`.
    ///
    /// # Errors
    /// As for every request.
    pub async fn delete_workflow(&self, id: WorkflowId) -> Result<(), ClientError> {
        self.send(self.request(Method::DELETE, &format!("workflows/{id}"))).await.map(drop)
    }

    /// `POST /workflows/{id}/runs`: `body` says with what input, and what makes it a test run.
    ///
    /// # Errors
    /// As for every request.
    pub async fn start_run(
        &self,
        workflow: WorkflowId,
        body: &Value,
        idempotency_key: Option<&str>,
    ) -> Result<RunWithSteps, ClientError> {
        self.begin(&format!("workflows/{workflow}/runs"), body, idempotency_key).await
    }

    /// `POST /runs/{id}/replay`: `body` says from where, and with what.
    ///
    /// # Errors
    /// As for every request.
    pub async fn replay_run(
        &self,
        run: RunId,
        body: &Value,
        idempotency_key: Option<&str>,
    ) -> Result<RunWithSteps, ClientError> {
        self.begin(&format!("runs/{run}/replay"), body, idempotency_key).await
    }

    async fn begin(&self, path: &str, body: &Value, key: Option<&str>) -> Result<RunWithSteps, ClientError> {
        let mut request = self.request(Method::POST, path);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.json(request.json(body)).await
    }

    /// `GET /workflows/{id}/runs`.
    ///
    /// # Errors
    /// As for every request.
    pub async fn runs(
        &self,
        workflow: WorkflowId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Listing<RunSummary>, ClientError> {
        self.json(self.page(&format!("workflows/{workflow}/runs"), limit, cursor)).await
    }

    /// `GET /runs/{id}`, at once or as a long poll.
    ///
    /// # Errors
    /// As for every request.
    pub async fn run(&self, id: RunId, wait: Option<Wait>) -> Result<RunWithSteps, ClientError> {
        let mut request = self.request(Method::GET, &format!("runs/{id}"));
        if let Some(Wait { seconds, after }) = wait {
            request = request
                .query(&[("wait", seconds), ("after", after)])
                .timeout(ANSWER_TIMEOUT + Duration::from_secs(seconds));
        }
        self.json(request).await
    }

    /// `POST /runs/{id}/cancel`; the answer comes when the run has ended, or after some seconds.
    ///
    /// # Errors
    /// As for every request.
    pub async fn cancel_run(&self, id: RunId, reason: Option<&str>) -> Result<RunWithSteps, ClientError> {
        let request = self.request(Method::POST, &format!("runs/{id}/cancel"));
        let request = request.query(&[("wait", CANCEL_WAIT)]);
        self.json(request.json(&serde_json::json!({ "reason": reason }))).await
    }

    /// `POST /runs/{id}/resume`; the run, and whether a step was given the signal: if not, its worker has not said yet
    /// whether it is the first.
    ///
    /// # Errors
    /// As for every request.
    pub async fn resume_run(
        &self,
        id: RunId,
        name: &str,
        data: &Value,
    ) -> Result<(RunWithSteps, bool), ClientError> {
        let request = self.request(Method::POST, &format!("runs/{id}/resume"));
        let response = self.send(request.json(&serde_json::json!({ "name": name, "data": data }))).await?;
        let is_given = response.status() == reqwest::StatusCode::OK;
        Ok((self.read(response).await?, is_given))
    }

    /// What is asked for below `credentials`.
    #[must_use]
    pub const fn credentials(&self) -> Credentials<'_> {
        Credentials(self)
    }

    fn page(&self, path: &str, limit: u32, cursor: Option<&str>) -> RequestBuilder {
        let request = self.request(Method::GET, path).query(&[("limit", limit)]);
        match cursor {
            Some(cursor) => request.query(&[("cursor", cursor)]),
            None => request,
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let base = self.base.as_str().trim_end_matches('/');
        self.http
            .request(method, format!("{base}/api/v1/{path}"))
            .bearer_auth(self.token.expose_secret())
            .timeout(ANSWER_TIMEOUT)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (url, status) = (response.url().clone(), response.status().as_u16());
        let text = response.text().await.map_err(|error| self.unreachable(&error))?;
        match serde_json::from_str::<Problem>(&text) {
            Ok(problem) => Err(ClientError::Refused(Box::new(problem))),
            Err(error) => Err(ClientError::NotOurs { url, status, reason: error.to_string() }),
        }
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let response = self.send(request).await?;
        self.read(response).await
    }

    async fn read<T: DeserializeOwned>(&self, response: Response) -> Result<T, ClientError> {
        let (url, status) = (response.url().clone(), response.status().as_u16());
        let body = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        serde_json::from_slice(&body).map_err(|error| ClientError::NotOurs {
            url,
            status,
            reason: error.to_string(),
        })
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        // The innermost cause is the one that says something: "connection refused".
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        ClientError::Unreachable { url: self.base.clone(), reason: cause.to_string() }
    }
}
