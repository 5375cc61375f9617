//! Serving a function's routes on the platform that it finds itself on.

use std::{convert::Infallible, sync::Arc};

use axum::{Router, extract::Request, response::Response};
use tokio::sync::OnceCell;
use tower::{ServiceBuilder, ServiceExt};
use vercel_runtime::axum::VercelLayer;

use super::{ApiConfig, layers, problem::ApiError, routes::Routes, state::AppState, with_edge};
use crate::{
    config::{Env, on_lambda},
    telemetry::{self, LogConfig},
};

/// Serves a function: on Vercel (or alone, on 127.0.0.1), or on Lambda when it runs there.
///
/// The process's state is put together when the first request comes and shared by all that follow. As long as that
/// fails, requests are told why: a process that ended instead would be started again and again.
///
/// # Errors
/// When the platform's runtime cannot be reached.
pub async fn serve(routes: Routes) -> Result<(), vercel_runtime::Error> {
    let mut env = Env::process();
    let log = LogConfig::from_env(&mut env);
    telemetry::init(&log)?;
    telemetry::log_panics();
    // A wrong setting of the log is no reason to answer nobody.
    if let Err(error) = env.finish(Some(())) {
        tracing::warn!(%error, "the log goes on with its defaults");
    }
    let app = lazily(routes, Env::process);
    if on_lambda() {
        lambda_http::run(app).await
    } else {
        vercel_runtime::run(ServiceBuilder::new().layer(VercelLayer::new()).service(app)).await
    }
}

struct Lazy {
    routes: Routes,
    env: fn() -> Env,
    ready: OnceCell<Router>,
}

fn lazily(routes: Routes, env: fn() -> Env) -> Router {
    let lazy = Arc::new(Lazy { routes, env, ready: OnceCell::new() });
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
        let config = ApiConfig::from_env((self.env)()).map_err(|error| {
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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http_body_util::BodyExt;

    use super::*;
    use crate::http::routes;

    #[tokio::test]
    async fn a_function_without_settings_says_which_are_missing_and_goes_on_running() {
        let app = lazily(routes::ping::router(), || Env::of([("AUTH_ISSUER", "https://id.example/")]));
        for _ in 0..2 {
            let request = Request::get("/api/v1/ping").body(Body::empty()).unwrap();
            let answer = app.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), 503);
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let text = String::from_utf8_lossy(&body);
            assert!(text.contains("not_configured") && text.contains("KAFKA_REST_URL is not set"), "{text}");
            assert!(!text.contains("AUTH_ISSUER") && !text.contains("id.example"), "{text}");
        }
    }

    #[tokio::test]
    async fn a_function_with_its_settings_answers_before_anything_is_reached() {
        let app = lazily(routes::ping::router(), || {
            Env::of([
                ("AUTH_ISSUER", "https://id.example/"),
                ("AUTH_AUDIENCE", "api"),
                ("AUTH_JWKS_URL", "http://127.0.0.1:1/jwks.json"),
                ("CONNECTOR_SECRET", "0123456789abcdef"),
                ("KAFKA_REST_URL", "http://127.0.0.1:1"),
                ("CLICKHOUSE_URL", "clickhouse://user:password@127.0.0.1:1/db"),
            ])
        });
        let request = Request::get("/api/v1/ping").body(Body::empty()).unwrap();
        assert_eq!(app.oneshot(request).await.unwrap().status(), 200);
    }
}
