//! What a provider gave for a credential.

use std::{fmt, time::Duration};

use domain::{credential::OAuth2, timestamp::Timestamp};
use serde::{Deserialize, Serialize};

use super::oauth2::Answer;

/// Tokens are renewed so long before their time is up: a call takes a while, and clocks differ.
const AHEAD: Duration = Duration::from_secs(60);

/// The tokens of a credential, in clear.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// What calls show.
    pub access_token: String,
    /// What the next ones are got with; most providers take each once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// When the access token's time is up, if the provider said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The client and the provider that they are for.
    client_id: String,
    token_url: String,
}

impl Tokens {
    /// What a provider answered this client with. An answer that renews the access may leave out the refresh token: the
    /// one `before` is good for another time then.
    #[must_use]
    pub fn of(answer: Answer, client: &OAuth2, before: Option<&Self>, now: Timestamp) -> Self {
        let kept = || before.and_then(|before| before.refresh_token.clone());
        Self {
            access_token: answer.access_token,
            refresh_token: answer.refresh_token.or_else(kept),
            expires_at: answer.expires_in.map(|seconds| now.plus(Duration::from_secs(seconds))),
            client_id: client.client_id.as_str().to_owned(),
            token_url: client.token_url.0.to_string(),
        }
    }

    /// Whether they are this client's: values that were rotated to another client leave them behind.
    #[must_use]
    pub fn are_of(&self, client: &OAuth2) -> bool {
        self.client_id == client.client_id.as_str() && self.token_url == client.token_url.0.as_str()
    }

    /// Whether the access token may be shown for a while yet. One whose provider tells no time may until a server says
    /// no.
    #[must_use]
    pub fn are_fresh(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now.plus(AHEAD) < end)
    }
}

/// When their time is up, and nothing else.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
