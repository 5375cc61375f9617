//! The worker's HTTP door: the connector's batches of tasks, what has become of runs, health and metrics.

mod body;
mod credentials;
mod health;
mod runs;
mod sorted;

use std::{sync::Arc, time::Instant};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use domain::ids::TenantId;
use metrics::{counter, histogram};
use metrics_exporter_prometheus::PrometheusHandle;
use minireipaz::clock::Clock;
use minireipaz::{
    auth::{ConnectorDoor, TurnedAway},
    credentials::worker::{EXCHANGE, PATH as CREDENTIALS, TEST},
    fair::Places,
    ingest::BatchReader,
    live,
    store::Store,
    telemetry::names,
};
use serde_json::json;
use tokio::sync::oneshot;

use self::body::NotRead;

use crate::{
    documents::Documents,
    journal::Journal,
    peers::{HANDED_OVER, Owners, Peers},
    processor::{Delivery, Gate, Input, Inputs, Refusal, Sender},
    readers::Readers,
    runner::Runner,
    vitals::Vitals,
};

/// Largest body of a batch: 16 MiB, above what a connector of ours sends (4 MB).
const MAX_BODY_BYTES: usize = 16 << 20;

/// When to come back after a refusal, in seconds.
const RETRY_AFTER: &str = "1";

/// What ingest works with.
pub(crate) struct IngestState {
    pub(crate) door: ConnectorDoor,
    pub(crate) gate: Arc<Gate>,
    pub(crate) inputs: Inputs,
    pub(crate) peers: Peers,
    pub(crate) journal: Arc<Journal>,
    pub(crate) documents: Arc<Documents>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Option<PrometheusHandle>,
    pub(crate) batches: BatchReader,
    pub(crate) readers: Arc<Readers>,
    pub(crate) owners: Owners,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) runner: Runner,
    /// Who may have a provider or a server called at the moment.
    pub(crate) trials: Arc<Places<TenantId>>,
}

/// The routes.
pub(crate) fn router(state: Arc<IngestState>) -> Router {
    Router::new()
        .route("/tasks", post(take))
        .route(&format!("{}/{{id}}", live::PATH), get(runs::read))
        .route(&format!("{}/{{id}}{}", live::PATH, live::ITEMS), get(runs::items))
        .route(&format!("{CREDENTIALS}/{{id}}{EXCHANGE}"), post(credentials::exchange))
        .route(&format!("{CREDENTIALS}/{{id}}{TEST}"), post(credentials::test))
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
    if let Err(stranger) = state.door.admit(request.headers()) {
        return turn_away(stranger);
    }
    let sender = if request.headers().contains_key(HANDED_OVER) { Sender::Peer } else { Sender::Connector };
    let (body, admission) = match body::read(&state.gate, request.into_body(), sender).await {
        Ok(read) => read,
        Err(NotRead::Refused(refusal)) => return refuse(&refusal),
        Err(NotRead::TooLarge) => return turn_away(state.door.too_large(MAX_BODY_BYTES)),
        // Sent again it may come whole.
        Err(why @ (NotRead::TooSlow(_) | NotRead::BrokenOff(_))) => return unavailable(&why.to_string()),
    };
    let batch = match sorted::read(state, body, sender).await {
        Ok(batch) => batch,
        Err(error) => {
            tracing::warn!(%error, "the store cannot say whether old runs are known; the batch is sent back");
            return unavailable("the store cannot be asked whether runs that are not new are known");
        }
    };
    let (reply, answer) = oneshot::channel();
    let sorted::SortedRecords { tasks, rejected, elsewhere, controls, letters, known, .. } = batch;
    let delivery = Delivery { tasks, rejected, elsewhere, controls, letters, reply, admission };
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

fn turn_away(refusal: TurnedAway) -> Response {
    let status = match refusal {
        TurnedAway::Stranger(_) => StatusCode::UNAUTHORIZED,
        TurnedAway::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
    };
    refused(status, &refusal.to_string())
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
