//! Who is calling.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use http::{StatusCode, header, request::Parts};

use super::super::{problem::ApiError, state::AppState};
use crate::{
    auth::{AuthError, Principal, Scope, bearer},
    service::Caller,
};
use domain::trace::TraceContext;

/// The scope that a handler needs.
pub trait Needs: Send {
    /// It; `None`: any valid token will do.
    const SCOPE: Option<Scope>;
}

/// Needs a valid token, whatever its scopes.
#[derive(Debug)]
pub struct AnyScope;

impl Needs for AnyScope {
    const SCOPE: Option<Scope> = None;
}

macro_rules! needs {
    ($($name:ident)*) => {$(
        #[doc = concat!("Needs the scope `", stringify!($name), "`.")]
        #[derive(Debug)]
        pub struct $name;

        impl Needs for $name {
            const SCOPE: Option<Scope> = Some(Scope::$name);
        }
    )*};
}

needs!(WorkflowsRead WorkflowsWrite RunsRead RunsWrite CredentialsRead CredentialsWrite);

/// A caller whose token is valid and has the scope.
#[derive(Debug)]
pub struct Authorized<N> {
    /// For whom something is done.
    pub caller: Caller,
    /// Who it is, as the token says.
    pub principal: Principal,
    scope: PhantomData<N>,
}

impl<N: Needs> FromRequestParts<AppState> for Authorized<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let token = parts.headers.get(header::AUTHORIZATION).and_then(bearer);
        let token = token.and_then(|token| std::str::from_utf8(token).ok()).ok_or_else(|| {
            let detail = "send a token: `Authorization: Bearer <token>`";
            unauthorized("token_missing", detail).with_challenge("Bearer")
        })?;
        let who = app.auth.authenticate(token).await.map_err(refusal)?;
        if let Some(scope) = N::SCOPE.filter(|scope| !who.scopes.contains(scope)) {
            let detail = format!("missing scope {scope}");
            return Err(ApiError::new(StatusCode::FORBIDDEN, "missing_scope", detail)
                .with_challenge("Bearer error=\"insufficient_scope\""));
        }
        tracing::Span::current().record("tenant", who.tenant.as_str());
        // The request's own span, which `http::layers` has begun.
        let traceparent = parts.extensions.get::<TraceContext>().map(ToString::to_string);
        let caller = Caller { tenant: who.tenant.clone(), traceparent };
        Ok(Self { caller, principal: who, scope: PhantomData })
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

/// A connector that knows its secret.
#[derive(Debug)]
pub struct Connector;

impl FromRequestParts<AppState> for Connector {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let admitted = app.connectors.admit(&parts.headers);
        admitted
            .map_err(|refusal| unauthorized("wrong_secret", refusal.to_string()).with_challenge("Bearer"))?;
        Ok(Self)
    }
}

/// A clock that knows its secret, such as Vercel Cron.
#[derive(Debug)]
pub struct Cron;

impl FromRequestParts<AppState> for Cron {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let detail = match app.config.cron.as_ref().map(|secrets| secrets.check(&parts.headers)) {
            Some(Ok(())) => return Ok(Self),
            Some(Err(_)) => "send `Authorization: Bearer <secret>` with what CRON_SECRET is set to here",
            None => "nobody may tick here, since CRON_SECRET is not set; set it to at least 16 characters",
        };
        Err(unauthorized("wrong_secret", detail).with_challenge("Bearer"))
    }
}
