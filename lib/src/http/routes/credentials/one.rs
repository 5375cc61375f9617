//! `/api/v1/credentials/{id}`: read, change, delete; `/api/v1/credentials/{id}/used_by`: who uses it.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa_axum::routes;

use super::super::{Problems, Routes};
use crate::{
    http::{
        extract::{
            Authorized, CredentialChangeBody, CredentialPath, CredentialsRead, CredentialsWrite, Force,
            IfMatch, IfNoneMatch, etag,
        },
        problem::{ApiError, Problem},
        state::AppState,
    },
    service::Precondition,
    store::UsedBy,
};
use domain::{credential::Credential, ids::CredentialId};

/// The routes.
pub(super) fn router() -> Routes {
    Routes::new().routes(routes!(get, change, delete)).routes(routes!(used_by))
}

/// A credential, without its values.
#[utoipa::path(get, path = "/api/v1/credentials/{id}", operation_id = "getCredential", tag = "credentials", params(
    ("id" = CredentialId, Path, description = "The credential's id."),
    ("If-None-Match" = Option<String>, Header, description = "The version that you have."),
), responses(
    (status = 200, description = "It.", body = Credential, headers(("ETag" = String, description = "Its version."))),
    (status = 304, description = "You have it already."),
    Problems,
))]
async fn get(
    State(app): State<AppState>,
    who: Authorized<CredentialsRead>,
    CredentialPath(id): CredentialPath,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let credential = app.credentials.get(&who.caller, id).await?;
    let tag = [(header::ETAG, etag(credential.version))];
    Ok(if known.has(credential.version) {
        (StatusCode::NOT_MODIFIED, tag).into_response()
    } else {
        (tag, Json(credential)).into_response()
    })
}

/// Changes a credential: what is left out stays; new `values` replace all old ones.
///
/// Steps that begin some seconds later use it. The values are sealed with the first of the keys, also those that stay: so
/// an empty change (`{}`) is what frees an old key. What a provider gave stays, unless the client is another one now.
#[utoipa::path(put, path = "/api/v1/credentials/{id}", operation_id = "changeCredential", tag = "credentials",
    request_body(content = Option<CredentialChangeBody>, description = "What is to be different."), params(
    ("id" = CredentialId, Path, description = "The credential's id."),
    ("If-Match" = String, Header, description = "The version that you have read (`ETag`), or `*`."),
), responses(
    (status = 200, description = "Saved.", body = Credential, headers(("ETag" = String, description = "Its version."))),
    (status = 409, description = "Its old values are to stay and do not open (`credential_not_opened`).", body = Problem, content_type = "application/problem+json"),
    (status = 412, description = "It has another version now: `current_version`.", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "The body is above its limit.", body = Problem, content_type = "application/problem+json"),
    (status = 415, description = "The body is not JSON by its content type.", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "It is JSON and not a valid change; see `violations`.", body = Problem, content_type = "application/problem+json"),
    (status = 428, description = "`If-Match` is missing.", body = Problem, content_type = "application/problem+json"),
    Problems,
))]
async fn change(
    State(app): State<AppState>,
    who: Authorized<CredentialsWrite>,
    CredentialPath(id): CredentialPath,
    condition: IfMatch,
    body: CredentialChangeBody,
) -> Result<([(HeaderName, HeaderValue); 1], Json<Credential>), ApiError> {
    let credential = app.credentials.change(&who.caller, id, &condition.required()?, body.into()).await?;
    Ok(([(header::ETAG, etag(credential.version))], Json(credential)))
}

/// Deletes a credential. One that the newest version of a workflow names stays, unless it is forced.
#[utoipa::path(delete, path = "/api/v1/credentials/{id}", operation_id = "deleteCredential", tag = "credentials", params(
    ("id" = CredentialId, Path, description = "The credential's id."),
    ("force" = Option<bool>, Query, description = "Delete it although it is used: the steps that name it fail then."),
    ("If-Match" = Option<String>, Header, description = "The version that you have read (`ETag`)."),
), responses(
    (status = 204, description = "Deleted."),
    (status = 409, description = "It is used (`credential_used`); `detail` names workflows.", body = Problem, content_type = "application/problem+json"),
    (status = 412, description = "It has another version now: `current_version`.", body = Problem, content_type = "application/problem+json"),
    Problems,
))]
async fn delete(
    State(app): State<AppState>,
    who: Authorized<CredentialsWrite>,
    CredentialPath(id): CredentialPath,
    Force(force): Force,
    IfMatch(condition): IfMatch,
) -> Result<StatusCode, ApiError> {
    let condition = condition.unwrap_or(Precondition::Exists);
    app.credentials.delete(&who.caller, id, &condition, force).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who uses a credential.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CredentialUse {
    /// The workflows whose newest versions name it, by name; 100 at most (`MAX_USED_BY`).
    items: Vec<UsedBy>,
}

/// The workflows whose newest versions name a credential.
#[utoipa::path(get, path = "/api/v1/credentials/{id}/used_by", operation_id = "listCredentialUse", tag = "credentials", params(
    ("id" = CredentialId, Path, description = "The credential's id."),
), responses((status = 200, description = "They.", body = CredentialUse), Problems))]
async fn used_by(
    State(app): State<AppState>,
    who: Authorized<CredentialsRead>,
    CredentialPath(id): CredentialPath,
) -> Result<Json<CredentialUse>, ApiError> {
    Ok(Json(CredentialUse { items: app.credentials.used_by(&who.caller, id).await? }))
}
