//! Problem documents (RFC 9457): the one shape of every error.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use domain::violation::{Violation, ViolationCode};

/// An error, as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// The kind of problem as a URN that ends in `code`.
    #[serde(rename = "type")]
    #[schema(example = "urn:minireipaz:problem:workflow_not_found")]
    pub kind: String,
    /// The status in words.
    #[schema(example = "Not Found")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// What is wrong and what to do about it, for people.
    pub detail: String,
    /// The kind of problem, for programs.
    #[schema(example = "workflow_not_found")]
    pub code: String,
    /// What to quote when asking about it; also in the header `X-Request-Id`.
    pub request_id: String,
    /// All that is wrong with the request, each with its place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// With 412, for a version that there is not, and for a workflow that cannot be read: the version that the workflow
    /// has now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_version: Option<u32>,
}

/// An error on its way to the client. `http::layers` renders it, with the request's id, and logs its cause.
#[derive(Debug, Clone)]
pub struct ApiError(Box<Details>);

#[derive(Debug, Clone)]
struct Details {
    status: StatusCode,
    code: &'static str,
    detail: String,
    violations: Vec<Violation>,
    current_version: Option<u32>,
    retry_after: Option<Duration>,
    size: Option<u64>,
    authenticate: Option<&'static str>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// An error with that status, code and text for the client.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Details {
            status,
            code,
            detail: detail.into(),
            violations: Vec::new(),
            current_version: None,
            retry_after: None,
            size: None,
            authenticate: None,
            cause: None,
        }))
    }

    /// Something that the client can do nothing about; it learns nothing of the cause.
    #[must_use]
    pub fn internal() -> Self {
        let detail = "something went wrong here; quote the request id when you report it";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// A part is down; it is worth trying again.
    #[must_use]
    pub fn unavailable(code: &'static str, detail: impl Into<String>, retry_after: Duration) -> Self {
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail);
        error.0.retry_after = Some(retry_after);
        error
    }

    /// The tenant has as much under way as it may have.
    #[must_use]
    pub fn too_many_requests(code: &'static str, detail: impl Into<String>, retry_after: Duration) -> Self {
        let mut error = Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail);
        error.0.retry_after = Some(retry_after);
        error
    }

    /// A parameter or header that cannot be read.
    #[must_use]
    pub fn parameter(name: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::new(StatusCode::BAD_REQUEST, "invalid_parameter", format!("{name}: {message}")).with_violations(
            vec![Violation { path: name.to_owned(), code: ViolationCode::InvalidParameter, message }],
        )
    }

    /// The same error with all that is wrong.
    #[must_use]
    pub fn with_violations(mut self, violations: Vec<Violation>) -> Self {
        self.0.violations = violations;
        self
    }

    /// The same error with the version that the workflow has now.
    #[must_use]
    pub fn with_current_version(mut self, version: u32) -> Self {
        self.0.current_version = Some(version);
        self
    }

    /// The same error, of something with so many bytes of which none are in the range that was asked for.
    #[must_use]
    pub fn with_size(mut self, size: u64) -> Self {
        self.0.size = Some(size);
        self
    }

    /// The same error with a `WWW-Authenticate` challenge.
    #[must_use]
    pub fn with_challenge(mut self, challenge: &'static str) -> Self {
        self.0.authenticate = Some(challenge);
        self
    }

    /// The same error with what caused it, for the log only.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.0.cause = Some(Arc::new(cause));
        self
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// Why, for the log: what caused it, with the causes of that; without any, what the client is told.
    pub(super) fn reason(&self) -> String {
        match &self.0.cause {
            Some(cause) => Causes(&**cause).to_string(),
            None => self.0.detail.clone(),
        }
    }

    /// The document.
    pub(super) fn render(&self, request_id: &str) -> Response {
        let Details {
            status,
            code,
            detail,
            violations,
            current_version,
            retry_after,
            size,
            authenticate,
            ..
        } = &*self.0;
        let problem = Problem {
            kind: format!("urn:minireipaz:problem:{code}"),
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            status: status.as_u16(),
            detail: detail.clone(),
            code: (*code).to_owned(),
            request_id: request_id.to_owned(),
            violations: violations.clone(),
            current_version: *current_version,
        };
        let mut response = (*status, axum::Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(after) = retry_after {
            // Whole seconds; rounded up, so that nobody comes back too early.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if let Some(range) = size.and_then(|size| HeaderValue::try_from(format!("bytes */{size}")).ok()) {
            headers.insert(header::CONTENT_RANGE, range);
        }
        if let Some(challenge) = authenticate {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

struct Causes<'a>(&'a (dyn Error + Send + Sync));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut error: &dyn Error = self.0;
        write!(f, "{error}")?;
        while let Some(source) = error.source() {
            write!(f, ": {source}")?;
            error = source;
        }
        Ok(())
    }
}
