//! `POST /credentials/{id}/exchange` and `/credentials/{id}/test`: what functions want of credentials, whose addresses only
//! a worker calls.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use domain::{credential::CredentialKey, ids::CredentialId};
use http_body_util::BodyExt as _;
use minireipaz::credentials::worker::{Exchange, Trial};
use serde::de::DeserializeOwned;

use super::{IngestState, runs::problem};
use crate::credentials::CredentialFailure;

/// A code and what belongs to it is short.
const MAX_BODY: usize = 32 * 1024;

/// Exchanges a code for tokens, and keeps them.
pub(super) async fn exchange(
    State(state): State<Arc<IngestState>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let (id, asked) = match asked::<Exchange>(&state, &id, request).await {
        Ok(asked) => asked,
        Err(refusal) => return *refusal,
    };
    let Exchange { tenant, code, verifier, redirect_uri } = asked;
    let Ok(_place) = state.trials.take(&tenant).await else { return too_many() };
    let Some(credentials) = state.runner.credentials() else { return refused(&CredentialFailure::off()) };
    let key: CredentialKey = (tenant, id);
    match credentials.exchange(&key, code, verifier, redirect_uri).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(failure) => refused(&failure),
    }
}

/// Tries a credential.
pub(super) async fn test(
    State(state): State<Arc<IngestState>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let (id, asked) = match asked::<Trial>(&state, &id, request).await {
        Ok(asked) => asked,
        Err(refusal) => return *refusal,
    };
    let Ok(_place) = state.trials.take(&asked.tenant).await else { return too_many() };
    Json(state.runner.try_credential((asked.tenant, id), asked.url).await).into_response()
}

/// What somebody asks who may.
async fn asked<T: DeserializeOwned>(
    state: &IngestState,
    id: &str,
    request: Request,
) -> Result<(CredentialId, T), Box<Response>> {
    let headers: &HeaderMap = request.headers();
    if let Err(stranger) = state.door.admit(headers) {
        return Err(Box::new(problem(StatusCode::UNAUTHORIZED, "unauthorized", &stranger.to_string())));
    }
    let invalid = |detail: String| Box::new(problem(StatusCode::BAD_REQUEST, "invalid_body", &detail));
    let id = id.parse::<CredentialId>().map_err(|error| invalid(error.to_string()))?;
    let limited = http_body_util::Limited::new(request.into_body(), MAX_BODY);
    let bytes: Bytes = limited.collect().await.map_err(|error| invalid(error.to_string()))?.to_bytes();
    // What serde says of a value may hold it.
    let asked = serde_json::from_slice(&bytes).map_err(|_| invalid("it has another form".to_owned()))?;
    Ok((id, asked))
}

fn refused(failure: &CredentialFailure) -> Response {
    problem(StatusCode::UNPROCESSABLE_ENTITY, &failure.error.code, &failure.error.message)
}

fn too_many() -> Response {
    let detail = "too many credentials of this tenant are tried at the same time; try again later";
    problem(StatusCode::TOO_MANY_REQUESTS, "too_many_trials", detail)
}
