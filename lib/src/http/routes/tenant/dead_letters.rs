//! `/api/v1/tenant/dead-letters`: the list.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

use super::super::{Problems, Routes};
use crate::http::{
    extract::{Authorized, PageQuery, RunsRead, cursor_text},
    problem::ApiError,
    state::AppState,
};
use domain::dead_letter::LetterHead;

/// The route.
pub(super) fn router() -> Routes {
    Routes::new().routes(routes!(list))
}

/// A page of dead letters.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LetterPage {
    /// The letters, last refused first.
    pub items: Vec<LetterHead>,
    /// Pass it as `cursor` to get the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// Lists dead letters: records that no part could read or use, last refused first, without those that somebody has handled.
///
/// Records of which not even the tenant can be read are in nobody's list: whoever runs the system finds them in the view
/// `dead_letters` of ClickHouse.
#[utoipa::path(get, path = "/api/v1/tenant/dead-letters", operation_id = "listDeadLetters", tag = "tenant", params(
    ("limit" = Option<u32>, Query, description = "How many, 1 to 200 (50).", minimum = 1, maximum = 200),
    ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before.", pattern = r"^[A-Za-z0-9_-]{32}$"),
), responses((status = 200, description = "A page.", body = LetterPage), Problems))]
async fn list(
    State(app): State<AppState>,
    who: Authorized<RunsRead>,
    PageQuery(page): PageQuery,
) -> Result<Json<LetterPage>, ApiError> {
    let page = app.tenants.letters(&who.caller, &page).await?;
    Ok(Json(LetterPage { items: page.items, next_cursor: page.next.as_ref().map(cursor_text) }))
}
