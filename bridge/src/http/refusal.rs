//! Confluent's error body and codes: the one place that maps the log's errors to them.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use http_server::room::Full;
use serde::Serialize;

use crate::log::LogError;

/// A request or a record that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The HTTP status, when the whole request is refused.
    pub(super) status: u16,
    /// Confluent's code, in bodies and in reports.
    pub(super) code: u32,
    /// The text.
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// 400: what was sent cannot be understood.
    pub(super) fn bad_request(what: impl std::fmt::Display) -> Self {
        Self::new(400, 400, format!("Bad Request: {what}"))
    }

    /// 413: a record or a request is above its limit.
    pub(super) fn too_large(detail: impl std::fmt::Display) -> Self {
        const TEXT: &str =
            "The request included a message larger than the maximum message size the server can accept.";
        Self::new(413, 413, format!("{TEXT} ({detail})"))
    }

    /// 408: the body comes too slowly.
    pub(super) fn too_slow(detail: impl std::fmt::Display) -> Self {
        Self::new(408, 408, format!("Request Timeout: {detail}"))
    }

    /// 429: there is no memory for the body.
    pub(super) fn no_room(Full { limit }: Full) -> Self {
        let what = format!("request bodies fill the limit max_body_bytes of {limit} bytes; try again");
        Self::new(429, 429, what)
    }

    /// 422: nothing was sent.
    pub(super) fn empty_body() -> Self {
        Self::new(422, 42206, "Payload error. Request body is empty. Data is required.")
    }

    /// 404: the address names another cluster.
    pub(super) fn unknown_cluster(id: &str) -> Self {
        Self::new(404, 404, format!("Cluster {id} cannot be found."))
    }

    /// 415.
    pub(super) fn media_type(detail: &str) -> Self {
        Self::new(415, 415, format!("HTTP 415 Unsupported Media Type: {detail}"))
    }
}

impl From<LogError> for Refusal {
    fn from(error: LogError) -> Self {
        let (status, code) = match &error {
            LogError::UnknownTopic(_) => (404, 40401),
            LogError::InvalidTopic(_) | LogError::TooManyTopics { .. } => (400, 40002),
            LogError::UnknownPartition { .. } => (404, 40402),
            LogError::TooLarge { .. } => return Self::too_large(error),
            LogError::Busy { .. } => (429, 42901),
            LogError::Full { .. } | LogError::Closed => (503, 50302),
            LogError::Storage(_) | LogError::Unreachable(_) => (500, 50003),
            LogError::Unauthenticated(_) => (401, 40101),
            LogError::Denied(_) => (403, 40301),
            LogError::Refused(_) => (400, 40002),
            LogError::Settings(_) => (500, 50002),
        };
        Self::new(status, code, error.to_string())
    }
}

/// The body of an error.
#[derive(Serialize)]
struct ErrorBody<'a> {
    error_code: u32,
    message: &'a str,
}

impl Refusal {
    /// Appends the body to `to`.
    pub(super) fn write(&self, to: &mut Vec<u8>) {
        let body = ErrorBody { error_code: self.code, message: &self.message };
        // Writing plain fields into memory cannot fail.
        let _ = serde_json::to_writer(to, &body);
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = Vec::new();
        self.write(&mut body);
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
        let extra = match self.status {
            401 => Some((header::WWW_AUTHENTICATE, "Basic realm=\"bridge\"")),
            429 | 503 => Some((header::RETRY_AFTER, "1")),
            _ => None,
        };
        if let Some((name, value)) = extra {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
