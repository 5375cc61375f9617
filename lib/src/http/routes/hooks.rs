//! `/api/v1/hooks/{token}`, and all below it: requests to webhooks.

mod answer;
mod check;
mod content;

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::any,
};
use http::{HeaderValue, Method, StatusCode, header};
use utoipa_axum::routes;

use super::{Problems, Routes, within};
use crate::{
    hooks::{HookAddress, HookCors},
    http::{
        problem::{ApiError, Problem},
        state::AppState,
    },
    service::{Caller, FoundHook},
};
use answer::LONGEST;
use domain::trace::TraceContext;

/// What a request may take beside the wait for its run.
const BESIDE: std::time::Duration = std::time::Duration::from_secs(8);

/// The routes: one that is told, and those that take whatever follows.
#[must_use]
pub fn router() -> Routes {
    let routes = Routes::new().routes(routes!(call));
    let routes = routes.route("/api/v1/hooks/{token}", any(take));
    within(LONGEST + BESIDE, routes.route("/api/v1/hooks/{token}/{*tail}", any(take)))
}

/// Calls a webhook.
///
/// Every method is taken that the webhook says it takes, and the path may go on behind the token; `…/hooks/test/{token}` is
/// the address for trying. What is to be sent, and what is answered, is what the workflow's `webhook` node says. A request
/// that is sent again (the same delivery, the same signature, or the same `Idempotency-Key`) is the same run.
#[utoipa::path(post, path = "/api/v1/hooks/{token}", operation_id = "callHook", tag = "hooks",
    params(
        ("token" = String, Path, description = "The webhook's token."),
        ("Idempotency-Key" = Option<String>, Header, description = "Without a signature: your name for this request.", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
    ),
    request_body(content = String, content_type = "*/*", description = "Whatever the workflow asks for."),
    responses(
    (status = 200, description = "What the workflow answers; it may have any status from 200 to 599.", content_type = "*/*", body = String),
    (status = 202, description = "A run was started, and does not answer, or not yet.", content_type = "application/json", body = answer::HookAccepted, headers(
        ("Location" = String, description = "The run's address."))),
    (status = 405, description = "The webhook does not take this method.", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "The body is above a limit, which the text names.", body = Problem, content_type = "application/problem+json"),
    (status = 415, description = "The body is compressed, has an unknown character set, or is a file where none are stored.", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "The body has a field that is reserved (`$file`).", body = Problem, content_type = "application/problem+json"),
    Problems,
), security(()))]
async fn call(app: State<AppState>, request: Request) -> Response {
    take(app, request).await
}

async fn take(State(app): State<AppState>, request: Request) -> Response {
    let address = HookAddress::of(request.uri());
    let found = match address {
        Some(address) => find(&app, &address).await.map(|hook| (address, hook)),
        None => Err(unknown()),
    };
    let (address, hook) = match found {
        Ok(found) => found,
        Err(error) => return error.into_response(),
    };
    let cors = HookCors::of(&hook.params.allowed_origins, request.headers());
    let answered = if *request.method() == Method::OPTIONS {
        Ok(asked_before(&hook, &request))
    } else {
        answered(&app, &hook, &address, request).await
    };
    let mut response = answered.unwrap_or_else(IntoResponse::into_response);
    cors.tell(response.headers_mut());
    response
}

/// The hook of an address. What no hook has is as if it were nowhere, whatever the reason.
async fn find(app: &AppState, address: &HookAddress) -> Result<FoundHook, ApiError> {
    let hook = app.hooks.find(&address.token, address.test).await?.ok_or_else(unknown)?;
    tracing::Span::current().record("tenant", hook.tenant.as_str());
    Ok(hook)
}

fn unknown() -> ApiError {
    let detail = "there is no webhook at this address, or its workflow is not active";
    ApiError::new(StatusCode::NOT_FOUND, "hook_not_found", detail)
}

/// What a browser is told before it sends a page's request.
fn asked_before(hook: &FoundHook, request: &Request) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let params = &hook.params;
    HookCors::before(&params.methods, &params.allowed_origins, request.headers())
        .tell(response.headers_mut());
    response
}

async fn answered(
    app: &AppState,
    hook: &FoundHook,
    address: &HookAddress,
    request: Request,
) -> Result<Response, ApiError> {
    let methods = &hook.params.methods;
    if !methods.contains(request.method().as_str()) {
        if *request.method() == Method::HEAD && methods.contains("GET") {
            return Ok(Response::new(Body::empty()));
        }
        return Ok(refused(&methods.allow()));
    }
    let path = match &hook.params.path {
        None => serde_json::Map::new(),
        Some(pattern) => pattern.matches(&address.tail).ok_or_else(unknown)?,
    };
    let traceparent = request.extensions().get::<TraceContext>().map(ToString::to_string);
    let caller = Caller { tenant: hook.tenant.clone(), traceparent };
    let admitted = check::caller(app, hook, request.headers()).await?;
    let (parts, body) = content::received(request).await?;
    let delivered = check::signature(app, hook, (&parts, &body), &admitted).await?;
    let item = content::item(app, hook, (address, path), (&parts, &body), &admitted).await?;
    let started = app.runs.start_by_hook(&caller, hook, item, delivered).await?;
    answer::answer(app, &caller, hook, started).await
}

fn refused(allow: &str) -> Response {
    let detail = "this webhook does not take that method; see `Allow`";
    let mut response =
        ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).into_response();
    if let Ok(allow) = HeaderValue::from_str(allow) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}
