//! `/api/v1/scheduler/events`: where the connector of topic `workflows` delivers.

use axum::{Json, extract::State};
use http::StatusCode;
use utoipa_axum::routes;

use super::super::Routes;
use crate::{
    http::{
        extract::{Capped, Connector},
        problem::{ApiError, Problem},
        state::AppState,
    },
    service::Scheduled,
};

/// Largest batch, in bytes: what the platform passes on (4.5 MB).
const MAX_BATCH_BYTES: usize = 4_500_000;

/// The route.
pub(super) fn router() -> Routes {
    Routes::new().routes(routes!(receive))
}

/// Takes a batch of records of topic `workflows`, in any shape that a connector can send.
///
/// It answers 2xx when everything in the batch is durable. A record that cannot be read is kept as a dead letter
/// and never refused: a refusal would stop the partition.
#[utoipa::path(post, path = "/api/v1/scheduler/events", operation_id = "receiveEvents", tag = "connectors", security(("connector" = [])),
    request_body(content = serde_json::Value, description = "One CloudEvent, an array, or events that are separated by newlines (the safest form), `,`, `;`, `|` or nothing; each may be JSON in a string, or wrapped as `{\"value\": …}`, alone or in `{\"records\": […]}`. Whatever must arrive as it was (a document, an input) is JSON in a string inside an event's `data`: connectors' converters write everything else anew."),
    responses(
    (status = 200, description = "Done.", body = Scheduled),
    (status = 401, description = "The connector's secret is wrong.", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "The batch is above its limit: make the connector's batches smaller.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not everything is known to be durable: send the batch again.", body = Problem, content_type = "application/problem+json"),
))]
async fn receive(
    State(app): State<AppState>,
    _connector: Connector,
    body: Result<Capped<MAX_BATCH_BYTES>, ApiError>,
) -> Result<Json<Scheduled>, ApiError> {
    let Capped(body) = body.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let refusal = app.connectors.too_large(MAX_BATCH_BYTES);
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", refusal.to_string())
        }
        _ => error,
    })?;
    Ok(Json(app.scheduler.handle(&body).await?))
}
