//! The functions, served as one program: the same routers, under the same paths.

use axum::{Json, Router, routing::get};
use minireipaz::http::AppState;
use serde_json::Value;

use super::page;

/// The API, the local issuer's keys, and the API's page with its documents.
pub(crate) fn router(state: AppState, jwks: Value) -> Router {
    let keys = get(move || async move { Json(jwks) });
    let beside = Router::new().route("/.well-known/jwks.json", keys).merge(page::router());
    beside.fallback_service(minireipaz::http::app(state))
}
