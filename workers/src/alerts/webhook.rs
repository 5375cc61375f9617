//! The deployment's webhook, as <https://www.standardwebhooks.com> has them: an id by which a receiver recognises what
//! comes twice, a time, and a signature over both and the body.

use std::{fmt, str::FromStr, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    retry::{Failure, RetryPolicy},
    timestamp::Timestamp,
};
use hmac::{Hmac, KeyInit, Mac};
use minireipaz::{
    outbound::{self, Outbound, OutboundError, Reply},
    resilience::{BreakerSettings, CallError, Classify, Guard},
    telemetry::redact::{Redactor, Secrets},
};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use url::Url;

/// All attempts together.
const WINDOW: Duration = Duration::from_secs(300);
/// One of them.
const ATTEMPT: Duration = Duration::from_secs(10);
/// Nobody reads more of an answer.
const MAX_REPLY: usize = 64 * 1024;
/// Bytes that a key has, as the standard has it.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A key that announcements are signed with: `whsec_` and 24 to 64 bytes in Base64.
#[derive(Clone)]
pub struct WebhookSecret(SecretString);

/// A text that is no such key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be `whsec_` and 24 to 64 bytes in Base64")]
pub struct InvalidWebhookSecret;

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

impl FromStr for WebhookSecret {
    type Err = InvalidWebhookSecret;

    fn from_str(text: &str) -> Result<Self, InvalidWebhookSecret> {
        let key = key(text).ok_or(InvalidWebhookSecret)?;
        if KEY_BYTES.contains(&key.len()) {
            Ok(Self(text.to_owned().into()))
        } else {
            Err(InvalidWebhookSecret)
        }
    }
}

fn key(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.strip_prefix("whsec_")?).ok()
}

impl WebhookSecret {
    /// The value of the header `webhook-signature`.
    fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        let key = key(self.0.expose_secret()).unwrap_or_default();
        // A key may have any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
        mac.update(format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// Where announcements go.
pub(super) struct Webhook {
    outbound: Outbound,
    url: Url,
    secret: Option<WebhookSecret>,
    redactor: Redactor,
    guard: Guard,
}

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostError {
    #[error(transparent)]
    Transport(#[from] OutboundError),
    #[error("status {status}: {said}")]
    Status { status: u16, said: String, retry_after: Option<Duration> },
}

impl Classify for PostError {
    fn failure(&self) -> Failure {
        match self {
            Self::Transport(error) => error.failure(),
            Self::Status { status, retry_after, .. } => {
                Failure::of_status(*status, *retry_after).unwrap_or(Failure::Permanent)
            }
        }
    }
}

impl Webhook {
    pub(super) fn new(url: Url, secret: Option<WebhookSecret>) -> Self {
        let mut secrets = Secrets::default();
        secrets.url(&url);
        let breaker = BreakerSettings::default();
        Self {
            outbound: Outbound::to(&url),
            url,
            secret,
            redactor: secrets.redactor(),
            guard: Guard::new("alert_webhook", RetryPolicy::standard(5, WINDOW), ATTEMPT, breaker),
        }
    }

    /// Sends `body`; `id` is the same whenever the same is sent.
    ///
    /// # Errors
    /// When nobody has taken it within the time for attempts, or it was refused.
    pub(super) async fn post(&self, id: &str, at: Timestamp, body: &str) -> Result<(), CallError<PostError>> {
        self.guard.call("announce", || self.attempt(id, at, body)).await
    }

    async fn attempt(&self, id: &str, at: Timestamp, body: &str) -> Result<(), PostError> {
        let seconds = at.as_millis().div_euclid(1_000);
        let mut request = self
            .outbound
            .client()?
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .body(body.to_owned());
        if let Some(secret) = &self.secret {
            request = request.header("webhook-signature", secret.sign(id, seconds, body));
        }
        let reply: Reply = outbound::send(request, MAX_REPLY).await?;
        if reply.is_success() {
            return Ok(());
        }
        let said = reply.excerpt(&self.redactor);
        Err(PostError::Status { status: reply.status, said, retry_after: reply.retry_after })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn a_signature_is_that_of_the_standard() {
        let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signed = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_no_key_is_refused_and_a_key_is_not_shown() {
        for text in ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_*"] {
            assert!(text.parse::<WebhookSecret>().is_err(), "{text}");
        }
        let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        assert!(!format!("{secret:?}").contains("MfKQ"));
    }
}
