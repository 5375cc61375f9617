//! The playground: a small web API that the examples call, so that they need no network.
//!
//! It answers the same way every time, can be slow or fail a few times on purpose, and remembers who called, so
//! that a test can see that nothing was called twice.

mod calls;
mod shop;

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{any, get},
};
use calls::{Call, Calls};
use serde::Deserialize;
use serde_json::{Value, json};

const LONGEST_PAUSE_MS: u64 = 60_000;

/// The API, which remembers its last calls: `GET /calls` lists them.
pub fn router() -> Router {
    let calls = Arc::new(Calls::default());
    Router::new()
        .route("/prices/{sku}", get(price))
        .route("/stock/{sku}", get(stock))
        .route("/slow", any(slow))
        .route("/flaky/{key}", any(flaky))
        .route("/status/{code}", any(status))
        .route("/echo", any(echo))
        .merge(shop::router())
        .layer(middleware::from_fn_with_state(Arc::clone(&calls), remember))
        .route("/calls", get(list_calls))
        .with_state(calls)
}

async fn remember(State(calls): State<Arc<Calls>>, request: Request, next: Next) -> Response {
    let header = request.headers().get("idempotency-key").and_then(|value| value.to_str().ok());
    calls.add(Call {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        idempotency_key: header.map(str::to_owned),
    });
    next.run(request).await
}

#[derive(Deserialize)]
struct Filter {
    path: Option<String>,
}

async fn list_calls(State(calls): State<Arc<Calls>>, Query(filter): Query<Filter>) -> Json<Vec<Call>> {
    Json(calls.list(filter.path.as_deref()))
}

/// A number that depends on nothing but the text.
fn number_of(sku: &str) -> u64 {
    sku.bytes().fold(7, |sum, byte| (sum * 31 + u64::from(byte)) % 1_000)
}

async fn price(Path(sku): Path<String>) -> Json<Value> {
    let cents = 500 + number_of(&sku) * 3;
    #[expect(clippy::cast_precision_loss, reason = "at most 3,500")]
    let price = cents as f64 / 100.0;
    Json(json!({"sku": sku, "price": price, "currency": "EUR"}))
}

async fn stock(Path(sku): Path<String>) -> Json<Value> {
    Json(json!({"sku": sku, "in_stock": number_of(&sku) % 40}))
}

#[derive(Deserialize)]
struct Slow {
    #[serde(default = "one_second")]
    ms: u64,
}

fn one_second() -> u64 {
    1_000
}

async fn slow(Query(Slow { ms }): Query<Slow>) -> Json<Value> {
    let ms = ms.min(LONGEST_PAUSE_MS);
    tokio::time::sleep(Duration::from_millis(ms)).await;
    Json(json!({"waited_ms": ms}))
}

#[derive(Deserialize)]
struct Flaky {
    /// So many calls fail before one succeeds.
    #[serde(default = "two")]
    fail: usize,
    #[serde(default = "unavailable")]
    status: u16,
}

fn two() -> usize {
    2
}

fn unavailable() -> u16 {
    503
}

/// Fails for each `Idempotency-Key` anew, so that every run sees the same.
async fn flaky(
    State(calls): State<Arc<Calls>>,
    Path(key): Path<String>,
    Query(flaky): Query<Flaky>,
    headers: axum::http::HeaderMap,
) -> Response {
    let caller = headers.get("idempotency-key").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let before = calls.count(&format!("/flaky/{key}"), caller);
    if before <= flaky.fail {
        let status = StatusCode::from_u16(flaky.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        return (status, Json(json!({"error": "try again", "failures": before}))).into_response();
    }
    Json(json!({"key": key, "calls": before})).into_response()
}

async fn status(Path(code): Path<u16>) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST);
    (status, Json(json!({"status": status.as_u16()}))).into_response()
}

async fn echo(Query(query): Query<HashMap<String, String>>, body: String) -> Json<Value> {
    let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
    Json(json!({"query": query, "body": body}))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower::util::ServiceExt as _;

    use super::*;

    async fn status_of(router: &Router, path: &str, key: &str) -> StatusCode {
        let request = Request::get(path).header("idempotency-key", key).body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn a_flaky_endpoint_fails_so_often_for_each_caller() {
        let router = router();
        for caller in ["a", "b"] {
            for expected in [503, 503, 200, 200] {
                assert_eq!(status_of(&router, "/flaky/x?fail=2", caller).await, expected);
            }
        }
    }

    #[tokio::test]
    async fn an_endpoint_answers_with_the_status_it_is_asked_for() {
        assert_eq!(status_of(&router(), "/status/404", "a").await, 404);
        assert_eq!(status_of(&router(), "/status/999999", "a").await, 400);
    }
}
