//! A server that answers as it was told, and remembers what it was asked.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{client::Client, commands::ServerArgs};

pub(crate) const WORKFLOW: &str = "01970000-0000-7000-8000-000000000001";
pub(crate) const RUN: &str = "01980000-0000-7000-8000-000000000002";

/// A request that came in.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// `GET /runs/…`, without `/api/v1`.
    pub(crate) line: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

type Answers = HashMap<String, VecDeque<(u16, Value)>>;

#[derive(Default)]
struct Script {
    answers: Mutex<Answers>,
    seen: Mutex<Vec<Seen>>,
}

/// What will be answered.
#[derive(Default)]
pub(crate) struct Fake(Answers);

impl Fake {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The next answer to `line`, such as `GET /workflows`.
    pub(crate) fn on(mut self, line: &str, status: u16, body: &Value) -> Self {
        self.0.entry(line.to_owned()).or_default().push_back((status, body.clone()));
        self
    }

    pub(crate) async fn start(self) -> Running {
        let script = Arc::new(Script { answers: Mutex::new(self.0), seen: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&script));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Running { url, script, _server: server }
    }
}

async fn answer(
    State(script): State<Arc<Script>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let line = format!("{method} {}", uri.path().trim_start_matches("/api/v1"));
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let query = uri.query().unwrap_or_default().to_owned();
    script.seen.lock().unwrap().push(Seen { line: line.clone(), query, headers, body });
    let next = script.answers.lock().unwrap().get_mut(&line).and_then(VecDeque::pop_front);
    match next {
        Some((204, _)) => StatusCode::NO_CONTENT.into_response(),
        Some((status, body)) => (StatusCode::from_u16(status).unwrap(), Json(body)).into_response(),
        None => (StatusCode::IM_A_TEAPOT, format!("not expected: {line}")).into_response(),
    }
}

/// The server; it ends when this is dropped.
pub(crate) struct Running {
    url: String,
    script: Arc<Script>,
    _server: JoinSet<()>,
}

impl Running {
    pub(crate) fn args(&self) -> ServerArgs {
        ServerArgs {
            url: Some(self.url.parse().unwrap()),
            token: Some("t".to_owned().into()),
            data: "no-such-folder".into(),
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.url.parse().unwrap(), "t".to_owned().into()).unwrap()
    }

    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.script.seen.lock().unwrap().clone()
    }

    /// The requests, one line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.line).collect()
    }
}

/// A run as the API shows it.
pub(crate) fn run(status: &str, revision: u64) -> Value {
    let output = if status == "succeeded" { json!({"greet": [{"greeting": "Hello"}]}) } else { Value::Null };
    json!({
        "id": RUN, "workflow_id": WORKFLOW, "workflow_version": 1, "status": status, "revision": revision,
        "attempt": 1, "trigger": {"kind": "manual"}, "input": {}, "output": output, "error": null,
        "created_at": "2026-11-20T10:00:00.000Z", "started_at": "2026-11-20T10:00:00.010Z",
        "finished_at": "2026-11-20T10:00:01.250Z", "steps": []
    })
}

/// A step as the API shows it.
pub(crate) fn step(node: &str, status: &str) -> Value {
    json!({
        "node_id": node, "kind": "http_request", "status": status, "attempts": 1,
        "started_at": "2026-11-20T10:00:00.000Z", "finished_at": "2026-11-20T10:00:00.120Z",
        "output": null, "error": null
    })
}
