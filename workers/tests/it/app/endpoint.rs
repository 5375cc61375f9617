//! The server that steps call: it notes every call and answers as it was told to.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use super::within;

/// How a call is answered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    /// With this status.
    Status(u16),
    /// With this status, and JSON of so many levels.
    Deep(u16, usize),
    /// Once [`Endpoint::release`] was called.
    Held,
    /// Never.
    Never,
    /// Once so many calls are in.
    Together(usize),
}

/// The server.
pub(crate) struct Endpoint {
    addr: SocketAddr,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

/// What is noted of a call.
struct Call {
    path: String,
    /// Its headers `Idempotency-Key` and `traceparent`; empty when they are missing.
    key: String,
    traceparent: String,
}

struct Shared {
    /// By path; the last answer stays.
    answers: Mutex<HashMap<String, VecDeque<Answer>>>,
    calls: watch::Sender<Vec<Call>>,
    released: watch::Sender<bool>,
}

impl Endpoint {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            answers: Mutex::default(),
            calls: watch::Sender::default(),
            released: watch::Sender::default(),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { addr, shared, _server: server }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Answers calls of that path with these, one after the other; the last one again and again.
    pub(crate) fn on(&self, path: &str, answers: &[Answer]) {
        self.shared.answers.lock().unwrap().insert(path.to_owned(), answers.iter().copied().collect());
    }

    /// Answers the calls that are held, now and from now on.
    pub(crate) fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// The idempotency keys of the calls of that path, in order.
    pub(crate) fn keys(&self, path: &str) -> Vec<String> {
        self.noted(path, |call| call.key.clone())
    }

    /// Their trace contexts.
    pub(crate) fn traces(&self, path: &str) -> Vec<String> {
        self.noted(path, |call| call.traceparent.clone())
    }

    fn noted(&self, path: &str, what: impl Fn(&Call) -> String) -> Vec<String> {
        self.shared.calls.borrow().iter().filter(|call| call.path == path).map(what).collect()
    }

    /// How many calls of that path came.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.keys(path).len()
    }

    /// Waits until so many calls of that path came.
    pub(crate) async fn called(&self, path: &str, times: usize) {
        let mut calls = self.shared.calls.subscribe();
        let came = |calls: &Vec<Call>| calls.iter().filter(|call| call.path == path).count() >= times;
        within("a call", calls.wait_for(came)).await.unwrap();
    }
}

impl Endpoint {
    /// Waits until calls of that path came with all of these keys.
    pub(crate) async fn called_with(&self, path: &str, keys: &BTreeSet<String>) {
        let mut calls = self.shared.calls.subscribe();
        let came = |calls: &Vec<Call>| {
            let came: BTreeSet<_> =
                calls.iter().filter(|call| call.path == path).map(|call| &call.key).collect();
            keys.iter().all(|key| came.contains(key))
        };
        within("calls of all", calls.wait_for(came)).await.unwrap();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().to_owned();
    let noted = |name| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let call = Call { path: path.clone(), key: noted("idempotency-key"), traceparent: noted("traceparent") };
    let answer = {
        let mut answers = shared.answers.lock().unwrap();
        let answers = answers.entry(path.clone()).or_default();
        if answers.len() > 1 { answers.pop_front() } else { answers.front().copied() }
    };
    shared.calls.send_modify(|calls| calls.push(call));
    match answer.unwrap_or(Answer::Status(200)) {
        Answer::Status(200) => {}
        Answer::Status(status) => return StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Deep(status, levels) => {
            let body = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
            let json = [(header::CONTENT_TYPE, "application/json")];
            return (StatusCode::from_u16(status).unwrap(), json, body).into_response();
        }
        Answer::Held => {
            shared.released.subscribe().wait_for(|released| *released).await.unwrap();
        }
        Answer::Never => std::future::pending().await,
        Answer::Together(count) => {
            shared.calls.subscribe().wait_for(|calls| calls.len() >= count).await.unwrap();
        }
    }
    Json(json!({ "path": path })).into_response()
}
