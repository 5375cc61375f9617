//! What is wanted of a run that goes on: bodies and the token of a link.

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::{StatusCode, request::Parts};
use serde_json::Value;

use super::{
    super::problem::ApiError,
    body::{InputSchema, JsonBytes, optional},
    document, invalid,
    query::parsed,
    shape::{self, Fields, Shape},
};
use domain::{
    ids::SignalName,
    violation::{Violation, ViolationCode, Violations},
};

/// What cancels a run: `{"reason": …}`, or nothing.
#[derive(Debug, Default, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelBody {
    /// Why, for people: it is the message of the run's error. At most 4096 bytes.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A signal: `{"name": …, "data": …}`.
#[derive(Debug, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeBody {
    /// Its name, as the step waits for it.
    pub name: SignalName,
    /// An object, or a list of objects, which become one item each; missing: one empty item.
    #[serde(default)]
    #[schema(value_type = Option<InputSchema>)]
    pub data: Value,
}

fn misfit(violations: Vec<Violation>) -> ApiError {
    invalid("the body", "invalid_body", violations)
}

/// A signal's data that is not what a step can take.
pub(in crate::http) fn invalid_data(violations: Vec<Violation>) -> ApiError {
    invalid("the signal's data", "invalid_data", violations)
}

impl<S: Send + Sync> FromRequest<S> for CancelBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Ok(optional(request, state, misfit).await?.0)
    }
}

impl<S: Send + Sync> FromRequest<S> for ResumeBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let JsonBytes(bytes) = JsonBytes::from_request(request, state).await?;
        if bytes.is_empty() {
            let detail = "send the signal as JSON: {\"name\": …, \"data\": …}";
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_json", detail));
        }
        shape::read(document::json(&bytes)?).map_err(misfit)
    }
}

impl Shape for CancelBody {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let mut fields = Fields::of(value, at, misfits)?;
        let reason = fields.optional("reason");
        fields.nothing_else("known is: reason")?;
        Some(Self { reason: reason? })
    }
}

impl Shape for ResumeBody {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let mut fields = Fields::of(value, at, misfits)?;
        let name = fields.required("name");
        let data = fields.or_default("data");
        fields.nothing_else("known are: name, data")?;
        Some(Self { name: name?, data: data? })
    }
}

impl Shape for SignalName {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let text = String::read(value, at, misfits)?;
        let name = Self::parse(&text);
        name.map_err(|error| misfits.add(at, ViolationCode::InvalidValue, error.to_string())).ok()
    }
}

/// `?token=`: that of a link by which a person gives a signal.
#[derive(Debug)]
pub struct LinkToken(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for LinkToken {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self(parsed(&parts.uri, LinkToken::PARAMETER, "that of a link")?))
    }
}

impl LinkToken {
    /// The parameter's name.
    pub const PARAMETER: &str = "token";
}
