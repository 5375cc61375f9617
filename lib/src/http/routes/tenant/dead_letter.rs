//! `/api/v1/tenant/dead-letter`: one of them, looked at, sent again, put away.

use axum::{Json, extract::State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

use super::super::{Problems, Routes};
use crate::http::{
    extract::{Authorized, LetterQuery, RunsRead, RunsWrite},
    problem::{ApiError, Problem},
    state::AppState,
};
use domain::{dead_letter::DeadLetter, event::Topic, ids::LetterId};

/// The routes.
pub(super) fn router() -> Routes {
    Routes::new().routes(routes!(get, send, dismiss))
}

/// What was sent again.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SentAgain {
    /// The letter.
    pub id: LetterId,
    /// Where its record went.
    pub topic: String,
    /// The event's id.
    pub event_id: String,
}

/// A dead letter with what is kept of its record: 64 KiB at most.
#[utoipa::path(get, path = "/api/v1/tenant/dead-letter", operation_id = "getDeadLetter", tag = "tenant", params(
    ("id" = LetterId, Query, description = "The letter's id."),
), responses((status = 200, description = "The letter.", body = DeadLetter), Problems))]
async fn get(
    State(app): State<AppState>,
    who: Authorized<RunsRead>,
    LetterQuery(id): LetterQuery,
) -> Result<Json<DeadLetter>, ApiError> {
    Ok(Json(app.tenants.letter(&who.caller, id).await?))
}

/// Sends a dead letter's record to its topic again.
///
/// It goes as it was, with the same ids, so a part that has had it recognises it. It is for records that were refused
/// because something was wrong with the system. The letter leaves the list; if the record is refused again, there is a new one.
#[utoipa::path(post, path = "/api/v1/tenant/dead-letter", operation_id = "sendDeadLetterAgain", tag = "tenant", params(
    ("id" = LetterId, Query, description = "The letter's id."),
), responses(
    (status = 202, description = "The bus has it.", body = SentAgain),
    (status = 409, description = "The record is no event of yours (`not_an_event`), or its run has ended (`run_ended`).", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "The bus refuses the record (`refused_by_bus`).", body = Problem, content_type = "application/problem+json"),
    Problems,
))]
async fn send(
    State(app): State<AppState>,
    who: Authorized<RunsWrite>,
    LetterQuery(id): LetterQuery,
) -> Result<(StatusCode, Json<SentAgain>), ApiError> {
    let event = app.tenants.send_letter_again(&who.caller, id, &who.principal.subject).await?;
    let topic: Topic = event.payload.topic();
    let sent = SentAgain { id, topic: topic.as_str().to_owned(), event_id: event.id };
    Ok((StatusCode::ACCEPTED, Json(sent)))
}

/// Puts a dead letter away: it needs nobody any more. It can still be read.
#[utoipa::path(delete, path = "/api/v1/tenant/dead-letter", operation_id = "dismissDeadLetter", tag = "tenant", params(
    ("id" = LetterId, Query, description = "The letter's id."),
), responses((status = 204, description = "It is in no list any more."), Problems))]
async fn dismiss(
    State(app): State<AppState>,
    who: Authorized<RunsWrite>,
    LetterQuery(id): LetterQuery,
) -> Result<StatusCode, ApiError> {
    app.tenants.dismiss_letter(&who.caller, id, &who.principal.subject).await?;
    Ok(StatusCode::NO_CONTENT)
}
