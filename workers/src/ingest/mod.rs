//! The worker's HTTP door: the connector's batches of tasks, health and metrics.

mod health;
mod sorted;

use std::{sync::Arc, time::Instant};

use axum::{
    Json, Router,
    body::{Bytes, HttpBody},
    extract::{DefaultBodyLimit, FromRequest, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use metrics::{counter, histogram};
use metrics_exporter_prometheus::PrometheusHandle;
use minireipaz::clock::Clock;
use minireipaz::{auth::CallbackSecrets, ingest::BodyWatch, store::Store, telemetry::names};
use serde_json::json;
use tokio::sync::oneshot;

use self::sorted::Sender;

use crate::{
    documents::Documents,
    journal::Journal,
    peers::{HANDED_OVER, Peers},
    processor::{Delivery, Gate, Input, Inputs, Refusal},
};

/// Largest body of a batch: 16 MiB, above what a connector of ours sends (4 MB).
const MAX_BODY_BYTES: usize = 16 << 20;

/// The name under which dead letters are kept.
pub(crate) const CONSUMER: &str = "worker";

/// When to come back after a refusal, in seconds.
const RETRY_AFTER: &str = "1";

/// What ingest works with.
pub(crate) struct IngestState {
    pub(crate) secrets: CallbackSecrets,
    pub(crate) gate: Arc<Gate>,
    pub(crate) inputs: Inputs,
    pub(crate) peers: Peers,
    pub(crate) journal: Arc<Journal>,
    pub(crate) documents: Arc<Documents>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Option<PrometheusHandle>,
    pub(crate) bodies: BodyWatch,
}

/// The routes.
pub(crate) fn router(state: Arc<IngestState>) -> Router {
    Router::new()
        .route("/tasks", post(take))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .with_state(state)
}

async fn take(State(state): State<Arc<IngestState>>, request: Request) -> Response {
    let began = Instant::now();
    let response = taken(&state, request).await;
    let status = response.status().as_str().to_owned();
    histogram!(names::WORKER_REQUEST_SECONDS, names::STATUS => status).record(began.elapsed());
    response
}

/// The batch is answered once all of it is durable; a bad record in it counts as handled. Who may not call, or comes
/// when there is no room, is told so before the body is read.
async fn taken(state: &Arc<IngestState>, request: Request) -> Response {
    if !state.knows(request.headers()) {
        return refused(
            StatusCode::UNAUTHORIZED,
            "the secret is missing or wrong: set `Authorization: Bearer …` or `X-API-KEY` to CONNECTOR_SECRET",
        );
    }
    let sender = if request.headers().contains_key(HANDED_OVER) { Sender::Peer } else { Sender::Connector };
    let size = request.body().size_hint().upper().and_then(|bytes| usize::try_from(bytes).ok());
    let size = size.unwrap_or(MAX_BODY_BYTES).min(MAX_BODY_BYTES);
    let admission = match state.gate.admit(size, sender == Sender::Peer) {
        Ok(admission) => admission,
        Err(refusal) => return refuse(&refusal),
    };
    let body = match Bytes::from_request(request, &()).await {
        Ok(body) => body,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let detail =
                format!("a batch has at most {MAX_BODY_BYTES} bytes; lower the connector's batch.max.size");
            return refused(StatusCode::PAYLOAD_TOO_LARGE, &detail);
        }
        Err(rejection) => return refused(rejection.status(), &rejection.body_text()),
    };
    let batch = match sorted::read(state, body, sender).await {
        Ok(batch) => batch,
        Err(error) => {
            tracing::warn!(%error, "the store cannot say whether old runs are known; the batch is sent back");
            return unavailable("the store cannot be asked whether runs that are not new are known");
        }
    };
    let (reply, answer) = oneshot::channel();
    let sorted::SortedRecords { tasks, rejected, elsewhere, letters, known, .. } = batch;
    let delivery = Delivery { tasks, rejected, elsewhere, letters, reply, admission };
    if !state.inputs.send(Input::Delivery(delivery)) {
        return refuse(&Refusal::Closed);
    }
    match answer.await {
        Ok(Ok(mut receipt)) => {
            receipt.duplicates += known;
            Json(receipt).into_response()
        }
        Ok(Err(_refused)) => refuse(&Refusal::Disk),
        Err(_gone) => refuse(&Refusal::Closed),
    }
}

impl IngestState {
    fn knows(&self, headers: &HeaderMap) -> bool {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text(header::AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer "));
        bearer.or_else(|| text("x-api-key")).is_some_and(|secret| self.secrets.verify(secret.trim()))
    }
}

fn refuse(refusal: &Refusal) -> Response {
    match refusal {
        Refusal::Busy { .. } | Refusal::Backlog { .. } => {
            refused(StatusCode::TOO_MANY_REQUESTS, &refusal.to_string())
        }
        Refusal::Disk | Refusal::Closed => refused(StatusCode::SERVICE_UNAVAILABLE, &refusal.to_string()),
    }
}

fn unavailable(detail: &str) -> Response {
    refused(StatusCode::SERVICE_UNAVAILABLE, detail)
}

fn refused(status: StatusCode, detail: &str) -> Response {
    counter!(names::WORKER_REFUSED, names::STATUS => status.as_str().to_owned()).increment(1);
    let problem = json!({
        "type": "about:blank", "status": status.as_u16(), "detail": detail,
        "title": status.canonical_reason().unwrap_or_default(),
    });
    let mut response =
        (status, [(header::CONTENT_TYPE, "application/problem+json")], problem.to_string()).into_response();
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static(RETRY_AFTER));
    }
    response
}
