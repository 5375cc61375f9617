//! HTTP requests to our own dependencies (the REST Proxy, the identity provider): one kind of client, replies of
//! bounded size, and what their status and headers say about trying again.
//!
//! Not for the workflows' own requests: those go where people say and need the guards of `workers`.

use std::{error::Error, sync::OnceLock, time::Duration};

use bytes::{Bytes, BytesMut};
use http::header;
use reqwest::{Client, RequestBuilder, redirect};
use url::{Host, Url};

use crate::{resilience::Classify, telemetry::redact::Redactor, text};
use domain::{retry::Failure, retry_after::retry_after};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Idle connections are kept for less time than common servers keep them, so that few are found dead.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// A client for one dependency: connections are kept, nothing is redirected (credentials would go along) or compressed
/// (the peers are near and the bodies are small).
///
/// It is made when it is first needed: reading which authorities the system trusts takes some milliseconds, and the first
/// answer of a function that has just started often needs no other service.
#[derive(Debug)]
pub struct Outbound {
    /// A proxy that the environment names cannot reach our own machine.
    without_proxy: bool,
    made: OnceLock<Client>,
}

impl Outbound {
    /// A client for the dependency at `base`.
    #[must_use]
    pub fn to(base: &Url) -> Self {
        Self { without_proxy: is_loopback(base), made: OnceLock::new() }
    }

    /// The client.
    ///
    /// # Errors
    /// When TLS cannot be set up; the next call tries again.
    pub fn client(&self) -> Result<&Client, OutboundError> {
        if let Some(client) = self.made.get() {
            return Ok(client);
        }
        let mut builder = Client::builder()
            .user_agent(concat!("minireipaz/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .tcp_nodelay(true)
            .redirect(redirect::Policy::none())
            .no_gzip();
        if self.without_proxy {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| OutboundError::new(&error))?;
        Ok(self.made.get_or_init(|| client))
    }
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
    /// How long the server wants to be left alone.
    pub retry_after: Option<Duration>,
    /// What the body is; empty if the reply does not say it.
    pub content_type: String,
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
    /// JSON is expected, so tags are left out; and they repeat what they were sent, so what `redactor` knows is.
    #[must_use]
    pub fn excerpt(&self, redactor: &Redactor) -> String {
        const MAX_BYTES: usize = 200;
        // Enough for the text between an HTML page's tags.
        const MAX_READ: usize = 8 * 1024;
        let read = &self.body[..self.body.len().min(MAX_READ)];
        let mut in_tag = false;
        let plain: String = text::decode(read, text::charset(&self.content_type))
            .text
            .chars()
            .filter_map(|c| {
                let was_in_tag = in_tag;
                in_tag = (in_tag || c == '<') && c != '>';
                if was_in_tag || in_tag { (c == '>').then_some(' ') } else { Some(c) }
            })
            .collect();
        redactor.head(&plain.split_whitespace().collect::<Vec<_>>().join(" "), MAX_BYTES).into_owned()
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
/// When there is no connection, when it breaks, when the body is larger or encoded, which nobody asked for.
pub async fn send(request: RequestBuilder, max_body: usize) -> Result<Reply, OutboundError> {
    let mut response = request.send().await.map_err(|error| OutboundError::new(&error))?;
    let status = response.status().as_u16();
    let retry_after = retry_after(status, response.headers(), None);
    let header = |name| response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    if let Some(encoding) =
        header(header::CONTENT_ENCODING).filter(|name| !name.eq_ignore_ascii_case("identity"))
    {
        return Err(OutboundError(format!(
            "the reply is encoded ({encoding}), and only plain ones are read"
        )));
    }
    let content_type = header(header::CONTENT_TYPE).unwrap_or_default().into_owned();
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| OutboundError::new(&error))? {
        if body.len() + chunk.len() > max_body {
            return Err(OutboundError(format!("the reply is larger than {max_body} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status, retry_after, content_type, body: body.freeze() })
}

#[cfg(test)]
mod tests {
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

    use super::*;
    use crate::telemetry::redact::Secrets;

    #[test]
    fn an_excerpt_of_an_html_page_is_its_text() {
        let body =
            "<html><head>\n<title>Error 429</title></head><body><h2>Too many\n requests</h2></body></html>";
        let mut reply =
            Reply { status: 429, retry_after: None, content_type: String::new(), body: body.into() };
        let nothing = Secrets::default().redactor();
        assert_eq!(reply.excerpt(&nothing), "Error 429 Too many requests");
        (reply.content_type, reply.body) =
            ("text/html; charset=latin1".into(), b"<b>Gr\xf6\xdfe</b>"[..].into());
        assert_eq!(reply.excerpt(&nothing), "Größe");
    }

    #[tokio::test]
    async fn an_encoded_reply_is_refused_by_the_name_of_its_encoding() {
        let server = MockServer::start().await;
        for (encoding, read) in [("gzip", false), ("br", false), ("Identity", true)] {
            server.reset().await;
            let reply = ResponseTemplate::new(200).insert_header("content-encoding", encoding);
            Mock::given(any()).respond_with(reply.set_body_string("x")).mount(&server).await;
            let outbound = Outbound::to(&server.uri().parse().unwrap());
            match send(outbound.client().unwrap().get(server.uri()), 100).await {
                Ok(reply) => assert!(read && reply.body == "x", "{encoding}"),
                Err(error) => assert!(!read && error.to_string().contains(encoding), "{error}"),
            }
        }
    }
}
