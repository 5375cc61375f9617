//! One request to the receiver.

use std::{error::Error, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method};
use reqwest::{Client, redirect};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::backoff;
use crate::connector::{ConnectorConfig, Statuses};

/// So much of a refusing reply is kept for the error topic.
const REPLY_BYTES: usize = 4 << 10;
/// So much of a good reply is read to keep its connection; a longer one costs the connection.
const DRAIN_BYTES: usize = 64 << 10;
/// Connections are kept for less time than receivers commonly keep them, so that no delivery meets a closing one.
const IDLE_LIMIT: Duration = Duration::from_secs(50);

/// The HTTP client of one connector.
pub(super) struct Receiver {
    client: Client,
    method: Method,
    headers: HeaderMap,
    basic: Option<(String, SecretString)>,
    retry_on: Statuses,
}

/// Why the receiver did not take a request.
#[derive(Debug)]
pub(super) struct FailedAttempt {
    /// Whether the connector's list says to try again.
    pub(super) retry: bool,
    /// When the receiver wants to be asked again.
    pub(super) retry_after: Option<Duration>,
    /// The HTTP status, when there was a reply.
    pub(super) status: Option<u16>,
    /// A sentence without secrets.
    pub(super) reason: String,
    /// The beginning of the reply's body.
    pub(super) reply: Bytes,
}

impl Receiver {
    pub(super) fn new(connector: &ConnectorConfig) -> reqwest::Result<Self> {
        let client = Client::builder()
            .connect_timeout(connector.connect_timeout)
            .timeout(connector.request_timeout)
            .pool_idle_timeout(IDLE_LIMIT)
            .redirect(redirect::Policy::none())
            .tcp_nodelay(true)
            .no_proxy()
            .user_agent(concat!("minireipaz-bridge/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            client,
            method: connector.method.clone(),
            headers: connector.headers.clone(),
            basic: connector.basic.clone(),
            retry_on: connector.retry_on.clone(),
        })
    }

    /// Sends `body`; the receiver has taken it when this is `Ok`.
    pub(super) async fn send(&self, url: &Url, body: Bytes) -> Result<(), FailedAttempt> {
        let mut request =
            self.client.request(self.method.clone(), url.clone()).headers(self.headers.clone()).body(body);
        if let Some((user, password)) = &self.basic {
            request = request.basic_auth(user, Some(password.expose_secret()));
        }
        let mut response = request.send().await.map_err(|error| broken(&error))?;
        let status = response.status();
        if status.is_success() {
            let mut read = 0;
            // The status is the acknowledgement: what happens to the rest of the reply changes nothing.
            while let Ok(Some(chunk)) = response.chunk().await {
                read += chunk.len();
                if read > DRAIN_BYTES {
                    break;
                }
            }
            return Ok(());
        }
        let asks = matches!(status.as_u16(), 429 | 503);
        let retry_after = backoff::retry_after(response.headers()).filter(|_| asks);
        let mut reply = Vec::new();
        while reply.len() < REPLY_BYTES
            && let Ok(Some(chunk)) = response.chunk().await
        {
            reply.extend_from_slice(&chunk[..chunk.len().min(REPLY_BYTES - reply.len())]);
        }
        Err(FailedAttempt {
            retry: self.retry_on.contains(status.as_u16()),
            retry_after,
            status: Some(status.as_u16()),
            reason: format!("the receiver answered {status}"),
            reply: reply.into(),
        })
    }
}

/// No reply: always tried again.
fn broken(error: &reqwest::Error) -> FailedAttempt {
    let what = if error.is_timeout() {
        "the request timed out".to_owned()
    } else {
        // The innermost cause says what happened, and no address with a secret in its query.
        let mut cause: &dyn Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        if error.is_connect() { format!("cannot connect: {cause}") } else { format!("no reply: {cause}") }
    };
    FailedAttempt { retry: true, retry_after: None, status: None, reason: what, reply: Bytes::new() }
}
