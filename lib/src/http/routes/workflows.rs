//! `/api/v1/workflows`: create and list.

use axum::{Json, extract::State};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

use super::{Problems, QUICK, Routes, UnreadableEntry, within};
use crate::http::{
    extract::{Authorized, PageQuery, WorkflowBody, WorkflowsRead, WorkflowsWrite, cursor_text, etag},
    problem::{ApiError, Problem},
    state::AppState,
};
use domain::workflow::{Workflow, WorkflowDocument, WorkflowSummary};

/// The routes.
#[must_use]
pub fn router() -> Routes {
    within(QUICK, Routes::new().routes(routes!(create, list)))
}

/// A page of workflows.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WorkflowPage {
    /// The workflows, last changed first.
    pub items: Vec<WorkflowSummary>,
    /// Those of the page that cannot be read; missing when there are none. They can be replaced and deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<UnreadableEntry>,
    /// Pass it as `cursor` to get the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// Saves a new workflow.
///
/// All that is wrong with the document is told at once, each with its path. Fields that the product does not know
/// are kept and given back. `settings.concurrency` limits how many runs run at once.
#[utoipa::path(post, path = "/api/v1/workflows", operation_id = "createWorkflow", tag = "workflows", request_body = WorkflowDocument, responses(
    (status = 201, description = "Saved as version 1.", body = Workflow, headers(
        ("Location" = String, description = "The workflow's address."),
        ("ETag" = String, description = "Its version, for `If-Match`."))),
    (status = 413, description = "The body is above its limit.", body = Problem, content_type = "application/problem+json"),
    (status = 415, description = "The body is not JSON by its content type.", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "It is JSON and not a valid workflow; see `violations`.", body = Problem, content_type = "application/problem+json"),
    Problems,
))]
async fn create(
    State(app): State<AppState>,
    who: Authorized<WorkflowsWrite>,
    WorkflowBody(document): WorkflowBody,
) -> Result<(StatusCode, [(HeaderName, HeaderValue); 2], Json<Workflow>), ApiError> {
    let workflow = app.workflows.create(&who.caller, document).await?;
    let location = HeaderValue::from_str(&format!("/api/v1/workflows/{}", workflow.id))
        .map_err(|error| ApiError::internal().caused_by(error))?;
    let headers = [(header::LOCATION, location), (header::ETAG, etag(workflow.version))];
    Ok((StatusCode::CREATED, headers, Json(workflow)))
}

/// Lists workflows, last changed first.
#[utoipa::path(get, path = "/api/v1/workflows", operation_id = "listWorkflows", tag = "workflows", params(
    ("limit" = Option<u32>, Query, description = "How many, 1 to 200 (50).", minimum = 1, maximum = 200),
    ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before.", pattern = r"^[A-Za-z0-9_-]{32}$"),
), responses((status = 200, description = "A page.", body = WorkflowPage), Problems))]
async fn list(
    State(app): State<AppState>,
    who: Authorized<WorkflowsRead>,
    PageQuery(page): PageQuery,
) -> Result<Json<WorkflowPage>, ApiError> {
    let page = app.workflows.list(&who.caller, &page).await?;
    Ok(Json(WorkflowPage {
        items: page.items,
        unreadable: page.unreadable.into_iter().map(UnreadableEntry::of).collect(),
        next_cursor: page.next.as_ref().map(cursor_text),
    }))
}
