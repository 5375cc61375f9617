//! What a request to a hook is answered.

use std::time::Duration;

use axum::{
    Json,
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use tokio::time::Instant;

use crate::{
    hooks::{self, Told},
    http::{layers::AsItIs, problem::ApiError, state::AppState},
    service::{Caller, FoundHook, FoundRun, Started, Until},
};
use domain::{ids::RunId, kinds::webhook::Respond, run::RunStatus};

/// Longest wait for what a run answers: below the function's time limit, with what else a request takes.
pub(super) const LONGEST: Duration = Duration::from_secs(50);

/// A run was started.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct HookAccepted {
    /// Its id.
    run_id: RunId,
}

/// What the hook's node says: at once, or when the run has come so far.
pub(super) async fn answer(
    app: &AppState,
    caller: &Caller,
    hook: &FoundHook,
    started: Started,
) -> Result<Response, ApiError> {
    let id = started.id;
    let until = match hook.params.respond {
        Respond::AtOnce => {
            return Ok(match &hook.params.reply {
                Some(reply) => as_it_is(hooks::at_once(reply)),
                None => accepted(id),
            });
        }
        Respond::RespondNode => Until::After(0),
        Respond::LastNode => Until::Terminal,
    };
    let deadline = Instant::now() + LONGEST.min(app.config.longest_wait);
    let mut run = started.run;
    loop {
        let head = run.head();
        if let Some(response) = answer_of(hook.params.respond, id, &run)? {
            return Ok(response);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(accepted(id));
        }
        let until = match until {
            Until::After(_) => Until::After(head.revision),
            until => until,
        };
        // It was accepted: whatever keeps it from being read is no reason to say anything else.
        match app.runs.read(caller, id, until, left).await {
            Ok(newer) => run = newer,
            Err(error) => {
                tracing::warn!(run.id = %id, %error, "a webhook's run cannot be waited for");
                return Ok(accepted(id));
            }
        }
    }
}

/// The answer, if there is one by now.
fn answer_of(respond: Respond, id: RunId, run: &FoundRun) -> Result<Option<Response>, ApiError> {
    let head = run.head();
    if head.status == RunStatus::Queued {
        return Ok(None);
    }
    let json = run.json().map_err(|error| ApiError::internal().caused_by(error))?;
    let Told { status, response, output, left_out } =
        hooks::told(&json).map_err(|error| ApiError::internal().caused_by(error))?;
    match respond {
        Respond::RespondNode if response.is_some() => {
            return Ok(response.map(|response| as_it_is(hooks::answer(&response))));
        }
        _ if !status.is_terminal() => return Ok(None),
        Respond::LastNode if status == RunStatus::Succeeded && (output.is_some() || !left_out) => {
            return Ok(Some(as_it_is(hooks::items(&hooks::last_items(output.unwrap_or_default())))));
        }
        _ => {}
    }
    let (code, what) = match status {
        RunStatus::Succeeded if respond == Respond::LastNode => {
            ("answer_too_large", "gave more than an answer may hold (MAX_ANSWER_BYTES)")
        }
        RunStatus::Succeeded => ("no_response", "ended without a `respond` node having run"),
        RunStatus::Cancelled => ("run_cancelled", "was cancelled before it answered"),
        RunStatus::TimedOut => ("run_timed_out", "was out of time before it answered"),
        _ => ("run_failed", "failed before it answered"),
    };
    // Why, its owner finds in the run; whoever calls is not told.
    let detail = format!("run {id} {what}");
    Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, code, detail))
}

fn accepted(id: RunId) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(HookAccepted { run_id: id })).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/runs/{id}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// An answer of the workflow's, which may be an error of its own.
fn as_it_is(answer: http::Response<Bytes>) -> Response {
    let mut response = answer.map(Body::from);
    response.extensions_mut().insert(AsItIs);
    response
}
