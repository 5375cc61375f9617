//! The web API that workflows under test call: it counts, and answers when the test says so.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::any,
};
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::{Barrier, Semaphore, watch},
    task::JoinSet,
};

/// `/ok/{name}` answers at once; `/held/{name}` when [`Target::release`] lets it; `/both/{name}` when two are there;
/// `/status/{code}` with that status; `/flaky/{name}` with 503 to its first call.
pub(crate) struct Target {
    addr: SocketAddr,
    state: Arc<Calls>,
    _server: JoinSet<()>,
}

struct Calls {
    counts: Mutex<HashMap<String, usize>>,
    keys: Mutex<Vec<String>>,
    arrived: watch::Sender<usize>,
    held: Semaphore,
    both: Barrier,
}

impl Target {
    pub(crate) async fn start() -> Self {
        let state = Arc::new(Calls {
            counts: Mutex::default(),
            keys: Mutex::default(),
            arrived: watch::channel(0).0,
            held: Semaphore::new(0),
            both: Barrier::new(2),
        });
        let router = Router::new().route("/{kind}/{name}", any(answer)).with_state(Arc::clone(&state));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { addr, state, _server: server }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.addr)
    }

    /// How often this name was called.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.state.counts.lock().unwrap().get(name).copied().unwrap_or(0)
    }

    /// Idempotency keys, in order of the calls.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.state.keys.lock().unwrap().clone()
    }

    /// Waits until so many calls in all have arrived.
    pub(crate) async fn arrived(&self, calls: usize) {
        self.state.arrived.subscribe().wait_for(|arrived| *arrived >= calls).await.unwrap();
    }

    /// Calls in all.
    pub(crate) fn calls(&self) -> usize {
        *self.state.arrived.borrow()
    }

    /// Lets so many held calls be answered.
    pub(crate) fn release(&self, calls: usize) {
        self.state.held.add_permits(calls);
    }
}

async fn answer(
    State(calls): State<Arc<Calls>>,
    Path((kind, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
    calls.keys.lock().unwrap().push(key.to_owned());
    let count = {
        let mut counts = calls.counts.lock().unwrap();
        let count = counts.entry(name.clone()).or_default();
        *count += 1;
        *count
    };
    calls.arrived.send_modify(|arrived| *arrived += 1);
    match kind.as_str() {
        "held" => calls.held.acquire().await.unwrap().forget(),
        "both" => {
            calls.both.wait().await;
        }
        "status" => return StatusCode::from_u16(name.parse().unwrap()).unwrap().into_response(),
        "flaky" if count == 1 => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        _ => {}
    }
    Json(json!({"name": name, "call": count})).into_response()
}
