//! Conditional requests and idempotency keys.

use axum::extract::FromRequestParts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts};

use super::super::problem::ApiError;
use crate::service::{IdempotencyKey, Precondition};

/// The `ETag` of a workflow's version.
#[must_use]
pub fn etag(version: u32) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// `If-Match`, if it was sent.
#[derive(Debug)]
pub struct IfMatch(pub Option<Precondition>);

impl IfMatch {
    /// The precondition, which must have been sent.
    ///
    /// # Errors
    /// 428 when it was not.
    pub fn required(self) -> Result<Precondition, ApiError> {
        self.0.ok_or_else(|| {
            let detail = "send If-Match with the version (ETag) that you have read, or `*` to replace any";
            ApiError::new(StatusCode::PRECONDITION_REQUIRED, "precondition_required", detail)
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(tags) = tags(&parts.headers, &header::IF_MATCH)? else { return Ok(Self(None)) };
        Ok(Self(Some(match tags {
            Tags::Any => Precondition::Exists,
            Tags::Versions(versions) => Precondition::OneOf(versions),
        })))
    }
}

/// `If-None-Match`, if it was sent.
#[derive(Debug)]
pub struct IfNoneMatch(Option<Tags>);

impl IfNoneMatch {
    /// Whether the client has this version already.
    #[must_use]
    pub fn has(&self, version: u32) -> bool {
        match &self.0 {
            None => false,
            Some(Tags::Any) => true,
            Some(Tags::Versions(versions)) => versions.contains(&version),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        tags(&parts.headers, &header::IF_NONE_MATCH).map(Self)
    }
}

#[derive(Debug)]
enum Tags {
    Any,
    Versions(Vec<u32>),
}

/// Tags that are none of ours match nothing. Weak ones are taken too: proxies make ours weak when they compress.
fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, ApiError> {
    let mut versions = None;
    for value in headers.get_all(name) {
        let text = value.to_str().map_err(|_| ApiError::parameter(name.as_str(), "is not text"))?;
        for tag in text.split(',').map(str::trim) {
            if tag == "*" {
                return Ok(Some(Tags::Any));
            }
            let tag = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"');
            versions.get_or_insert_with(Vec::new).extend(tag.parse::<u32>());
        }
    }
    Ok(versions.map(Tags::Versions))
}

/// `Idempotency-Key`, if it was sent.
#[derive(Debug)]
pub struct KeyHeader(pub Option<IdempotencyKey>);

impl<S: Send + Sync> FromRequestParts<S> for KeyHeader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let key = value.to_str().unwrap_or_default().parse();
        key.map(|key| Self(Some(key))).map_err(|error: crate::service::InvalidIdempotencyKey| {
            ApiError::parameter("Idempotency-Key", error.to_string())
        })
    }
}
