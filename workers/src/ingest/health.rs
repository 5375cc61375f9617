//! What probes and collectors ask.

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use metrics::gauge;
use minireipaz::telemetry::names;

use super::IngestState;

/// The process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Batches would be taken now.
pub(super) async fn ready(State(state): State<Arc<IngestState>>) -> Response {
    match state.gate.check() {
        Ok(()) => "ready\n".into_response(),
        Err(refusal) => (StatusCode::SERVICE_UNAVAILABLE, format!("{refusal}\n")).into_response(),
    }
}

/// All metrics of the process, as Prometheus reads them.
pub(super) async fn metrics(State(state): State<Arc<IngestState>>) -> Response {
    match &state.metrics {
        Some(handle) => {
            if let Some(bytes) = state.journal.file_bytes() {
                #[expect(clippy::cast_precision_loss, reason = "a gauge")]
                gauge!(names::JOURNAL_BYTES).set(bytes as f64);
            }
            handle.run_upkeep();
            handle.render().into_response()
        }
        None => (StatusCode::NOT_FOUND, "metrics are collected elsewhere in this process\n").into_response(),
    }
}
