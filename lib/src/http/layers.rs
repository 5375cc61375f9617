//! What happens around every request: its id, its log lines, its time limit, its errors.

use std::{panic::AssertUnwindSafe, time::Duration};

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tokio::time::Instant;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument;

use super::{HttpConfig, problem::ApiError};
use crate::{
    hooks::HookAddress,
    telemetry::{TraceSpan, names},
};
use domain::trace::TRACEPARENT;

/// The header of a request's id, in both directions.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request's id: the client's, or a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub HeaderValue);

impl RequestId {
    fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(&REQUEST_ID).filter(|value| {
            (1..=128).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
        });
        Self(given.cloned().unwrap_or_else(|| {
            HeaderValue::from_str(&uuid::Uuid::now_v7().to_string())
                .unwrap_or_else(|_| HeaderValue::from_static("none"))
        }))
    }

    fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// Gives the request an id, turns whatever goes wrong into a problem document, and logs it once.
pub async fn request(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    // The address of a webhook is a permission.
    let (method, path) = (request.method().clone(), HookAddress::told(request.uri().path()).to_owned());
    let route = request.extensions().get::<MatchedPath>().cloned();
    // What cannot be read is ignored, as the standard asks.
    let given = request.headers().get(TRACEPARENT).and_then(|text| text.to_str().ok()?.parse().ok());
    let here = TraceSpan::after(given);
    request.extensions_mut().insert(here.context());
    let span = tracing::info_span!(
        "request",
        trace_id = here.trace_id(),
        span_id = here.span_id(),
        parent_id = here.parent_id(),
        request.id = id.as_str(),
        http.method = %method,
        http.path = path,
        tenant = tracing::field::Empty,
    );
    let started = Instant::now();
    let answered = AssertUnwindSafe(next.run(request).instrument(span.clone())).catch_unwind().await;
    let response = answered.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("a panic without text");
        ApiError::internal().caused_by(std::io::Error::other(format!("panic: {text}"))).into_response()
    });
    let _inside = span.entered();
    let mut response = finish(response, &id);
    let (status, elapsed) = (response.status(), started.elapsed());
    tracing::debug!(http.status = status.as_u16(), elapsed_ms = elapsed.as_millis(), "{method} {path}");
    // A method that no route takes is a label of the client's choice.
    if let Some(route) = route.filter(|_| status != StatusCode::METHOD_NOT_ALLOWED) {
        let labels = [
            (names::ROUTE, route.as_str().to_owned()),
            (names::METHOD, method.to_string()),
            (names::STATUS, status.as_str().to_owned()),
        ];
        metrics::histogram!(names::HTTP_REQUEST_SECONDS, &labels).record(elapsed);
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id.0);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Marks an answer that is whole as it is, whatever its status: a page for people.
#[derive(Debug, Clone)]
pub(super) struct AsItIs;

/// Headers of an answer that are those of the problem that is told instead.
static KEPT: [HeaderName; 4] =
    [header::ALLOW, header::ACCESS_CONTROL_ALLOW_ORIGIN, header::ACCESS_CONTROL_EXPOSE_HEADERS, header::VARY];

/// Renders an error. What came from elsewhere (a framework's own refusal) becomes a problem document too.
fn finish(mut response: Response, id: &RequestId) -> Response {
    let status = response.status();
    let error = match response.extensions_mut().remove::<ApiError>() {
        Some(error) => error,
        None if response.extensions_mut().remove::<AsItIs>().is_some() => return response,
        None if status.is_client_error() || status.is_server_error() => foreign(status),
        None => return response,
    };
    if status.is_server_error() {
        tracing::error!(error.code = error.code(), "{}: {}", error.code(), error.reason());
    }
    let mut rendered = error.render(id.as_str());
    for name in &KEPT {
        if let Some(value) = response.headers_mut().remove(name) {
            rendered.headers_mut().insert(name.clone(), value);
        }
    }
    rendered
}

fn foreign(status: StatusCode) -> ApiError {
    match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            ApiError::new(status, "method_not_allowed", "this address does not take that method; see `Allow`")
        }
        StatusCode::NOT_FOUND => not_found_here(),
        status if status.is_client_error() => {
            ApiError::new(status, "bad_request", status.canonical_reason().unwrap_or("bad request"))
        }
        _ => ApiError::internal(),
    }
}

fn not_found_here() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "route_not_found",
        "there is nothing at this address; see /openapi.json",
    )
}

/// Answers what no route takes.
pub async fn no_route() -> ApiError {
    not_found_here()
}

/// Ends a request that takes longer.
pub async fn time_limit(limit: Duration, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) => {
            let seconds = limit.as_secs();
            let detail = format!("the request took longer than its limit of {seconds} s; try again");
            let cause = std::io::Error::other(format!("{} took too long", route.unwrap_or_default()));
            ApiError::new(StatusCode::GATEWAY_TIMEOUT, "timeout", detail).caused_by(cause).into_response()
        }
    }
}

/// Lets pages of the configured origins use the API.
pub fn cors(config: &HttpConfig) -> CorsLayer {
    let origins = if config.cors_origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(config.cors_origins.iter().filter_map(|origin| origin.parse().ok()))
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            header::ACCEPT,
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("prefer"),
            HeaderName::from_static(TRACEPARENT),
            REQUEST_ID,
        ])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            HeaderName::from_static("idempotency-replayed"),
            HeaderName::from_static("signal-id"),
            REQUEST_ID,
        ])
        .max_age(Duration::from_hours(2))
}
