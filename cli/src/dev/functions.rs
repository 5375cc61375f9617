//! The functions, served as one program: the same routers, under the same paths.

use std::path::Path;

use axum::{Json, Router, routing::get};
use minireipaz::http::AppState;
use serde_json::Value;
use tower_http::services::ServeDir;

/// The API, the local issuer's keys, and the page of `public/` where there is one.
pub(crate) fn router(state: AppState, jwks: Value) -> Router {
    let api = minireipaz::http::app(state);
    let keys = get(move || async move { Json(jwks) });
    let router = Router::new().route("/.well-known/jwks.json", keys);
    let public = Path::new("public");
    if public.is_dir() {
        let files = ServeDir::new(public).append_index_html_on_directories(true);
        router.nest_service("/api", api_under_its_prefix(api)).fallback_service(files)
    } else {
        router.fallback_service(api)
    }
}

/// `nest_service` strips the prefix that the API's own routes have.
fn api_under_its_prefix(api: Router) -> Router {
    Router::new().fallback_service(tower::util::MapRequest::new(
        api,
        |mut request: axum::extract::Request| {
            if let Some(original) = request.extensions().get::<axum::extract::OriginalUri>().cloned() {
                *request.uri_mut() = original.0;
            }
            request
        },
    ))
}
