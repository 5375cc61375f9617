//! The runtime API of Lambda, version 2018-06-01, as its documentation describes it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{get, post},
};
use minireipaz::clock::{Clock, SystemClock};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// How long an invocation may take: what API Gateway waits for.
const TIME_LIMIT: Duration = Duration::from_secs(29);

/// How an invocation ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// With what the function posted to `…/response`.
    Response(Value),
    /// With what it posted to `…/error`.
    Error(String),
}

/// The API, and the events that wait for the function to ask.
#[derive(Clone)]
pub(super) struct RuntimeApi {
    events: mpsc::UnboundedSender<(String, Value)>,
    shared: Arc<Shared>,
}

struct Shared {
    queue: tokio::sync::Mutex<mpsc::UnboundedReceiver<(String, Value)>>,
    running: Mutex<HashMap<String, oneshot::Sender<Outcome>>>,
}

impl RuntimeApi {
    pub(super) fn new() -> Self {
        let (events, queue) = mpsc::unbounded_channel();
        let shared = Shared { queue: tokio::sync::Mutex::new(queue), running: Mutex::default() };
        Self { events, shared: Arc::new(shared) }
    }

    pub(super) fn router(&self) -> Router {
        let runtime = Router::new()
            .route("/invocation/next", get(next))
            .route("/invocation/{id}/response", post(response))
            .route("/invocation/{id}/error", post(error))
            .route("/init/error", post(init_error))
            .with_state(self.clone());
        // A reply may have 6 MB.
        Router::new()
            .nest("/2018-06-01/runtime", runtime)
            .layer(axum::extract::DefaultBodyLimit::max(6 << 20))
    }

    /// Hands over an event and waits for its outcome.
    pub(super) async fn invoke(&self, event: Value) -> Outcome {
        let id = Uuid::new_v4().to_string();
        let (sender, outcome) = oneshot::channel();
        self.shared.running.lock().unwrap().insert(id.clone(), sender);
        self.events.send((id, event)).unwrap();
        tokio::time::timeout(TIME_LIMIT, outcome).await.expect("the function answers in time").unwrap()
    }

    fn ended(&self, id: &str, outcome: Outcome) -> StatusCode {
        match self.shared.running.lock().unwrap().remove(id) {
            Some(waiting) => {
                let _ = waiting.send(outcome);
                StatusCode::ACCEPTED
            }
            None => StatusCode::BAD_REQUEST,
        }
    }
}

async fn next(State(api): State<RuntimeApi>) -> impl IntoResponse {
    let (id, event) = api.shared.queue.lock().await.recv().await.unwrap();
    let deadline = (SystemClock.now().as_millis() + TIME_LIMIT.as_millis() as i64).to_string();
    let headers = [
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", deadline),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-1:123456789012:function:f".into()),
        (
            "lambda-runtime-trace-id",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1".into(),
        ),
    ];
    let mut answer = axum::Json(event).into_response();
    for (name, value) in headers {
        answer.headers_mut().insert(name, value.parse().unwrap());
    }
    answer
}

async fn response(State(api): State<RuntimeApi>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    api.ended(&id, Outcome::Response(serde_json::from_slice(&body).unwrap()))
}

async fn error(
    State(api): State<RuntimeApi>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let kind = headers.get("lambda-runtime-function-error-type").map(|kind| kind.to_str().unwrap());
    let text = format!("{}: {}", kind.unwrap_or("-"), String::from_utf8_lossy(&body));
    api.ended(&id, Outcome::Error(text))
}

async fn init_error(State(api): State<RuntimeApi>, body: Bytes) -> StatusCode {
    let text = format!("at the start: {}", String::from_utf8_lossy(&body));
    for (_, waiting) in api.shared.running.lock().unwrap().drain() {
        let _ = waiting.send(Outcome::Error(text.clone()));
    }
    StatusCode::ACCEPTED
}
