//! `/api/v1/scheduler/tick`: where a clock comes in, such as Vercel Cron.

use axum::{Json, extract::State};
use http::StatusCode;
use utoipa_axum::routes;

use super::super::{Problems, Routes};
use crate::{
    http::{extract::Cron, problem::ApiError, state::AppState},
    ticks,
};
use domain::event::ClockTicked;

/// The route.
pub(super) fn router() -> Routes {
    Routes::new().routes(routes!(tick))
}

/// Tells that time has passed.
///
/// What is due by schedules is started then, once, however many ticks come, from here and from workers. It is accepted for
/// good when this answers.
#[utoipa::path(get, path = "/api/v1/scheduler/tick", operation_id = "tick", tag = "connectors", security(("cron" = [])),
    responses((status = 202, description = "Accepted.", body = ClockTicked), Problems))]
async fn tick(State(app): State<AppState>, _cron: Cron) -> Result<(StatusCode, Json<ClockTicked>), ApiError> {
    let at = app.clock.now();
    ticks::publish(&*app.bus, at).await?;
    Ok((StatusCode::ACCEPTED, Json(ClockTicked { at })))
}
