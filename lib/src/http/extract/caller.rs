//! Who is calling.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use http::{HeaderMap, StatusCode, header, request::Parts};

use super::super::{problem::ApiError, state::AppState};
use crate::{
    auth::{AuthError, Scope},
    service::Caller,
};
use domain::trace::TraceContext;

/// The scope that a handler needs.
pub trait Needs: Send {
    /// It.
    const SCOPE: Scope;
}

macro_rules! needs {
    ($($name:ident)*) => {$(
        #[doc = concat!("Needs the scope `", stringify!($name), "`.")]
        #[derive(Debug)]
        pub struct $name;

        impl Needs for $name {
            const SCOPE: Scope = Scope::$name;
        }
    )*};
}

needs!(WorkflowsRead WorkflowsWrite RunsRead RunsWrite);

/// A caller whose token is valid and has the scope.
#[derive(Debug)]
pub struct Authorized<N> {
    /// Who it is.
    pub caller: Caller,
    scope: PhantomData<N>,
}

impl<N: Needs> FromRequestParts<AppState> for Authorized<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let token = bearer(&parts.headers).ok_or_else(|| {
            let detail = "send a token: `Authorization: Bearer <token>`";
            unauthorized("token_missing", detail).with_challenge("Bearer")
        })?;
        let who = app.auth.authenticate(token).await.map_err(refusal)?;
        if !who.scopes.contains(&N::SCOPE) {
            let detail = format!("missing scope {}", N::SCOPE);
            return Err(ApiError::new(StatusCode::FORBIDDEN, "missing_scope", detail)
                .with_challenge("Bearer error=\"insufficient_scope\""));
        }
        tracing::Span::current().record("tenant", who.tenant.as_str());
        // The request's own span, which `http::layers` has begun.
        let traceparent = parts.extensions.get::<TraceContext>().map(ToString::to_string);
        let caller = Caller { tenant: who.tenant, traceparent };
        Ok(Self { caller, scope: PhantomData })
    }
}

fn unauthorized(code: &'static str, detail: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, code, detail)
}

fn refusal(error: AuthError) -> ApiError {
    let code = match error {
        AuthError::Unavailable { retry_after } => {
            let detail =
                "tokens cannot be checked now, since the identity provider does not answer; try again";
            return ApiError::unavailable("identity_unavailable", detail, retry_after).caused_by(error);
        }
        AuthError::Expired => "token_expired",
        AuthError::Malformed(_)
        | AuthError::WrongAlgorithm
        | AuthError::UnknownKey
        | AuthError::WrongSignature
        | AuthError::NotYetValid
        | AuthError::WrongIssuer
        | AuthError::WrongAudience
        | AuthError::NoTenant => "token_invalid",
    };
    unauthorized(code, error.to_string()).with_challenge("Bearer error=\"invalid_token\"")
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// A connector that knows its secret.
#[derive(Debug)]
pub struct Connector;

impl FromRequestParts<AppState> for Connector {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let key = parts.headers.get("x-api-key").and_then(|value| value.to_str().ok());
        if [bearer(&parts.headers), key].into_iter().flatten().any(|secret| app.callbacks.verify(secret)) {
            return Ok(Self);
        }
        let detail = "send the connector's secret: `Authorization: Bearer <secret>` or `X-API-KEY: <secret>`";
        Err(unauthorized("wrong_secret", detail).with_challenge("Bearer"))
    }
}
