//! `/api/v1/tenant/stats`.

use axum::{Json, extract::State};
use utoipa_axum::routes;

use super::super::{Problems, Routes};
use crate::{
    http::{
        extract::{Authorized, RunsRead, WindowQuery},
        problem::ApiError,
        state::AppState,
    },
    service::Overview,
};
use domain::{ids::WorkflowId, stats::Bucket, timestamp::Timestamp};

/// The route.
pub(super) fn router() -> Routes {
    Routes::new().routes(routes!(stats))
}

/// Statistics of runs, and how far behind the system is.
///
/// A run counts in the hour in which it was accepted, once it has ended, and once, whatever is delivered twice; test runs
/// are left out. The window is the last 24 hours, unless `hours` or `from` and `to` say otherwise, and begins and ends
/// at whole hours. Of a run that ended more than two hours after the hour of its acceptance it may take an hour until it
/// counts. What they are made of: `docs/stats.md`.
#[utoipa::path(get, path = "/api/v1/tenant/stats", operation_id = "getStats", tag = "tenant", params(
    ("workflow_id" = Option<WorkflowId>, Query, description = "Of this workflow alone."),
    ("hours" = Option<u32>, Query, description = "The last so many hours, the one that goes on among them (24); not with `from`.", minimum = 1, maximum = 9600),
    ("from" = Option<Timestamp>, Query, description = "The window's first moment."),
    ("to" = Option<Timestamp>, Query, description = "The first moment after it, at most 9,600 hours later (now)."),
    ("bucket" = Option<Bucket>, Query, description = "How long a point of the series is: without it an hour in windows of up to three days, else a day."),
), responses((status = 200, description = "The statistics.", body = Overview), Problems))]
async fn stats(
    State(app): State<AppState>,
    who: Authorized<RunsRead>,
    window: WindowQuery,
) -> Result<Json<Overview>, ApiError> {
    let window = window.at(app.clock.now())?;
    Ok(Json(app.tenants.overview(&who.caller, window).await?))
}
