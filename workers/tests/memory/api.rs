//! The API on a socket, over a store that knows one run.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    event::Event,
    ids::{RunId, TenantId, WorkflowId},
    run::{NewRun, RunStatus, Trigger},
};
use files::FileStore;
use minireipaz::{
    auth::{
        AuthConfig, Authenticator, CallbackSecrets, Scopes,
        issuer::{LocalIssuer, TokenRequest},
    },
    bus::{BusError, EventBus},
    clock::{Clock, SystemClock},
    hooks::NoHookSecrets,
    http::{ApiParts, AppState, HttpConfig, app},
    store::{Facts, RunStore as _, memory::MemoryStore},
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinSet};

use crate::outside::taken;

pub(crate) struct Api {
    base: String,
    token: String,
    run: RunId,
    _task: JoinSet<()>,
}

/// What came of a file.
pub(crate) struct Came {
    pub(crate) bytes: u64,
    pub(crate) hash: String,
    pub(crate) disposition: String,
}

/// Nothing is published here.
struct NoBus;

#[async_trait]
impl EventBus for NoBus {
    async fn publish(&self, _: &[Event]) -> Result<(), BusError> {
        self.ping().await
    }

    async fn ping(&self) -> Result<(), BusError> {
        Err(BusError::Unavailable { reason: "there is none".into(), retry_after: None })
    }
}

impl Api {
    pub(crate) async fn start(files: Arc<FileStore>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let issuer = LocalIssuer::open(folder.path(), "https://id.example", "minireipaz").unwrap();
        let trusted = AuthConfig::new(
            "https://id.example",
            "minireipaz",
            "https://id.example/jwks.json".parse().unwrap(),
        );
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let auth = Authenticator::with_keys(trusted, &issuer.jwks(), Arc::clone(&clock)).unwrap();
        let asked =
            TokenRequest { tenant: "acme".to_owned(), ..TokenRequest::developer(&Scopes::all().to_string()) };
        let token = issuer.token(&asked).unwrap();
        let store = Arc::new(MemoryStore::default());
        let run = RunId(uuid::Uuid::now_v7());
        let new = NewRun {
            id: run,
            workflow_id: WorkflowId(uuid::Uuid::nil()),
            workflow_version: 1,
            attempt: 1,
            trigger: Trigger::manual(),
            input: Value::Null,
            created_at: clock.now(),
        };
        let ended = domain::run::Run { status: RunStatus::Succeeded, ..new.queued() };
        let tenant = TenantId::parse("acme").unwrap();
        store.record(&Facts::of_runs(vec![(tenant, ended)])).await.unwrap();
        let state = AppState::new(ApiParts {
            store,
            bus: Arc::new(NoBus),
            auth: Arc::new(auth),
            callbacks: CallbackSecrets::new(&"a-secret-of-connectors".into(), None).unwrap(),
            live: None,
            hook_secrets: Arc::new(NoHookSecrets),
            credential_worker: None,
            clock,
            config: HttpConfig { files: Some(files), ..HttpConfig::default() },
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = app(state);
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, token, run, _task: task }
    }

    /// Downloads a file as a browser does, and keeps nothing of it.
    pub(crate) async fn download(&self, id: &str) -> Came {
        let url = format!("{}/api/v1/runs/{}/file?file={id}&name=caf%C3%A9.bin", self.base, self.run);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.get(url).bearer_auth(&self.token).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let disposition = answer.headers()["content-disposition"].to_str().unwrap().to_owned();
        let (bytes, hash) = taken(answer.bytes_stream()).await;
        Came { bytes, hash, disposition }
    }
}
