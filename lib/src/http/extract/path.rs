//! Ids in paths.

use axum::extract::{FromRequestParts, RawPathParams};
use http::{StatusCode, request::Parts};

use super::super::problem::ApiError;
use domain::ids::{CredentialId, RunId, WorkflowId};

/// A workflow's id. What is no id is a workflow that does not exist.
#[derive(Debug, Clone, Copy)]
pub struct WorkflowPath(pub WorkflowId);

impl<S: Send + Sync> FromRequestParts<S> for WorkflowPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let id = id(parts, state).await?;
        id.parse().map(Self).map_err(|_| no("workflow", "workflow_not_found", &id))
    }
}

/// A run's id. What is no id is a run that does not exist.
#[derive(Debug, Clone, Copy)]
pub struct RunPath(pub RunId);

impl<S: Send + Sync> FromRequestParts<S> for RunPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let id = id(parts, state).await?;
        id.parse().map(Self).map_err(|_| no("run", "run_not_found", &id))
    }
}

/// A credential's id. What is no id is a credential that does not exist.
#[derive(Debug, Clone, Copy)]
pub struct CredentialPath(pub CredentialId);

impl<S: Send + Sync> FromRequestParts<S> for CredentialPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let id = id(parts, state).await?;
        id.parse().map(Self).map_err(|_| no("credential", "credential_not_found", &id))
    }
}

async fn id<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<String, ApiError> {
    let params = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|error| ApiError::parameter("id", error.to_string()))?;
    Ok(params.iter().find(|(name, _)| *name == "id").map(|(_, id)| id.to_owned()).unwrap_or_default())
}

fn no(what: &str, code: &'static str, id: &str) -> ApiError {
    // Told back shortened: it may be anything.
    let shown: String = id.chars().take(64).collect();
    ApiError::new(StatusCode::NOT_FOUND, code, format!("there is no {what} {shown:?}; its id is a UUID"))
}
