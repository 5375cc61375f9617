//! `/api/v1/credentials/{id}/test`: whether it is good.

use axum::{Json, extract::State};
use utoipa_axum::routes;

use super::super::{Problems, Routes};
use crate::{
    credentials::worker::TrialResult,
    http::{
        extract::{Authorized, CredentialPath, CredentialTestBody, CredentialsWrite},
        problem::{ApiError, Problem},
        state::AppState,
    },
};
use domain::ids::CredentialId;

/// The route.
pub(super) fn router() -> Routes {
    Routes::new().routes(routes!(test))
}

/// Tries a credential: a worker calls the address with it (GET), as a step would. Of `oauth2` it asks the provider for a
/// token first, and without an address for nothing else.
///
/// The answer tells the status and what is wrong, and nothing of what the server sent.
#[utoipa::path(post, path = "/api/v1/credentials/{id}/test", operation_id = "testCredential", tag = "credentials",
    request_body(content = Option<CredentialTestBody>, description = "What is called."),
    params(("id" = CredentialId, Path, description = "The credential's id.")), responses(
    (status = 200, description = "What came of it.", body = TrialResult),
    (status = 413, description = "The body is above its limit.", body = Problem, content_type = "application/problem+json"),
    (status = 415, description = "The body is not JSON by its content type.", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "The body is not what it must be.", body = Problem, content_type = "application/problem+json"),
    Problems,
))]
async fn test(
    State(app): State<AppState>,
    who: Authorized<CredentialsWrite>,
    CredentialPath(id): CredentialPath,
    CredentialTestBody { url }: CredentialTestBody,
) -> Result<Json<TrialResult>, ApiError> {
    Ok(Json(app.credentials.test(&who.caller, id, url).await?))
}
