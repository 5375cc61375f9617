//! `GET /api/v1/ping`: whether the API is alive.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

use super::{QUICK, Routes, within};
use crate::http::{
    extract::Deep,
    health::Health,
    problem::{ApiError, Problem},
    state::AppState,
};

/// The route.
#[must_use]
pub fn router() -> Routes {
    within(QUICK, Routes::new().routes(routes!(ping)))
}

/// A sign of life.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Pong {
    /// `ok`.
    pub status: String,
    /// The version that answers.
    pub version: String,
    /// With `deep`: what was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<Health>,
}

/// Whether the API is alive; with `deep=true` also whether the event bus and the store can be reached.
#[utoipa::path(get, path = "/api/v1/ping", operation_id = "ping", tag = "health", params(
    ("deep" = Option<bool>, Query, description = "Also reach the event bus and the store."),
), security(()), responses(
    (status = 200, description = "It is.", body = Pong),
    (status = 400, description = "`deep` cannot be read.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "With `deep`: a part cannot be reached; `detail` says which.", body = Problem,
     content_type = "application/problem+json"),
))]
async fn ping(State(app): State<AppState>, Deep(deep): Deep) -> Result<Json<Pong>, ApiError> {
    let parts = if deep { Some(app.health.check().await.all_up()?) } else { None };
    Ok(Json(Pong { status: "ok".into(), version: env!("CARGO_PKG_VERSION").into(), parts }))
}
