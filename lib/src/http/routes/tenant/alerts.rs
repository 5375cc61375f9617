//! `/api/v1/tenant/alerts`: list and acknowledge.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

use super::super::{Problems, Routes, UnreadableEntry};
use crate::http::{
    extract::{AcknowledgeBody, AlertState, Authorized, PageQuery, RunsRead, RunsWrite, cursor_text},
    problem::{ApiError, Problem},
    state::AppState,
};
use domain::alert::Alert;

/// The routes.
pub(super) fn router() -> Routes {
    Routes::new().routes(routes!(list, acknowledge))
}

/// A page of alerts.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AlertPage {
    /// The alerts, last raised first.
    pub items: Vec<Alert>,
    /// Those of the page that cannot be read; missing when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<UnreadableEntry>,
    /// Pass it as `cursor` to get the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// Lists alerts: errors that keep coming back, last raised first.
///
/// An alert is raised when steps of a node fail in the same way so often within a window, is counted on while that goes
/// on, and is over (`cleared_at`) when it has not come for the length of the window.
#[utoipa::path(get, path = "/api/v1/tenant/alerts", operation_id = "listAlerts", tag = "tenant", params(
    ("state" = Option<AlertState>, Query, description = "Those that go on (`open`, which is meant without it), or `all`."),
    ("limit" = Option<u32>, Query, description = "How many, 1 to 200 (50).", minimum = 1, maximum = 200),
    ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before.", pattern = r"^[A-Za-z0-9_-]{32}$"),
), responses((status = 200, description = "A page.", body = AlertPage), Problems))]
async fn list(
    State(app): State<AppState>,
    who: Authorized<RunsRead>,
    state: AlertState,
    PageQuery(page): PageQuery,
) -> Result<Json<AlertPage>, ApiError> {
    let page = app.tenants.alerts(&who.caller, &page, state == AlertState::Open).await?;
    Ok(Json(AlertPage {
        items: page.items,
        unreadable: page.unreadable.into_iter().map(UnreadableEntry::of).collect(),
        next_cursor: page.next.as_ref().map(cursor_text),
    }))
}

/// Acknowledges an alert: somebody knows.
///
/// It changes nothing but what others see: the alert goes on for as long as its error comes back. Who was the first to say
/// so stays.
#[utoipa::path(post, path = "/api/v1/tenant/alerts", operation_id = "acknowledgeAlert", tag = "tenant",
    request_body = AcknowledgeBody, responses(
    (status = 200, description = "The alert as it is now.", body = Alert),
    (status = 413, description = "The body is above its limit.", body = Problem, content_type = "application/problem+json"),
    (status = 415, description = "The body is not JSON by its content type.", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "The body is not what it must be.", body = Problem, content_type = "application/problem+json"),
    Problems,
))]
async fn acknowledge(
    State(app): State<AppState>,
    who: Authorized<RunsWrite>,
    AcknowledgeBody { id }: AcknowledgeBody,
) -> Result<Json<Alert>, ApiError> {
    let by = &who.principal.subject;
    Ok(Json(app.tenants.acknowledge_alert(&who.caller, id, by).await?))
}
