//! The API in one process over stand-ins, and what tests say to it.

mod answer;
mod bus;
mod server;

pub use answer::Answer;
pub use bus::TestBus;
pub use server::Server;

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::{
    ids::{RunId, TenantId, WorkflowId},
    run::{NewRun, Run, RunKey, RunStatus, Trigger},
    timestamp::Timestamp,
};
use http::{Method, Request, header};
use minireipaz::clock::{Clock, ManualClock, SystemClock};
use minireipaz::{
    auth::{
        AuthConfig, Authenticator, CallbackSecrets, Scopes,
        issuer::{LocalIssuer, TokenRequest},
    },
    credentials::{CredentialKeys, worker::CredentialWorker},
    hooks::MemoryHookSecrets,
    http::{ApiParts, AppState, HttpConfig, app},
    live::LiveRuns,
    store::{Facts, RunStore, memory::MemoryStore},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

/// The connector's secret in tests.
pub const SECRET: &str = "a-secret-of-connectors";

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "minireipaz";

/// The API over a store and a bus that can fail on demand.
pub struct TestApp {
    pub router: Router,
    pub state: AppState,
    pub store: Arc<MemoryStore>,
    pub bus: Arc<TestBus>,
    pub hook_secrets: Arc<MemoryHookSecrets>,
    pub clock: Arc<dyn Clock>,
    issuer: LocalIssuer,
    issuer_folder: TempDir,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with(Arc::new(SystemClock), HttpConfig::default()).await
    }

    pub async fn with(clock: Arc<dyn Clock>, config: HttpConfig) -> Self {
        let (store, bus) = (Arc::new(MemoryStore::default()), Arc::new(TestBus::default()));
        Self::over(store, bus, Others::default(), clock, config, secrets(SECRET, None))
    }

    /// An app that asks this worker to call providers and to try credentials.
    pub async fn with_credential_worker(worker: Arc<dyn CredentialWorker>) -> Self {
        let (store, bus) = (Arc::new(MemoryStore::default()), Arc::new(TestBus::default()));
        let (others, clock) = (Others { worker: Some(worker), live: None }, Arc::new(SystemClock));
        let config = HttpConfig {
            public_url: Some("https://flows.example".parse().unwrap()),
            ..HttpConfig::default()
        };
        Self::over(store, bus, others, clock, config, secrets(SECRET, None))
    }

    /// An app that asks somebody for runs who knows them before the store does.
    pub async fn with_live(live: Arc<dyn LiveRuns>) -> Self {
        let (store, bus) = (Arc::new(MemoryStore::default()), Arc::new(TestBus::default()));
        let (clock, secrets) = (Arc::new(SystemClock), secrets(SECRET, None));
        Self::over(
            store,
            bus,
            Others { live: Some(live), worker: None },
            clock,
            HttpConfig::default(),
            secrets,
        )
    }

    /// Another process over the same store and bus.
    pub fn beside(&self) -> Self {
        self.beside_with(secrets(SECRET, None))
    }

    /// The same, with other settings.
    pub fn beside_as(&self, config: HttpConfig) -> Self {
        let (store, bus) = (Arc::clone(&self.store), Arc::clone(&self.bus));
        Self::over(store, bus, Others::default(), Arc::clone(&self.clock), config, secrets(SECRET, None))
    }

    /// The same, with other secrets of connectors.
    pub fn beside_with(&self, secrets: CallbackSecrets) -> Self {
        let (store, bus) = (Arc::clone(&self.store), Arc::clone(&self.bus));
        Self::over(store, bus, Others::default(), Arc::clone(&self.clock), HttpConfig::default(), secrets)
    }

    fn over(
        store: Arc<MemoryStore>,
        bus: Arc<TestBus>,
        others: Others,
        clock: Arc<dyn Clock>,
        config: HttpConfig,
        callbacks: CallbackSecrets,
    ) -> Self {
        let hook_secrets = Arc::new(MemoryHookSecrets::default());
        let config = HttpConfig { credential_keys: Some(credential_keys()), ..config };
        let folder = tempfile::tempdir().unwrap();
        let issuer = issuer(&folder, Arc::clone(&clock));
        let trusted = AuthConfig::new(ISSUER, AUDIENCE, "https://id.example/jwks.json".parse().unwrap());
        let auth = Authenticator::with_keys(trusted, &issuer.jwks(), Arc::clone(&clock)).unwrap();
        let state = AppState::new(ApiParts {
            store: Arc::clone(&store) as _,
            bus: Arc::clone(&bus) as _,
            auth: Arc::new(auth),
            callbacks,
            live: others.live,
            credential_worker: others.worker,
            hook_secrets: Arc::clone(&hook_secrets) as _,
            clock: Arc::clone(&clock),
            config,
        });
        let router = app(state.clone());
        Self { router, state, store, bus, hook_secrets, clock, issuer, issuer_folder: folder }
    }

    /// A token of tenant `acme` with every scope.
    pub fn token(&self) -> String {
        self.token_of("acme")
    }

    pub fn token_of(&self, tenant: &str) -> String {
        self.issuer.token(&request(tenant, Scopes::all().to_string())).unwrap()
    }

    /// A token of tenant `acme` with these scopes only.
    pub fn token_with(&self, scopes: &[&str]) -> String {
        self.issuer.token(&request("acme", scopes.join(" "))).unwrap()
    }

    /// A token that was right an hour ago.
    pub fn expired_token(&self) -> String {
        let earlier = Timestamp::from_millis(self.clock.now().as_millis() - 3_600_000);
        let issuer = issuer(&self.issuer_folder, Arc::new(ManualClock::at(earlier)));
        issuer.token(&request("acme", Scopes::all().to_string())).unwrap()
    }

    pub async fn listen(&self) -> Server {
        Server::start(self.router.clone()).await
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        Answer::read(response).await
    }

    /// A request with a token of tenant `acme`.
    pub fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token()))
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, body, &[]).await
    }

    pub async fn post_with(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        self.send(self.json(Method::POST, path, body, headers)).await
    }

    pub async fn put(&self, path: &str, body: &Value, if_match: &str) -> Answer {
        self.send(self.json(Method::PUT, path, body, &[("if-match", if_match)])).await
    }

    pub fn json(&self, method: Method, path: &str, body: &Value, headers: &[(&str, &str)]) -> Request<Body> {
        let mut request = self.request(method, path).header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::from(body.to_string())).unwrap()
    }

    /// A connector's request.
    pub async fn deliver(&self, body: impl Into<Body>) -> Answer {
        let request = Request::post("/api/v1/scheduler/events")
            .header("x-api-key", SECRET)
            .header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Delivers all events of topic `workflows` that were published and not delivered yet.
    pub async fn deliver_all(&self) -> Answer {
        self.deliver(serde_json::to_string(&self.bus.take_for_scheduler()).unwrap()).await
    }

    /// Saves a workflow of tenant `acme` that can be started; gives its id.
    pub async fn workflow(&self) -> String {
        let saved = self.post("/api/v1/workflows", &greeting()).await;
        assert_eq!(saved.status, 201, "{saved:?}");
        saved.body["id"].as_str().unwrap().to_owned()
    }

    /// Starts a run of a workflow; gives its id.
    pub async fn run(&self, workflow: &str) -> String {
        let run = self.post(&format!("/api/v1/workflows/{workflow}/runs"), &json!({})).await;
        assert_eq!(run.status, 202, "{run:?}");
        run.body["id"].as_str().unwrap().to_owned()
    }

    /// Does what a worker's recorder does: records the run in a newer state.
    pub async fn advance(&self, run: &str, status: RunStatus, revision: u64) {
        let key: RunKey = (acme(), run.parse::<RunId>().unwrap());
        let known = self.store.unwatched().get(std::slice::from_ref(&key)).await.unwrap().remove(&key);
        let run = Run { status, revision, ..known.unwrap().unwrap().run };
        let facts = Facts { runs: vec![(key.0, run)], steps: Vec::new() };
        self.store.unwatched().record(&facts).await.unwrap();
    }

    /// Records a run that nobody has accepted here.
    pub async fn have(&self, run: &str, attempt: u32, revision: u64, status: RunStatus) {
        let new = NewRun {
            id: run.parse().unwrap(),
            workflow_id: WorkflowId(uuid::Uuid::nil()),
            workflow_version: 1,
            attempt,
            trigger: Trigger::manual(),
            input: Value::Null,
            created_at: self.clock.now(),
        };
        let facts = Facts::of_runs(vec![(acme(), Run { status, revision, ..new.queued() })]);
        self.store.unwatched().record(&facts).await.unwrap();
    }
}

