//! Answers of the platform itself: its codes and statuses (vercel.com/docs/errors), and what to do.

use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};

/// Why a request gets no answer of a function or file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No file, no function.
    NotFound,
    /// A route answers with this status.
    Route(StatusCode),
    /// Files can only be read.
    Method,
    /// The body is larger than a function may get.
    PayloadTooLarge,
    /// The client did not send its body to the end, or too slowly.
    Unreadable,
    /// The function ended, or broke the connection, before it answered.
    Failed,
    /// The function took longer than its `maxDuration`.
    Timeout,
    /// The function has as many requests as it may have, or all bodies together have as much memory as they may.
    Throttled,
}

impl Refusal {
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NotFound => {
                (StatusCode::NOT_FOUND, "NOT_FOUND", "Neither a function nor a file has this path.")
            }
            Self::Route(StatusCode::NOT_FOUND) => Self::NotFound.parts(),
            Self::Route(status) => {
                (status, "ROUTE_STATUS", "A route of the deployment answers with this status.")
            }
            Self::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                "INVALID_REQUEST_METHOD",
                "A file can only be read: GET or HEAD.",
            ),
            Self::PayloadTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "FUNCTION_PAYLOAD_TOO_LARGE",
                "A request's body may have 4.5 MB: send less at a time.",
            ),
            Self::Unreadable => (
                StatusCode::BAD_REQUEST,
                "BAD_REQUEST",
                "The body broke off or came too slowly: send it again.",
            ),
            Self::Failed => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "FUNCTION_INVOCATION_FAILED",
                "The function ended before it answered; its log says why. The next request starts it again.",
            ),
            Self::Timeout => (
                StatusCode::GATEWAY_TIMEOUT,
                "FUNCTION_INVOCATION_TIMEOUT",
                "The function took longer than its maxDuration (vercel.json).",
            ),
            Self::Throttled => (
                StatusCode::SERVICE_UNAVAILABLE,
                "FUNCTION_THROTTLED",
                "There are as many requests as can be taken at a time: try again.",
            ),
        }
    }

    /// The answer, for the request with this id.
    pub(crate) fn response(self, id: &str) -> Response {
        let (status, code, text) = self.parts();
        let mut response = Response::new(Body::from(format!("{text}\n\n{code}\n\n{id}\n")));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert("x-vercel-error", HeaderValue::from_static(code));
        if self == Self::Throttled {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
