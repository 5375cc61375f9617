//! `/api/v1/workflows/{id}/runs`: start and list.

use axum::{Json, extract::State, response::Response};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa_axum::routes;

use super::{Problems, Routes, UnreadableEntry, ended};
use crate::{
    http::{
        extract::{
            Authorized, BriefWait, KeyHeader, PageQuery, RunsRead, RunsWrite, StartBody, WorkflowPath,
            cursor_text,
        },
        problem::{ApiError, Problem},
        state::AppState,
    },
    service::StartRun,
};
use domain::{
    ids::WorkflowId,
    run::{RunSummary, RunWithSteps},
};

/// The routes.
#[must_use]
pub(super) fn router() -> Routes {
    Routes::new().routes(routes!(start, list))
}

/// A page of runs.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RunPage {
    /// The runs, newest first.
    pub items: Vec<RunSummary>,
    /// Those of the page that cannot be read; missing when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<UnreadableEntry>,
    /// Pass it as `cursor` to get the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// Starts a run.
///
/// It is accepted for good when this answers; follow it at its `Location`. With `wait` the answer comes when the run has
/// ended, or when the wait is over: look at `status`. Without `version` the newest version of the workflow is
/// run, which may be newer than the `workflow_version` of the answer.
///
/// With `document`, `only`, `until`, `trigger` or `pins` it is a test run, also of a workflow that is not active: its trigger
/// is of the kind `test`, and no statistics count it. Steps whose outputs were given are `pinned`.
///
/// The same `Idempotency-Key` is the same run for ever, whatever has become of it: the answer then is the run as
/// it is now, also when it has failed, and the header `Idempotency-Replayed` is `true`. To run it once more, use a
/// new key.
#[utoipa::path(post, path = "/api/v1/workflows/{id}/runs", operation_id = "startRun", tag = "runs",
    request_body(content = Option<StartBody>, description = "The run's input, and the version that it is to run; may be missing."),
    params(
        ("id" = WorkflowId, Path, description = "The workflow's id."),
        ("wait" = Option<u64>, Query, description = "Seconds to wait for the run's end, at most 20.", maximum = 20),
        ("Prefer" = Option<String>, Header, description = "`wait=10` is the same as the parameter."),
        ("Idempotency-Key" = Option<String>, Header, description = "Your name for this request: 1 to 255 visible ASCII characters.", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
    ), responses(
    (status = 202, description = "Accepted.", body = RunWithSteps, headers(
        ("Location" = String, description = "The run's address."),
        ("Idempotency-Replayed" = Option<bool>, description = "The key had started this run before."))),
    (status = 409, description = "The workflow has no `manual` trigger in the version that would run. (A test run takes any.)", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "The body is above its limit.", body = Problem, content_type = "application/problem+json"),
    (status = 415, description = "The body is not JSON by its content type.", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "The input is not valid, the workflow has no such version (`workflow_version_not_found`), the key was used with another input or version (`idempotency_key_reused`), the document of a test run is not valid (`invalid_workflow`), or its pins and nodes do not fit (`invalid_plan`).", body = Problem, content_type = "application/problem+json"),
    Problems,
))]
async fn start(
    State(app): State<AppState>,
    who: Authorized<RunsWrite>,
    WorkflowPath(workflow_id): WorkflowPath,
    BriefWait(wait): BriefWait,
    KeyHeader(key): KeyHeader,
    body: StartBody,
) -> Result<Response, ApiError> {
    let begun = Instant::now();
    let (input, version, test) = body.into_parts();
    let started = app.runs.start(&who.caller, StartRun { workflow_id, input, version, test, key }).await?;
    let run = ended(&app, &who.caller, started.id, started.run, (begun, wait)).await;
    super::started(started.id, &run, started.replayed)
}

/// Lists a workflow's runs, newest first. The runs of a deleted workflow stay.
#[utoipa::path(get, path = "/api/v1/workflows/{id}/runs", operation_id = "listRuns", tag = "runs", params(
    ("id" = WorkflowId, Path, description = "The workflow's id."),
    ("limit" = Option<u32>, Query, description = "How many, 1 to 200 (50).", minimum = 1, maximum = 200),
    ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before.", pattern = r"^[A-Za-z0-9_-]{32}$"),
), responses((status = 200, description = "A page.", body = RunPage), Problems))]
async fn list(
    State(app): State<AppState>,
    who: Authorized<RunsRead>,
    WorkflowPath(id): WorkflowPath,
    PageQuery(page): PageQuery,
) -> Result<Json<RunPage>, ApiError> {
    let page = app.runs.list(&who.caller, id, &page).await?;
    Ok(Json(RunPage {
        items: page.items,
        unreadable: page.unreadable.into_iter().map(UnreadableEntry::of).collect(),
        next_cursor: page.next.as_ref().map(cursor_text),
    }))
}
