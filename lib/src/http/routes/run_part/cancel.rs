//! `/api/v1/runs/{id}/cancel`.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use tokio::time::Instant;
use utoipa_axum::routes;

use super::super::{Problems, Routes, ended, run_json};
use crate::http::{
    extract::{Authorized, BriefWait, CancelBody, RunPath, RunsWrite},
    problem::{ApiError, Problem},
    state::AppState,
};
use domain::{ids::RunId, run::RunWithSteps};

/// The route.
pub(super) fn router() -> Routes {
    Routes::new().routes(routes!(cancel))
}

/// Cancels a run.
///
/// It is accepted for good when this answers: the run's worker ends it as soon as it hears of it, also a step that is
/// under way, and a run that has not begun never does. A run that ends by itself before that has ended as it did. The
/// answer is the run as it is now; with `wait`, as it is when it has ended or the wait is over: look at `status`.
#[utoipa::path(post, path = "/api/v1/runs/{id}/cancel", operation_id = "cancelRun", tag = "runs",
    request_body(content = Option<CancelBody>, description = "Why; may be missing."),
    params(
        ("id" = RunId, Path, description = "The run's id."),
        ("wait" = Option<u64>, Query, description = "Seconds to wait for the run's end, at most 20.", maximum = 20),
        ("Prefer" = Option<String>, Header, description = "`wait=10` is the same as the parameter."),
    ), responses(
    (status = 202, description = "Accepted.", body = RunWithSteps),
    (status = 409, description = "The run has ended already (`run_ended`).", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "The body is above its limit.", body = Problem, content_type = "application/problem+json"),
    (status = 415, description = "The body is not JSON by its content type.", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "The body is not what it must be.", body = Problem, content_type = "application/problem+json"),
    Problems,
))]
async fn cancel(
    State(app): State<AppState>,
    who: Authorized<RunsWrite>,
    RunPath(id): RunPath,
    BriefWait(wait): BriefWait,
    CancelBody { reason }: CancelBody,
) -> Result<Response, ApiError> {
    let begun = Instant::now();
    let run = app.runs.cancel(&who.caller, id, reason).await?;
    let run = ended(&app, &who.caller, id, run, (begun, wait)).await;
    Ok((StatusCode::ACCEPTED, run_json(&run)?).into_response())
}
