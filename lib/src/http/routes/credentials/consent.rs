//! A person agrees at a provider (OAuth 2.0): `/api/v1/credentials/{id}/authorize` says where, and the provider sends the
//! person back to `/api/v1/credentials/callback`.

use axum::{Json, extract::State, response::Response};
use http::StatusCode;
use utoipa_axum::routes;

use super::super::{Problems, Routes};
use crate::{
    credentials::worker::WorkerError,
    http::{
        extract::{Authorized, Callback, CredentialPath, CredentialsWrite},
        page::page,
        problem::{ApiError, Problem},
        state::AppState,
    },
    service::{Consent, CredentialError},
};
use domain::ids::CredentialId;

/// How much of a provider's word for a refusal is shown.
const MAX_WORD: usize = 64;

/// The routes.
pub(super) fn router() -> Routes {
    Routes::new().routes(routes!(authorize)).routes(routes!(callback))
}

/// Begins a consent: a person opens the address within ten minutes, and agrees at the provider that the credential may
/// act for them.
///
/// The address is a permission: whoever opens it and agrees gives the credential their own access.
#[utoipa::path(post, path = "/api/v1/credentials/{id}/authorize", operation_id = "authorizeCredential", tag = "credentials",
    params(("id" = CredentialId, Path, description = "The credential's id.")), responses(
    (status = 200, description = "Where the person agrees.", body = Consent),
    (status = 409, description = "It needs nobody's consent (`no_consent_needed`), or its values do not open (`credential_not_opened`).", body = Problem, content_type = "application/problem+json"),
    Problems,
))]
async fn authorize(
    State(app): State<AppState>,
    who: Authorized<CredentialsWrite>,
    CredentialPath(id): CredentialPath,
) -> Result<Json<Consent>, ApiError> {
    Ok(Json(app.credentials.ask_consent(&who.caller, id).await?))
}

/// Where a provider sends a person back to who has agreed, or has not. A page for people.
#[utoipa::path(get, path = "/api/v1/credentials/callback", operation_id = "finishConsent", tag = "credentials",
    security(()),
    params(
        ("state" = String, Query, description = "What the provider was sent."),
        ("code" = Option<String>, Query, description = "The provider's code."),
        ("error" = Option<String>, Query, description = "Why there is none."),
    ), responses(
    (status = 200, description = "The credential can be used.", content_type = "text/html", body = String),
    (status = 409, description = "The provider gave nothing.", content_type = "text/html", body = String),
    (status = 410, description = "It took too long.", content_type = "text/html", body = String),
    Problems,
    (status = 403, description = "The state is not valid.", content_type = "text/html", body = String),
    (status = 503, description = "No worker answers.", content_type = "text/html", body = String),
))]
async fn callback(State(app): State<AppState>, callback: Callback) -> Response {
    let Callback { state, code, error } = callback;
    let taken = match (error, code) {
        (None, Some(code)) => app.credentials.take_consent(&state, code).await,
        // Only a state of ours makes us show what it came with.
        (error, _) => match app.credentials.consent(&state) {
            Ok(_) => return refused(error.as_deref().unwrap_or("there is no code")),
            Err(error) => Err(error),
        },
    };
    match taken {
        Ok(name) => {
            let text = format!("The credential “{name}” may act for you now. You can close this page.");
            page(StatusCode::OK, "Thank you", &text, "")
        }
        Err(CredentialError::State(crate::credentials::InvalidState::Expired)) => {
            page(StatusCode::GONE, "That took too long", "Nothing has changed. Begin again.", "")
        }
        Err(CredentialError::State(_) | CredentialError::NoKeys) => {
            page(StatusCode::FORBIDDEN, "This link is not valid", "Nothing has changed. Begin again.", "")
        }
        Err(CredentialError::Worker(WorkerError::Refused { code, .. })) => refused(&code),
        Err(error) => {
            let error = ApiError::from(error);
            tracing::error!(error.code = error.code(), "a consent is not taken: {}", error.reason());
            page(error.status(), "That did not work", "Nothing has changed. Begin again in a moment.", "")
        }
    }
}

fn refused(word: &str) -> Response {
    let word: String = word.chars().filter(|c| !c.is_control()).take(MAX_WORD).collect();
    let text = format!("The credential may not act for you: {word}. You can begin again.");
    page(StatusCode::CONFLICT, "Nothing was agreed", &text, "")
}
