//! Serving a function's routes on the platform that it finds itself on.

use std::{convert::Infallible, sync::Arc};

use axum::{Router, extract::Request, response::Response};
use tokio::sync::OnceCell;
use tower::{ServiceBuilder, ServiceExt};
use vercel_runtime::axum::VercelLayer;

use super::{layers, problem::ApiError, routes::Routes, state::AppState, with_edge};
use crate::config::{self, Config, Env, log::LogConfig};

/// Serves a function: on Vercel (or alone, on 127.0.0.1), or on Lambda when it runs there.
///
/// The process's state is put together when the first request comes and shared by all that follow. As long as that
/// fails, requests are told why: a process that ended instead would be started again and again.
///
/// # Errors
/// When the platform's runtime cannot be reached.
pub async fn serve(routes: Routes) -> Result<(), vercel_runtime::Error> {
    let log = LogConfig::from_env(&mut Env::process());
    crate::telemetry::init(log.format, &log.filter)?;
    let app = lazily(routes);
    if config::http::on_lambda() {
        lambda_http::run(app).await
    } else {
        vercel_runtime::run(ServiceBuilder::new().layer(VercelLayer::new()).service(app)).await
    }
}

struct Lazy {
    routes: Routes,
    ready: OnceCell<Router>,
}

fn lazily(routes: Routes) -> Router {
    let lazy = Arc::new(Lazy { routes, ready: OnceCell::new() });
    Router::new().fallback(move |request: Request| {
        let lazy = Arc::clone(&lazy);
        async move { lazy.answer(request).await }
    })
}

impl Lazy {
    async fn answer(&self, request: Request) -> Response {
        let router = match self.ready.get_or_try_init(|| async { self.wire() }).await {
            Ok(router) => router.clone(),
            Err(error) => Router::new()
                .fallback(move || async move { error })
                .layer(axum::middleware::from_fn(layers::request)),
        };
        router.oneshot(request).await.unwrap_or_else(|never: Infallible| match never {})
    }

    fn wire(&self) -> Result<Router, ApiError> {
        let config = Config::from_env(Env::process()).map_err(|error| {
            // It names settings, never their values.
            let detail = format!("this function cannot work yet: {}", error.0.join("; "));
            ApiError::unavailable("not_configured", detail, std::time::Duration::from_secs(60))
                .caused_by(error)
        })?;
        let state = AppState::connect(&config).map_err(|error| {
            let detail = "this function could not be started; its log says why";
            ApiError::unavailable("not_started", detail, std::time::Duration::from_secs(5))
                .caused_by(std::io::Error::other(format!("{error:#}")))
        })?;
        Ok(with_edge(self.routes.clone(), state))
    }
}
