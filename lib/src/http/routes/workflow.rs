//! `/api/v1/workflows/{id}`: read, replace, delete.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use utoipa_axum::routes;

use super::{Problems, QUICK, Routes, within};
use crate::{
    http::{
        extract::{
            Authorized, IfMatch, IfNoneMatch, WorkflowBody, WorkflowPath, WorkflowsRead, WorkflowsWrite, etag,
        },
        problem::{ApiError, Problem},
        state::AppState,
    },
    service::Precondition,
};
use domain::{
    ids::WorkflowId,
    workflow::{Workflow, WorkflowDocument},
};

/// The routes.
#[must_use]
pub fn router() -> Routes {
    within(QUICK, Routes::new().routes(routes!(get, replace, delete)))
}

/// The newest version of a workflow.
#[utoipa::path(get, path = "/api/v1/workflows/{id}", operation_id = "getWorkflow", tag = "workflows", params(
    ("id" = WorkflowId, Path, description = "The workflow's id."),
    ("If-None-Match" = Option<String>, Header, description = "The version that you have."),
), responses(
    (status = 200, description = "It.", body = Workflow, headers(("ETag" = String, description = "Its version."))),
    (status = 304, description = "You have it already."),
    Problems,
))]
async fn get(
    State(app): State<AppState>,
    who: Authorized<WorkflowsRead>,
    WorkflowPath(id): WorkflowPath,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let workflow = app.workflows.get(&who.caller, id).await?;
    let tag = [(header::ETAG, etag(workflow.version))];
    Ok(if known.has(workflow.version) {
        (StatusCode::NOT_MODIFIED, tag).into_response()
    } else {
        (tag, Json(workflow)).into_response()
    })
}

/// Saves the next version of a workflow. Runs that are under way keep the version that they were started with.
#[utoipa::path(put, path = "/api/v1/workflows/{id}", operation_id = "replaceWorkflow", tag = "workflows", request_body = WorkflowDocument, params(
    ("id" = WorkflowId, Path, description = "The workflow's id."),
    ("If-Match" = String, Header, description = "The version that you have read (`ETag`), or `*`."),
), responses(
    (status = 200, description = "Saved.", body = Workflow, headers(("ETag" = String, description = "Its version."))),
    (status = 412, description = "It has another version now: `current_version`.", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "The body is above its limit.", body = Problem, content_type = "application/problem+json"),
    (status = 415, description = "The body is not JSON by its content type.", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "It is JSON and not a valid workflow; see `violations`.", body = Problem, content_type = "application/problem+json"),
    (status = 428, description = "`If-Match` is missing.", body = Problem, content_type = "application/problem+json"),
    Problems,
))]
async fn replace(
    State(app): State<AppState>,
    who: Authorized<WorkflowsWrite>,
    WorkflowPath(id): WorkflowPath,
    condition: IfMatch,
    WorkflowBody(document): WorkflowBody,
) -> Result<([(HeaderName, HeaderValue); 1], Json<Workflow>), ApiError> {
    let workflow = app.workflows.replace(&who.caller, id, &condition.required()?, document).await?;
    Ok(([(header::ETAG, etag(workflow.version))], Json(workflow)))
}

/// Deletes a workflow. Its runs stay, and those that are under way go on.
#[utoipa::path(delete, path = "/api/v1/workflows/{id}", operation_id = "deleteWorkflow", tag = "workflows", params(
    ("id" = WorkflowId, Path, description = "The workflow's id."),
    ("If-Match" = Option<String>, Header, description = "The version that you have read (`ETag`)."),
), responses(
    (status = 204, description = "Deleted."),
    (status = 412, description = "It has another version now: `current_version`.", body = Problem, content_type = "application/problem+json"),
    Problems,
))]
async fn delete(
    State(app): State<AppState>,
    who: Authorized<WorkflowsWrite>,
    WorkflowPath(id): WorkflowPath,
    IfMatch(condition): IfMatch,
) -> Result<StatusCode, ApiError> {
    app.workflows.delete(&who.caller, id, &condition.unwrap_or(Precondition::Exists)).await?;
    Ok(StatusCode::NO_CONTENT)
}
