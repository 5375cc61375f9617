//! `/api/v1/tenant/schedule-preview`.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

use super::super::{Problems, Routes};
use crate::{
    http::{
        extract::{Authorized, PreviewBody, WorkflowsRead, invalid_schedule},
        problem::{ApiError, Problem},
        state::AppState,
    },
    service::{Preview, Previewed},
};

/// The route.
pub(super) fn router() -> Routes {
    Routes::new().routes(routes!(preview))
}

/// When a schedule would occur.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PreviewAnswer {
    /// Its next occurrences, fewer than were asked for when it comes to its end.
    pub occurrences: Vec<Previewed>,
}

/// Tells when a schedule would occur that need not be saved.
///
/// Where a change of the clock moves an occurrence, or repeats what the clock shows, its `note` says so.
#[utoipa::path(post, path = "/api/v1/tenant/schedule-preview", operation_id = "previewSchedule", tag = "workflows",
    request_body = PreviewBody, responses(
    (status = 200, description = "The occurrences.", body = PreviewAnswer),
    (status = 413, description = "The body is above its limit.", body = Problem, content_type = "application/problem+json"),
    (status = 415, description = "The body is not JSON by its content type.", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "The parameters are not those of a schedule; see `violations`.", body = Problem, content_type = "application/problem+json"),
    Problems,
))]
async fn preview(
    State(app): State<AppState>,
    _who: Authorized<WorkflowsRead>,
    body: PreviewBody,
) -> Result<Json<PreviewAnswer>, ApiError> {
    let PreviewBody { schedule, count, from } = body;
    let asked = Preview { params: schedule, count: count as usize, from };
    let occurrences = app.schedules.preview(&asked).map_err(invalid_schedule)?;
    Ok(Json(PreviewAnswer { occurrences }))
}
