//! Who speaks to the API: a caller with a token, wherever the system runs.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use minireipaz::{
    auth::issuer::{LocalIssuer, TokenRequest},
    testing::{PATIENCE, eventually},
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// Where a system's tokens come from.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The issuer's folder.
    pub folder: PathBuf,
    /// What its tokens say in `iss`.
    pub url: String,
}

impl Identity {
    pub fn issuer(&self) -> LocalIssuer {
        LocalIssuer::open(&self.folder, &self.url, "minireipaz").unwrap()
    }

    pub fn token(&self, tenant: &str) -> String {
        self.issuer().token(&request_of(tenant)).unwrap()
    }
}

/// A caller of one tenant.
#[derive(Debug, Clone)]
pub struct Client {
    base: String,
    playground: String,
    identity: Identity,
    tenant: String,
    token: String,
    http: reqwest::Client,
}

/// An answer of the API.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no id in {self:?}")).to_owned()
    }

    /// Checks that it is this problem.
    pub fn is_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{:#}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert!(self.body["detail"].is_string() && self.body["request_id"].is_string(), "{:#}", self.body);
    }
}

impl Client {
    /// A caller of `tenant` at the API's `base` (without `/api/v1`).
    pub fn new(base: &str, playground: &str, identity: Identity, tenant: &str) -> Self {
        let token = identity.token(tenant);
        Self {
            base: base.to_owned(),
            playground: playground.to_owned(),
            identity,
            tenant: tenant.to_owned(),
            token,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// A caller of another tenant.
    pub fn of(&self, tenant: &str) -> Self {
        Self { tenant: tenant.to_owned(), token: self.identity.token(tenant), ..self.clone() }
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// A request without a token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/api/v1{path}", self.base))
    }

    /// A request with the caller's token.
    pub fn authorized(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(&self.token)
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.unwrap()
    }

    /// The answer, unless the connection broke.
    pub async fn try_send(&self, request: RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.timeout(PATIENCE).send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        Ok(Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) })
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.authorized(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.authorized(Method::POST, path).json(body)).await
    }

    /// Saves a workflow; gives its id.
    pub async fn save(&self, document: &Value) -> String {
        let saved = self.post("/workflows", document).await;
        assert_eq!(saved.status, 201, "{:#}", saved.body);
        saved.id()
    }

    /// Starts a run; gives its id.
    pub async fn run(&self, workflow: &str, input: &Value) -> String {
        let run = self.post(&format!("/workflows/{workflow}/runs"), &json!({"input": input})).await;
        assert_eq!(run.status, 202, "{:#}", run.body);
        run.id()
    }

    /// Starts a run as clients do that want it to be: the same key again until it is accepted.
    pub async fn run_surely(&self, workflow: &str, input: &Value, key: &str) -> String {
        let path = format!("/workflows/{workflow}/runs");
        eventually("the run is accepted", async || {
            let request = self.authorized(Method::POST, &path).header("idempotency-key", key);
            let answer = self.try_send(request.json(&json!({"input": input}))).await.ok()?;
            match answer.status {
                202 => Some(answer.id()),
                429 | 500 | 502..=504 => None,
                _ => panic!("a run was refused for good: {answer:?}"),
            }
        })
        .await
    }

    /// Waits for a run's end.
    pub async fn result(&self, run: &str) -> Value {
        let path = format!("/runs/{run}?wait=5");
        eventually("the run ends", async || {
            let answer = self.try_send(self.authorized(Method::GET, &path)).await.ok()?;
            assert!(matches!(answer.status, 200 | 404 | 502..=504), "{answer:?}");
            is_terminal(&answer.body).then_some(answer.body)
        })
        .await
    }

    /// Every row of the workflow's list of runs; none when it cannot be read now.
    pub async fn runs_of(&self, workflow: &str) -> Option<Vec<Value>> {
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/workflows/{workflow}/runs?limit=200{cursor}");
            let page = self.try_send(self.authorized(Method::GET, &path)).await.ok()?;
            if page.status != 200 {
                return None;
            }
            rows.extend(page.body["items"].as_array()?.iter().cloned());
            match page.body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Some(rows),
            }
        }
    }

    /// Calls of the playground to one path, oldest first.
    pub async fn calls(&self, path: &str) -> Vec<Value> {
        self.read_calls(&format!("?path={path}")).await
    }

    /// All calls of the playground, oldest first.
    pub async fn all_calls(&self) -> Vec<Value> {
        self.read_calls("").await
    }

    async fn read_calls(&self, query: &str) -> Vec<Value> {
        let url = format!("{}/calls{query}", self.playground);
        self.http.get(url).send().await.unwrap().json().await.unwrap()
    }
}

/// Whether a run has ended.
pub fn is_terminal(run: &Value) -> bool {
    matches!(run["status"].as_str(), Some("succeeded" | "failed" | "timed_out" | "cancelled"))
}

pub fn request_of(tenant: &str) -> TokenRequest {
    let scopes = "workflows:read workflows:write runs:read runs:write";
    TokenRequest {
        tenant: tenant.into(),
        subject: "tester".into(),
        scopes: scopes.into(),
        lifetime: Duration::from_secs(3_600),
    }
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

pub fn read_json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
