//! The HTTP edge: routers, extractors, problems, and `serve` for every platform.

mod config;
mod error;
pub mod extract;
mod function_path;
pub mod health;
pub mod layers;
mod openapi;
mod page;
mod problem;
pub mod routes;
#[cfg(feature = "functions")]
mod serve;
mod state;
mod streamed;

pub use config::{ApiConfig, HttpConfig};
pub use openapi::document as openapi;
pub use problem::{ApiError, Problem};
#[cfg(feature = "functions")]
pub use serve::serve;
pub use state::{ApiParts, AppState};

use axum::{Router, extract::Request};
use tower::{ServiceExt, service_fn, util::MapRequest};

use crate::hooks::HookAddress;
use routes::Routes;

/// The whole API: every route, for `minireipaz dev`, for `minireipaz serve` and for tests.
pub fn app(state: AppState) -> Router {
    with_edge(routes::all(), state)
}

/// Routes with all that happens around a request, ready to be served.
fn with_edge(routes: Routes, state: AppState) -> Router {
    let (routes, _) = routes.split_for_parts();
    let routes = routes.fallback(layers::no_route).layer(axum::middleware::from_fn(layers::request));
    // A webhook's own node says whose pages may call it.
    let hooks: Router = routes.clone().with_state(state.clone());
    let others: Router = routes.layer(layers::cors(&state.config)).with_state(state);
    let served = service_fn(move |request: Request| {
        let router = if HookAddress::is_one(request.uri().path()) { &hooks } else { &others };
        router.clone().oneshot(request)
    });
    // Outside of the router, since it changes what is routed by.
    Router::new().fallback_service(MapRequest::new(served, function_path::restore))
}
