//! `GET /runs/{id}`: what a function asks that has somebody who waits for a run.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use domain::ids::RunId;
use metrics::counter;
use minireipaz::{
    live::{Ask, OWNER_UNAVAILABLE, UNKNOWN_RUN},
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
    if let Err(stranger) = state.door.admit(&headers) {
        return problem(StatusCode::UNAUTHORIZED, "unauthorized", &stranger.to_string());
    }
    let query = uri.query().unwrap_or_default();
    let asked = id.parse::<RunId>().map_err(|error| error.to_string());
    let asked = asked.and_then(|run| {
        let (tenant, ask) = Ask::of_query(query).map_err(|error| error.to_string())?;
        Ok(((tenant, run), ask))
    });
    let (key, ask) = match asked {
        Ok(asked) => asked,
        Err(detail) => return problem(StatusCode::BAD_REQUEST, "invalid_parameter", &detail),
    };
    match state.peers.elsewhere(key.1) {
        Some(owner) if !headers.contains_key(HANDED_OVER) => {
            let place = match state.readers.take_place(&key.0) {
                Ok(place) => place,
                Err(refusal) => return refused(&refusal),
            };
            let answer = state.owners.ask(owner, &key, ask).await;
            drop(place);
            count("asked_elsewhere");
            answer.unwrap_or_else(|why| {
                let detail = format!("the worker that the run belongs to gave no answer: {why}");
                problem(StatusCode::SERVICE_UNAVAILABLE, OWNER_UNAVAILABLE, &detail)
            })
        }
        _ => match state.readers.read(key, ask).await {
            Ok(view) => match view.json().await {
                Ok(json) => {
                    count("answered");
                    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
                }
                Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", &error),
            },
            Err(why) => refused(&why),
        },
    }
}

fn refused(why: &NoAnswer) -> Response {
    let (outcome, status, code) = match why {
        // Either way the store is the one to ask.
        NoAnswer::Unknown(_) | NoAnswer::TooLarge { .. } => ("unknown", StatusCode::NOT_FOUND, UNKNOWN_RUN),
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
fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
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
