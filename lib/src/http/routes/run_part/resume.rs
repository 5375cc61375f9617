//! `/api/v1/runs/{id}/resume`: a signal by a program, or by a person with a link.

mod link;
mod page;

use axum::{
    extract::{FromRequest, FromRequestParts, Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode};
use utoipa_axum::routes;

use super::super::{Problems, Routes, run_json};
use crate::{
    http::{
        extract::{Authorized, KeyHeader, LinkToken, ResumeBody, RunPath, RunsWrite},
        problem::{ApiError, Problem},
        state::AppState,
    },
    service::SendSignal,
};
use domain::{ids::RunId, run::RunWithSteps};

/// The header that tells a signal's id.
const SIGNAL_ID: HeaderName = HeaderName::from_static("signal-id");

/// The routes.
pub(super) fn router() -> Routes {
    Routes::new().routes(routes!(show, give))
}

/// Gives a run the signal that one of its steps waits for.
///
/// Of several signals for one step the first counts. 200: it was this one. 202: it is accepted for good, and the run's
/// worker, which may be away, has not said yet whether it is the first; the step that was given it shows its id (the
/// header `Signal-Id`) in `signal`. When several steps wait for signals of one name, it is for the first of them. A signal
/// that no step waits for is refused and not kept.
///
/// The same `Idempotency-Key` is the same signal, however often it is sent.
///
/// With `token`, which stands in the link that `{{ $run.resumeUrl('name') }}` makes, no bearer token is needed and the
/// signal is that of the link; its data are the other parameters of the query and the fields of the form, as texts, and
/// the answer is a page for people: 200 and 202 as above, 403 for a link that is not valid, 409 when it is answered
/// already, 410 when it is too late.
#[utoipa::path(post, path = "/api/v1/runs/{id}/resume", operation_id = "resumeRun", tag = "runs",
    request_body(content = ResumeBody, description = "The signal. (With `token`: a form, or nothing.)"),
    params(
        ("id" = RunId, Path, description = "The run's id."),
        ("token" = Option<String>, Query, description = "That of a link."),
        ("Idempotency-Key" = Option<String>, Header, description = "Your name for this request: 1 to 255 visible ASCII characters.", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
    ), responses(
    (status = 200, description = "A step was given it.", content(
        (RunWithSteps = "application/json"), (String = "text/html")), headers(
        ("Signal-Id" = String, description = "Which signal it is."))),
    (status = 202, description = "Accepted; whether it is the first is not known yet.", content(
        (RunWithSteps = "application/json"), (String = "text/html")), headers(
        ("Signal-Id" = String, description = "Which signal it is."))),
    (status = 409, description = "No step waits for that signal (`run_not_waiting`), it was given already (`signal_already_given`), or the run has ended (`run_ended`).", content(
        (Problem = "application/problem+json"), (String = "text/html"))),
    (status = 410, description = "With `token`: it is too late.", content_type = "text/html", body = String),
    (status = 413, description = "The body is above its limit.", body = Problem, content_type = "application/problem+json"),
    (status = 415, description = "The body is not JSON by its content type.", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "The signal is not valid.", body = Problem, content_type = "application/problem+json"),
    Problems,
    (status = 403, description = "The token lacks a scope; with `token`: the link is not valid.", content(
        (Problem = "application/problem+json"), (String = "text/html"))),
))]
async fn give(
    State(app): State<AppState>,
    RunPath(run): RunPath,
    LinkToken(token): LinkToken,
    request: Request,
) -> Result<Response, ApiError> {
    match token {
        Some(token) => link::answer(&app, run, &token, request).await,
        None => by_program(&app, run, request).await,
    }
}

async fn by_program(app: &AppState, run: RunId, request: Request) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let who = Authorized::<RunsWrite>::from_request_parts(&mut parts, app).await?;
    let KeyHeader(key) = KeyHeader::from_request_parts(&mut parts, app).await?;
    let body = ResumeBody::from_request(Request::from_parts(parts, body), app).await?;
    let ResumeBody { name, data } = body;
    let sent = app.runs.resume(&who.caller, SendSignal { run, name, data, key, within: None }).await?;
    let status = if sent.is_given { StatusCode::OK } else { StatusCode::ACCEPTED };
    let mut response = (status, run_json(&sent.run)?).into_response();
    let id = HeaderValue::from_str(&sent.id.to_string());
    response.headers_mut().insert(SIGNAL_ID, id.map_err(|error| ApiError::internal().caused_by(error))?);
    Ok(response)
}

/// The page behind a link by which a person gives a signal: it has a button, so that whoever only looks at the link gives
/// nothing.
#[utoipa::path(get, path = "/api/v1/runs/{id}/resume", operation_id = "showResumeLink", tag = "runs",
    security(()),
    params(
        ("id" = RunId, Path, description = "The run's id."),
        ("token" = String, Query, description = "That of a link."),
    ), responses(
    (status = 200, description = "The page.", content_type = "text/html", body = String),
    (status = 409, description = "It is answered already.", content_type = "text/html", body = String),
    (status = 410, description = "It is too late.", content_type = "text/html", body = String),
    Problems,
    (status = 403, description = "The link is not valid.", content_type = "text/html", body = String),
))]
async fn show(
    State(app): State<AppState>,
    RunPath(run): RunPath,
    LinkToken(token): LinkToken,
) -> Result<Response, ApiError> {
    let token = token
        .ok_or_else(|| ApiError::parameter(LinkToken::PARAMETER, "is missing; send a signal with POST"))?;
    link::show(&app, run, &token).await
}
