//! `GET /runs/{id}` and `GET /runs/{id}/items`: what a function asks that has somebody who reads a run.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use domain::{
    ids::{RunId, TenantId},
    run::RunKey,
};
use metrics::counter;
use minireipaz::{
    live::{Ask, ITEMS, InvalidAsk, ItemsAsk, OWNER_UNAVAILABLE, UNKNOWN_RUN},
    telemetry::names,
};
use serde_json::json;

use super::{IngestState, RETRY_AFTER};
use crate::{peers::HANDED_OVER, readers::NoAnswer};

/// The run, as the worker that it belongs to has it: this one, or the one that it asks.
pub(super) async fn read(
    State(state): State<Arc<IngestState>>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let asked = asked(&state, &id, &headers, || Ask::of_query(uri.query().unwrap_or_default()));
    let (key, ask) = match asked {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let below = format!("{}?{}", key.1, ask.query(&key.0));
    if let Some(answer) = elsewhere(&state, &headers, &key, &below, ask.wait).await {
        return answer;
    }
    match state.readers.read(key, ask).await {
        Ok(view) => match view.json().await {
            Ok(json) => answered(json),
            Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", &error),
        },
        Err(why) => refused(&why),
    }
}

/// The items of one of its steps, likewise.
pub(super) async fn items(
    State(state): State<Arc<IngestState>>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let asked = asked(&state, &id, &headers, || ItemsAsk::of_query(uri.query().unwrap_or_default()));
    let (key, ask) = match asked {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let below = format!("{}{ITEMS}?{}", key.1, ask.query(&key.0));
    if let Some(answer) = elsewhere(&state, &headers, &key, &below, Duration::ZERO).await {
        return answer;
    }
    match state.readers.items(key, ask).await {
        Ok(json) => answered(json),
        Err(why) => refused(&why),
    }
}

/// What somebody asks about a run who may.
#[expect(clippy::result_large_err, reason = "it is the answer")]
fn asked<A>(
    state: &IngestState,
    id: &str,
    headers: &HeaderMap,
    ask: impl FnOnce() -> Result<(TenantId, A), InvalidAsk>,
) -> Result<(RunKey, A), Response> {
    if let Err(stranger) = state.door.admit(headers) {
        return Err(problem(StatusCode::UNAUTHORIZED, "unauthorized", &stranger.to_string()));
    }
    let invalid = |detail: String| problem(StatusCode::BAD_REQUEST, "invalid_parameter", &detail);
    let run = id.parse::<RunId>().map_err(|error| invalid(error.to_string()))?;
    let (tenant, ask) = ask().map_err(|error| invalid(error.to_string()))?;
    Ok(((tenant, run), ask))
}

/// The answer of the worker that the run belongs to; `None`: it is this one.
async fn elsewhere(
    state: &IngestState,
    headers: &HeaderMap,
    key: &RunKey,
    below: &str,
    wait: Duration,
) -> Option<Response> {
    let owner = state.peers.elsewhere(key.1).filter(|_| !headers.contains_key(HANDED_OVER))?;
    let place = match state.readers.take_place(&key.0) {
        Ok(place) => place,
        Err(refusal) => return Some(refused(&refusal)),
    };
    let answer = state.owners.ask(owner, below, wait).await;
    drop(place);
    count("asked_elsewhere");
    Some(answer.unwrap_or_else(|why| {
        let detail = format!("the worker that the run belongs to gave no answer: {why}");
        problem(StatusCode::SERVICE_UNAVAILABLE, OWNER_UNAVAILABLE, &detail)
    }))
}

fn answered(json: Bytes) -> Response {
    count("answered");
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}

fn refused(why: &NoAnswer) -> Response {
    let (outcome, status, code) = match why {
        // Either way the store is the one to ask.
        NoAnswer::Unknown(_) | NoAnswer::NoSuchItems | NoAnswer::TooLarge { .. } => {
            ("unknown", StatusCode::NOT_FOUND, UNKNOWN_RUN)
        }
        NoAnswer::TooManyWaiters { .. } | NoAnswer::TooManyReads(_) => {
            ("refused", StatusCode::TOO_MANY_REQUESTS, "too_many_waiters")
        }
        NoAnswer::Stopping => ("refused", StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        NoAnswer::Journal(_) => ("refused", StatusCode::SERVICE_UNAVAILABLE, "journal_unavailable"),
    };
    count(outcome);
    if let NoAnswer::Journal(error) = why {
        tracing::error!(%error, "a run cannot be read from the journal");
    }
    problem(status, code, &why.to_string())
}

fn count(outcome: &'static str) {
    counter!(names::WORKER_READS, names::OUTCOME => outcome).increment(1);
}

/// A problem whose `code` tells a run that is not known from a route that does not exist.
pub(super) fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let problem = json!({
        "type": format!("urn:minireipaz:problem:{code}"), "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(), "code": code, "detail": detail,
    });
    let json = [(header::CONTENT_TYPE, "application/problem+json")];
    let mut response = (status, json, problem.to_string()).into_response();
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
    }
    response
}
