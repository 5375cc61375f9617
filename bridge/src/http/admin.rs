//! Health and metrics.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde_json::json;

use super::Front;
use crate::stats::TaskState;

/// `GET /healthz`: 503 when records cannot be taken; `degraded` (and 200) when a delivery task has failed, since
/// the bridge goes on and starts the task again by itself.
pub(super) async fn health(State(front): State<Arc<Front>>) -> Response {
    let tasks = front.stats.tasks();
    let failed = tasks.iter().any(|task| matches!(task.state(), TaskState::Failed(_)));
    let log = front.log.health();
    let (status, word) = match &log {
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        Ok(()) if failed => (StatusCode::OK, "degraded"),
        Ok(()) => (StatusCode::OK, "ok"),
    };
    let tasks: Vec<_> = tasks
        .iter()
        .map(|task| {
            let (state, reason) = match task.state() {
                TaskState::Running => ("RUNNING", None),
                TaskState::Retrying(reason) => ("RETRYING", Some(reason)),
                TaskState::Failed(reason) => ("FAILED", Some(reason)),
                TaskState::Stopped => ("STOPPED", None),
            };
            json!({
                "connector": task.connector, "topic": task.at.topic, "partition": task.at.partition,
                "state": state, "reason": reason, "lag": task.lag(front.log.end(&task.at)),
            })
        })
        .collect();
    let body = json!({ "status": word, "log": log.err().map(|e| e.to_string()), "tasks": tasks });
    (status, Json(body)).into_response()
}

/// `GET /metrics`, in Prometheus' text form.
pub(super) async fn metrics(State(front): State<Arc<Front>>) -> Response {
    let text = front.stats.render(&*front.log);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
