//! `/api/v1/runs/{id}/replay`: once more, from the start or from a node.

use axum::{extract::State, response::Response};
use utoipa_axum::routes;

use super::super::{Problems, Routes};
use crate::{
    http::{
        extract::{Authorized, KeyHeader, ReplayBody, RunPath, RunsWrite},
        problem::{ApiError, Problem},
        state::AppState,
    },
    service::ReplayRun,
};
use domain::{ids::RunId, run::RunWithSteps};

/// The route.
pub(super) fn router() -> Routes {
    Routes::new().routes(routes!(replay))
}

/// Replays a run that has ended, as a new run that names it (`trigger.replay_of`).
///
/// From the start it has the run's input, or another. From a node on, that node and all that comes after it is executed;
/// the outputs of what comes before it, and of what had come to its end beside it, are taken over from the run: those
/// steps are `pinned`, and nothing of them is called again. What was cut off beside it is executed anew. It runs in the
/// version of the run, or in the newest. A loop is replayed from its beginning; what comes before is taken over by what a
/// `loop` node gave in the end.
///
/// Pins give nodes other outputs. Those of the run itself are not repeated. The same `Idempotency-Key` is the same new run.
#[utoipa::path(post, path = "/api/v1/runs/{id}/replay", operation_id = "replayRun", tag = "runs",
    request_body(content = Option<ReplayBody>, description = "Where it begins, and with what; may be missing."),
    params(
        ("id" = RunId, Path, description = "The id of the run that is replayed."),
        ("Idempotency-Key" = Option<String>, Header, description = "Your name for this request: 1 to 255 visible ASCII characters.", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
    ), responses(
    (status = 202, description = "Accepted: the new run.", body = RunWithSteps, headers(
        ("Location" = String, description = "The new run's address."),
        ("Idempotency-Replayed" = Option<bool>, description = "The key had started this run before."))),
    (status = 409, description = "The run has not ended (`run_not_ended`), was a test (`run_was_a_test`), or its workflow was deleted (`workflow_deleted`).", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "The body is above its limit.", body = Problem, content_type = "application/problem+json"),
    (status = 415, description = "The body is not JSON by its content type.", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "It cannot be replayed so (`invalid_plan`, `invalid_input`), its version is gone (`workflow_version_not_found`), or the key was used with another body (`idempotency_key_reused`).", body = Problem, content_type = "application/problem+json"),
    Problems,
))]
async fn replay(
    State(app): State<AppState>,
    who: Authorized<RunsWrite>,
    RunPath(run): RunPath,
    KeyHeader(key): KeyHeader,
    ReplayBody { from, version, input, pins }: ReplayBody,
) -> Result<Response, ApiError> {
    let started = app.runs.replay(&who.caller, ReplayRun { run, from, version, input, pins, key }).await?;
    super::super::started(started.id, &started.run, started.replayed)
}
