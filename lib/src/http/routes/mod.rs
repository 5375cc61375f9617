//! The routes, one file a function.

pub mod credentials;
mod functions;
pub mod hooks;
pub mod ping;
pub mod run;
pub mod run_part;
pub mod scheduler;
pub mod tenant;
mod unreadable_entry;
pub mod workflow;
mod workflow_hooks;
pub mod workflow_part;
mod workflow_runs;
pub mod workflows;

use std::time::Duration;

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::ids::RunId;
use http::{HeaderValue, StatusCode, header};
use tokio::time::{Instant, timeout};
use utoipa_axum::router::OpenApiRouter;

use super::{
    layers,
    problem::{ApiError, Problem},
    state::AppState,
};
use crate::service::{Caller, FoundRun, Until};
pub use functions::{FUNCTIONS, Function};
pub use unreadable_entry::UnreadableEntry;
pub use workflow_hooks::{HookAddresses, HookPage};
pub use workflow_runs::RunPage;

/// Routes that need no state yet, with their part of the OpenAPI document.
pub type Routes = OpenApiRouter<AppState>;

/// Time limit of a request that waits for nothing.
const QUICK: Duration = Duration::from_secs(25);

/// The routes of every function.
#[must_use]
pub fn all() -> Routes {
    FUNCTIONS.iter().fold(Routes::new(), |all, function| all.merge((function.routes)()))
}

fn within(limit: Duration, routes: Routes) -> Routes {
    routes.layer(axum::middleware::from_fn(move |request: Request, next: Next| {
        layers::time_limit(limit, request, next)
    }))
}

/// A run as an answer.
fn run_json(run: &FoundRun) -> Result<Response, ApiError> {
    let json = run.json().map_err(|error| ApiError::internal().caused_by(error))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

/// How long reading a run may take after the wait for its end: together they stay below the limit of a request.
const READING: Duration = Duration::from_secs(2);

/// A run of which something was accepted, once it has ended, or as it is when the wait is over.
async fn ended(
    app: &AppState,
    caller: &Caller,
    id: RunId,
    accepted: FoundRun,
    (begun, wait): (Instant, Duration),
) -> FoundRun {
    let wait = wait.saturating_sub(begun.elapsed());
    if wait.is_zero() {
        return accepted;
    }
    // It was accepted: whatever keeps the run from being read is no reason to say anything else.
    let read = timeout(wait + READING, app.runs.read(caller, id, Until::Terminal, wait)).await;
    accepted.or_newer(read.ok().and_then(Result::ok))
}

/// The answer to who has started a run.
fn started(id: RunId, run: &FoundRun, replayed: bool) -> Result<Response, ApiError> {
    let location = HeaderValue::from_str(&format!("/api/v1/runs/{id}"))
        .map_err(|error| ApiError::internal().caused_by(error))?;
    let mut response = (StatusCode::ACCEPTED, [(header::LOCATION, location)], run_json(run)?).into_response();
    if replayed {
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// The problems that any route may answer with.
#[derive(utoipa::IntoResponses)]
pub enum Problems {
    /// A parameter, a header or the body cannot be read.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
    /// No token, or one that is not valid (`token_missing`, `token_invalid`, `token_expired`).
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Problem),
    /// The token lacks a scope.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// It does not exist, or it belongs to another tenant.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// The tenant has too much under way; `Retry-After` says when to come back, and `detail` names the limit.
    #[response(status = 429, content_type = "application/problem+json")]
    TooManyRequests(Problem),
    /// Something went wrong here; with `unreadable_row`, what is stored of it cannot be read.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem),
    /// The store or the event bus is down; `Retry-After` says when to come back.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
    /// It took too long.
    #[response(status = 504, content_type = "application/problem+json")]
    Timeout(Problem),
}
