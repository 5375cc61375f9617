//! What the API answered.

use axum::{body::Body, response::Response};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Null when it is not JSON.
    pub body: Value,
    pub text: String,
}

impl Answer {
    pub async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that it is a complete problem document, and gives its detail.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> &str {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["type"], format!("urn:minireipaz:problem:{code}"));
        assert_eq!(self.body["request_id"], self.header("x-request-id"));
        assert!(!self.body["title"].as_str().unwrap().is_empty());
        let detail = self.body["detail"].as_str().unwrap();
        assert!(!detail.is_empty());
        detail
    }

    /// The violations as `(path, code)`.
    pub fn violations(&self) -> Vec<(&str, &str)> {
        let all = self.body["violations"].as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().map(|one| (one["path"].as_str().unwrap(), one["code"].as_str().unwrap())).collect()
    }
}