/// Workers, as functions see them.
#[derive(Default)]
struct Others {
    live: Option<Arc<dyn LiveRuns>>,
    worker: Option<Arc<dyn CredentialWorker>>,
}

/// What credentials are sealed with in tests.
pub fn credential_keys() -> CredentialKeys {
    format!("test:{}", BASE64_STANDARD.encode([7; 32])).parse().unwrap()
}

fn issuer(folder: &TempDir, clock: Arc<dyn Clock>) -> LocalIssuer {
    LocalIssuer::open(folder.path(), ISSUER, AUDIENCE).unwrap().with_clock(clock)
}

fn request(tenant: &str, scopes: String) -> TokenRequest {
    TokenRequest { tenant: tenant.into(), subject: "tester".into(), scopes, lifetime: Duration::from_mins(5) }
}

/// One or two secrets of connectors.
pub fn secrets(current: &str, next: Option<&str>) -> CallbackSecrets {
    CallbackSecrets::new(&current.into(), next.map(Into::into).as_ref()).unwrap()
}

pub fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

/// A workflow that greets.
pub fn greeting() -> Value {
    json!({
        "name": "Greeting", "active": true,
        "nodes": [
            {"id": "start", "type": "manual", "position": {"x": 0, "y": 0}},
            {"id": "end", "type": "noop", "data": {"label": "End"}}
        ],
        "edges": [{"id": "e1", "source": "start", "target": "end"}],
        "viewport": {"x": 0, "y": 0, "zoom": 1.5}
    })
}
