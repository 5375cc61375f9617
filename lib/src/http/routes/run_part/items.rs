//! `/api/v1/runs/{id}/items`: the items of a step, by page.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;
use utoipa_axum::routes;

use super::super::{Problems, Routes};
use crate::{
    http::{
        extract::{Authorized, ItemsQuery, RunPath, RunsRead},
        problem::ApiError,
        state::AppState,
    },
    service::FoundItems,
};
use domain::{
    ids::RunId,
    run::{ItemsPage, Side},
};

/// The route.
pub(super) fn router() -> Routes {
    Routes::new().routes(routes!(items))
}

/// The items of a step, by page.
///
/// - `side=out`: what it gave by a port; without `port` by `main`, or by the first one of a node that has no `main`.
/// - `side=in`: what it was given, edge after edge as the node sees it; `port` then names one input of a kind that tells
///   its inputs apart, such as `merge`. A `loop` is given all of its items, whichever iteration it begins. What an edge
///   brings out of a loop is joined from all of its iterations and not recorded as a whole: once the run's worker has
///   forgotten it, there is `input_not_recorded` instead, and what each iteration gave can be read.
/// - Without `iteration` it is the newest step of the node. A step that has not run is a 404 (`iteration_not_found`), and
///   so is a node (`node_not_found`) or a port (`port_not_found`) that there is not.
///
/// A page ends before its items are more than 16 MiB (`MAX_ANSWER_BYTES`).
#[utoipa::path(get, path = "/api/v1/runs/{id}/items", operation_id = "getRunItems", tag = "runs", params(
    ("id" = RunId, Path, description = "The run's id."),
    ("node" = String, Query, description = "A node's id.", min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$"),
    ("iteration" = Option<String>, Query, description = "Which iteration of the loops around it, such as `2` or, in a loop within a loop, `0.3`.", pattern = r"^[0-9]{1,9}(\.[0-9]{1,9})*$"),
    ("port" = Option<String>, Query, description = "An output port, or with `side=in` an input."),
    ("side" = Option<Side>, Query, description = "What it gave (`out`, which is meant without it), or what it was given (`in`)."),
    ("offset" = Option<u32>, Query, description = "Where the page begins (0).", minimum = 0),
    ("limit" = Option<u32>, Query, description = "How many, 1 to 1,000 (100).", minimum = 1, maximum = 1000),
), responses((status = 200, description = "A page.", body = ItemsPage), Problems))]
async fn items(
    State(app): State<AppState>,
    who: Authorized<RunsRead>,
    RunPath(id): RunPath,
    ItemsQuery(ask): ItemsQuery,
) -> Result<Response, ApiError> {
    Ok(match app.runs.items(&who.caller, id, &ask).await? {
        FoundItems::Stored(page) => Json(page).into_response(),
        FoundItems::Live(json) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
    })
}
