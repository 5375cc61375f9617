//! Serving a function's routes on the platform that it finds itself on.

use std::{convert::Infallible, sync::Arc};

use axum::{Router, body::Body, extract::Request, response::Response};
use tokio::sync::OnceCell;
use tower::ServiceExt;
use vercel_runtime::{ResponseBody, axum::StreamingUtils};

use super::{
    ApiConfig, layers, problem::ApiError, routes::Routes, state::AppState, streamed::Streamed, with_edge,
};
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
        // The runtime's own layer for axum collects every answer that is neither JSON nor a stream of events.
        let service =
            tower::service_fn(move |(_, request): (vercel_runtime::AppState, vercel_runtime::Request)| {
                let app = app.clone();
                async move {
                    let response = app
                        .oneshot(request.map(Body::new))
                        .await
                        .unwrap_or_else(|never: Infallible| match never {});
                    for_vercel(response).await
                }
            });
        vercel_runtime::run(service).await
    }
}

/// An answer as Vercel's runtime takes it: collected as its own layer would do it, unless it is [`Streamed`].
async fn for_vercel(response: Response) -> Result<http::Response<ResponseBody>, vercel_runtime::Error> {
    if response.extensions().get::<Streamed>().is_none() {
        return StreamingUtils::process_response(response).await;
    }
    let (parts, body) = response.into_parts();
    Ok(http::Response::from_parts(parts, StreamingUtils::create_stream_body(body).await?))
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
    use axum::{body::Bytes, response::IntoResponse};
    use futures_util::{StreamExt, stream};
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
    async fn a_file_is_passed_on_as_it_comes() {
        let first = stream::once(async { Ok::<_, Infallible>(Bytes::from_static(b"first")) });
        let endless = Body::from_stream(first.chain(stream::pending()));
        let mut response =
            ([("content-type", "image/png"), ("content-length", "9")], endless).into_response();
        response.extensions_mut().insert(Streamed);
        let mut answer = for_vercel(response).await.unwrap();
        assert_eq!(answer.headers()["content-length"], "9");
        let piece = answer.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(piece, "first", "though the rest has not come");
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
