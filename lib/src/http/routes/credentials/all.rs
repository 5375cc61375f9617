//! `/api/v1/credentials`: create and list; `/api/v1/credentials/types`: what types there are.

use axum::{Json, extract::State};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

use super::super::{Problems, Routes, UnreadableEntry};
use crate::http::{
    extract::{Authorized, CredentialBody, CredentialsRead, CredentialsWrite, PageQuery, cursor_text, etag},
    problem::{ApiError, Problem},
    state::AppState,
};
use domain::credential::{Credential, CredentialType, TypeDescription};

/// The routes.
pub(super) fn router() -> Routes {
    Routes::new().routes(routes!(create, list)).routes(routes!(types))
}

/// A page of credentials.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub(super) struct CredentialPage {
    /// The credentials, last changed first.
    pub items: Vec<Credential>,
    /// Those of the page that cannot be read; missing when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<UnreadableEntry>,
    /// Pass it as `cursor` to get the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// The types of credentials.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct CredentialTypes {
    /// All of them, each with the schema of its values.
    pub items: Vec<TypeDescription>,
}

/// Saves a new credential.
///
/// Its values are sealed before they are stored. No answer ever holds them: to change one, send all of them again.
#[utoipa::path(post, path = "/api/v1/credentials", operation_id = "createCredential", tag = "credentials", request_body = CredentialBody, responses(
    (status = 201, description = "Saved as version 1.", body = Credential, headers(
        ("Location" = String, description = "The credential's address."),
        ("ETag" = String, description = "Its version, for `If-Match`."))),
    (status = 409, description = "There are as many as there may be (`too_many_credentials`).", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "The body is above its limit.", body = Problem, content_type = "application/problem+json"),
    (status = 415, description = "The body is not JSON by its content type.", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "It is JSON and not a valid credential; see `violations`.", body = Problem, content_type = "application/problem+json"),
    Problems,
))]
async fn create(
    State(app): State<AppState>,
    who: Authorized<CredentialsWrite>,
    body: CredentialBody,
) -> Result<(StatusCode, [(HeaderName, HeaderValue); 2], Json<Credential>), ApiError> {
    let credential = app.credentials.create(&who.caller, body.into()).await?;
    let location = HeaderValue::from_str(&format!("/api/v1/credentials/{}", credential.id))
        .map_err(|error| ApiError::internal().caused_by(error))?;
    let headers = [(header::LOCATION, location), (header::ETAG, etag(credential.version))];
    Ok((StatusCode::CREATED, headers, Json(credential)))
}

/// Lists credentials without their values, last changed first.
#[utoipa::path(get, path = "/api/v1/credentials", operation_id = "listCredentials", tag = "credentials", params(
    ("limit" = Option<u32>, Query, description = "How many, 1 to 200 (50).", minimum = 1, maximum = 200),
    ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before.", pattern = r"^[A-Za-z0-9_-]{32}$"),
), responses((status = 200, description = "A page.", body = CredentialPage), Problems))]
async fn list(
    State(app): State<AppState>,
    who: Authorized<CredentialsRead>,
    PageQuery(page): PageQuery,
) -> Result<Json<CredentialPage>, ApiError> {
    let page = app.credentials.list(&who.caller, &page).await?;
    Ok(Json(CredentialPage {
        items: page.items,
        unreadable: page.unreadable.into_iter().map(UnreadableEntry::of).collect(),
        next_cursor: page.next.as_ref().map(cursor_text),
    }))
}

/// The types of credentials, each with the JSON Schema of its values.
#[utoipa::path(get, path = "/api/v1/credentials/types", operation_id = "listCredentialTypes", tag = "credentials",
    responses((status = 200, description = "All of them.", body = CredentialTypes), Problems))]
async fn types(_: Authorized<CredentialsRead>) -> Json<CredentialTypes> {
    Json(CredentialTypes { items: CredentialType::ALL.into_iter().map(CredentialType::describe).collect() })
}
