//! `/api/v1/tenant/triggers`.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

use super::super::{Problems, Routes};
use crate::{
    http::{
        extract::{Authorized, OfWorkflow, PageQuery, WorkflowsRead, cursor_text},
        problem::ApiError,
        state::AppState,
    },
    service::Trigger,
};
use domain::ids::WorkflowId;

/// The route.
pub(super) fn router() -> Routes {
    Routes::new().routes(routes!(list))
}

/// A page of triggers.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TriggerPage {
    /// The triggers, those first that are due next.
    pub items: Vec<Trigger>,
    /// Pass it as `cursor` to get the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// Lists the triggers that start runs by themselves, those first that are due next.
///
/// Each with its next occurrences, and what was missed last. A trigger is paused and goes on with its workflow (`active`).
/// What was saved within the last second may not be here yet.
#[utoipa::path(get, path = "/api/v1/tenant/triggers", operation_id = "listTriggers", tag = "workflows", params(
    ("workflow_id" = Option<WorkflowId>, Query, description = "Those of one workflow alone."),
    ("limit" = Option<u32>, Query, description = "How many, 1 to 200 (50).", minimum = 1, maximum = 200),
    ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before.", pattern = r"^[A-Za-z0-9_-]{32}$"),
), responses((status = 200, description = "A page.", body = TriggerPage), Problems))]
async fn list(
    State(app): State<AppState>,
    who: Authorized<WorkflowsRead>,
    OfWorkflow(workflow): OfWorkflow,
    PageQuery(page): PageQuery,
) -> Result<Json<TriggerPage>, ApiError> {
    let page = app.schedules.list(&who.caller, workflow, &page).await?;
    Ok(Json(TriggerPage { items: page.items, next_cursor: page.next.as_ref().map(cursor_text) }))
}
