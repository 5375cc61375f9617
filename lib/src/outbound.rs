//! HTTP requests to our own dependencies (the REST Proxy, the identity provider): one kind of client, replies of
//! bounded size, and what their status and headers say about trying again.
//!
//! Not for the workflows' own requests: those go where people say and need the guards of `workers`.

use std::{error::Error, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName};
use reqwest::{Client, RequestBuilder, redirect};
use url::{Host, Url};

use crate::resilience::Classify;
use domain::{
    retry::Failure,
    retry_after::{retry_after, seconds_of, server_time},
};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Idle connections are kept for less time than common servers keep them, so that few are found dead.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// A client for the dependency at `base`: connections are kept, nothing is redirected (credentials would go along)
/// or compressed (the peers are near and the bodies are small).
///
/// # Errors
/// When TLS cannot be set up.
pub fn client(base: &Url) -> Result<Client, OutboundError> {
    let mut builder = Client::builder()
        .user_agent(concat!("minireipaz/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .tcp_nodelay(true)
        .redirect(redirect::Policy::none())
        .no_gzip();
    if is_loopback(base) {
        // A proxy that the environment names cannot reach our own machine.
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| OutboundError::new(&error))
}

/// Whether the address is on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A whole reply.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// When to come back, from `Retry-After` or `X-RateLimit-Reset`.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// Whether the status is 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..300)
    }

    /// The beginning of the body as one line of text, for messages. Proxies and gateways answer with HTML where
    /// JSON is expected, so tags are left out.
    #[must_use]
    pub fn excerpt(&self) -> String {
        const MAX_CHARS: usize = 200;
        // Enough for the text between an HTML page's tags.
        const MAX_READ: usize = 8 * 1024;
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(MAX_READ)]);
        let mut in_tag = false;
        let plain: String = text
            .chars()
            .filter_map(|c| {
                let was_in_tag = in_tag;
                in_tag = (in_tag || c == '<') && c != '>';
                if was_in_tag || in_tag { (c == '>').then_some(' ') } else { Some(c) }
            })
            .collect();
        plain.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_CHARS).collect()
    }
}

/// No whole reply came. Whether the request took effect is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OutboundError(String);

impl OutboundError {
    /// The error with its causes and without the address, which may hold a secret.
    fn new(error: &reqwest::Error) -> Self {
        let mut text =
            if error.is_connect() { "could not connect" } else { "the connection broke" }.to_owned();
        let mut source = error.source();
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        Self(text)
    }
}

impl Classify for OutboundError {
    fn failure(&self) -> Failure {
        Failure::Connection
    }
}

/// Sends the request and reads the whole reply, up to `max_body` bytes.
///
/// # Errors
/// When there is no connection, when it breaks, when the body is larger.
pub async fn send(request: RequestBuilder, max_body: usize) -> Result<Reply, OutboundError> {
    let mut response = request.send().await.map_err(|error| OutboundError::new(&error))?;
    let (status, retry_after) = (response.status().as_u16(), when_to_come_back(response.headers()));
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| OutboundError::new(&error))? {
        if body.len() + chunk.len() > max_body {
            return Err(OutboundError(format!("the reply is larger than {max_body} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status, retry_after, body: body.freeze() })
}

/// What the headers say about when to come back: `Retry-After`, else `X-RateLimit-Reset` in seconds, as Confluent
/// gives it. A date is measured against the server's own clock.
fn when_to_come_back(headers: &HeaderMap) -> Option<Duration> {
    const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
    retry_after(headers, server_time(headers)).or_else(|| seconds_of(headers, &RATE_LIMIT_RESET))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect::<HeaderMap>()
    }

    #[test]
    fn retry_after_is_read_in_all_its_forms() {
        let secs = |n| Some(Duration::from_secs(n));
        let now = ("date", "Tue, 24 Nov 2026 08:00:00 GMT");
        for (pairs, expected) in [
            (vec![("retry-after", "7")], secs(7)),
            (vec![("x-ratelimit-reset", "3")], secs(3)),
            (vec![("retry-after", "7"), ("x-ratelimit-reset", "3")], secs(7)),
            (vec![("retry-after", "Tue, 24 Nov 2026 08:00:30 GMT"), now], secs(30)),
            (vec![("retry-after", "Tue, 24 Nov 2026 07:00:00 GMT"), now], secs(0)),
            (vec![("retry-after", "soon")], None),
            (vec![], None),
        ] {
            assert_eq!(when_to_come_back(&headers(&pairs)), expected, "{pairs:?}");
        }
    }

    #[test]
    fn an_excerpt_of_an_html_page_is_its_text() {
        let body =
            "<html><head>\n<title>Error 429</title></head><body><h2>Too many\n requests</h2></body></html>";
        let reply = Reply { status: 429, retry_after: None, body: body.into() };
        assert_eq!(reply.excerpt(), "Error 429 Too many requests");
    }
}
