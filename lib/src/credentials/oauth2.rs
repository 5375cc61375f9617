//! The requests of OAuth 2.0 and their answers (RFC 6749, RFC 7636). Pure: who sends them is a worker.
//!
//! They are three forms and one JSON object. (The crate `oauth2` would bring older versions of five crates that are here
//! in newer ones, and reads no answer that deviates, as those of large providers do.)

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::credential::{ClientAuth, OAuth2};
use reqwest::{Client, RequestBuilder, header};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::{Url, form_urlencoded};

use crate::outbound::Reply;

/// The largest answer of a token endpoint.
pub const MAX_ANSWER: usize = 256 * 1024;
/// How much of what a provider says of a refusal is told.
const MAX_WORDS: usize = 300;

/// The two halves of PKCE: the provider is shown the challenge first, and the verifier when the code is exchanged.
#[derive(Clone)]
pub struct Pkce {
    /// `code_verifier`
    pub verifier: String,
    /// `code_challenge`, of the method S256.
    pub challenge: String,
}

impl Pkce {
    /// The halves that follow from 32 bytes of chance.
    #[must_use]
    pub fn of(chance: [u8; 32]) -> Self {
        let verifier = URL_SAFE_NO_PAD.encode(chance);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        Self { verifier, challenge }
    }
}

/// Where a person agrees; `None`: this grant needs nobody's consent.
#[must_use]
pub fn consent_url(client: &OAuth2, redirect_uri: &str, state: &str, challenge: &str) -> Option<Url> {
    let mut url = client.authorize_url.as_ref()?.0.clone();
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", client.client_id.as_str())
        .append_pair("redirect_uri", redirect_uri)
        .append_pair("state", state)
        .append_pair("code_challenge", challenge)
        .append_pair("code_challenge_method", "S256");
    for (name, value) in [("scope", &client.scope), ("audience", &client.audience)] {
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(name, value.as_str());
        }
    }
    Some(url)
}

/// A request for tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenRequest {
    url: Url,
    form: Vec<(&'static str, String)>,
    /// The client's id and secret, for the header.
    basic: Option<(String, String)>,
}

impl TokenRequest {
    /// Exchanges the code that came back with a person's browser.
    #[must_use]
    pub fn exchange(client: &OAuth2, code: &str, verifier: &str, redirect_uri: &str) -> Self {
        let form = [("code", code), ("code_verifier", verifier), ("redirect_uri", redirect_uri)];
        Self::of(client, "authorization_code", &form)
    }

    /// Renews the access.
    #[must_use]
    pub fn refresh(client: &OAuth2, refresh_token: &str) -> Self {
        Self::of(client, "refresh_token", &[("refresh_token", refresh_token)])
    }

    /// Asks for the client's own access.
    #[must_use]
    pub fn client_credentials(client: &OAuth2) -> Self {
        let scope = client.scope.as_ref().map(|scope| ("scope", scope.as_str()));
        let audience = client.audience.as_ref().map(|audience| ("audience", audience.as_str()));
        let form: Vec<_> = [scope, audience].into_iter().flatten().collect();
        Self::of(client, "client_credentials", &form)
    }

    fn of(client: &OAuth2, grant: &str, more: &[(&'static str, &str)]) -> Self {
        let mut form = vec![("grant_type", grant.to_owned())];
        form.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let id = client.client_id.as_str().to_owned();
        let basic = match (&client.client_secret, client.client_auth) {
            (Some(secret), ClientAuth::Basic) => Some((id, secret.as_str().to_owned())),
            (Some(secret), ClientAuth::Body) => {
                form.extend([("client_id", id), ("client_secret", secret.as_str().to_owned())]);
                None
            }
            (None, _) => {
                form.push(("client_id", id));
                None
            }
        };
        Self { url: client.token_url.0.clone(), form, basic }
    }

    /// Where it goes.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// The request on this client.
    pub fn on(&self, http: &Client) -> RequestBuilder {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.form).finish();
        let request = http
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(body);
        match &self.basic {
            // Both are encoded as a form has them (RFC 6749, section 2.3.1).
            Some((id, secret)) => request.basic_auth(encoded(id), Some(encoded(secret))),
            None => request,
        }
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Without what it shows.
impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRequest").field("origin", &self.url.origin()).finish_non_exhaustive()
    }
}

/// What a provider gave.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// What calls show.
    pub access_token: String,
    /// What the next one is got with.
    pub refresh_token: Option<String>,
    /// For how long it is good, in seconds.
    pub expires_in: Option<u64>,
}

/// Without the tokens.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// Why a provider gave no tokens. Its words may repeat what it was sent: who tells them leaves the secrets out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The code or the refresh token is not valid (any more): somebody has to agree again.
    #[error("the provider refuses what access is asked for with (invalid_grant{0})")]
    InvalidGrant(String),
    /// It refuses the request.
    #[error("the provider refuses to give tokens ({code}{words}); look at the values of the credential")]
    Refused {
        /// Its `error`, or its status.
        code: String,
        /// Its `error_description`.
        words: String,
    },
    /// It does not work now, or wants to be left alone.
    #[error("the provider answered with status {status}")]
    Unavailable {
        /// The status.
        status: u16,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// It answered with something else.
    #[error("what the provider answered is no token: {0}")]
    Unreadable(&'static str),
}

/// What an answer of a token endpoint says.
///
/// # Errors
/// When it gives no tokens.
pub fn read_answer(reply: &Reply) -> Result<Answer, TokenError> {
    #[derive(Deserialize)]
    struct Form {
        access_token: Option<String>,
        refresh_token: Option<String>,
        token_type: Option<String>,
        expires_in: Option<Value>,
        error: Option<Value>,
        error_description: Option<String>,
    }
    let status = reply.status;
    if status == 429 || status >= 500 {
        return Err(TokenError::Unavailable { status, retry_after: reply.retry_after });
    }
    let form: Option<Form> = serde_json::from_slice(&reply.body).ok();
    // Some say so with status 200.
    let error = form.as_ref().and_then(|form| form.error.as_ref()?.as_str());
    if !reply.is_success() || error.is_some() {
        let code = error.map_or_else(|| format!("status {status}"), |error| cut(error).to_owned());
        let words = form.as_ref().and_then(|form| form.error_description.as_deref());
        let words = words.map_or_else(String::new, |words| format!(": {}", cut(words)));
        return Err(match code.as_str() {
            "invalid_grant" => TokenError::InvalidGrant(words),
            _ => TokenError::Refused { code, words },
        });
    }
    let form = form.ok_or(TokenError::Unreadable("it is not JSON of the form that RFC 6749 asks for"))?;
    let kind = form.token_type.unwrap_or_default();
    if ["mac", "dpop"].iter().any(|other| kind.eq_ignore_ascii_case(other)) {
        return Err(TokenError::Unreadable("it is of a type that calls cannot show; only bearer tokens are"));
    }
    let access_token =
        form.access_token.filter(|token| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()));
    let access_token =
        access_token.ok_or(TokenError::Unreadable("it has no `access_token` that a header can hold"))?;
    // A number, or a text that is one.
    let expires_in =
        form.expires_in.and_then(|value| value.as_u64().or_else(|| value.as_str()?.trim().parse().ok()));
    Ok(Answer {
        access_token,
        refresh_token: form.refresh_token.filter(|token| !token.is_empty()),
        expires_in,
    })
}

/// The beginning, as one line.
fn cut(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    &line[..line.floor_char_boundary(MAX_WORDS)]
}

#[cfg(test)]
mod tests {
    use domain::credential::{CredentialType, CredentialValues};
    use serde_json::json;

    use super::*;

    fn client(more: Value) -> OAuth2 {
        let more: serde_json::Map<String, Value> = serde_json::from_value(more).unwrap();
        let mut values = json!({
            "grant": "authorization_code", "token_url": "https://id.example/token", "client_id": "me&you",
            "authorize_url": "https://id.example/auth?access_type=offline", "scope": "a b",
        });
        values.as_object_mut().unwrap().extend(more);
        match CredentialValues::read(CredentialType::OAuth2, values.as_object().unwrap()).unwrap() {
            CredentialValues::OAuth2(client) => client,
            other => panic!("{other:?}"),
        }
    }

    fn reply(status: u16, body: &Value) -> Result<Answer, TokenError> {
        let reply =
            Reply { status, retry_after: None, content_type: String::new(), body: body.to_string().into() };
        read_answer(&reply)
    }

    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        // RFC 7636, appendix B.
        let chance = URL_SAFE_NO_PAD.decode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        let pkce = Pkce::of(chance.try_into().unwrap());
        assert_eq!(pkce.challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_person_is_sent_where_they_agree_with_all_that_the_provider_has_to_know() {
        let url = consent_url(&client(json!({})), "https://flows.example/cb", "s&t", "c").unwrap();
        let query: Vec<_> = url.query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
        let asked = [
            "access_type=offline",
            "response_type=code",
            "client_id=me&you",
            "redirect_uri=https://flows.example/cb",
            "state=s&t",
            "code_challenge=c",
            "code_challenge_method=S256",
            "scope=a b",
        ];
        assert_eq!(query, asked);
    }

    #[test]
    fn a_client_shows_who_it_is_as_it_is_told_to() {
        let http = Client::new();
        let sent = |client: &OAuth2| {
            let request = TokenRequest::refresh(client, "r&1").on(&http).build().unwrap();
            let header = request.headers().get(header::AUTHORIZATION);
            let header = header.map(|value| value.to_str().unwrap().to_owned());
            (header, String::from_utf8(request.body().unwrap().as_bytes().unwrap().to_vec()).unwrap())
        };
        let form = "grant_type=refresh_token&refresh_token=r%261";
        let (header, body) = sent(&client(json!({"client_secret": "s:1"})));
        // me%26you:s%3A1
        assert_eq!((header.as_deref(), &*body), (Some("Basic bWUlMjZ5b3U6cyUzQTE="), form));
        let (header, body) = sent(&client(json!({"client_secret": "s:1", "client_auth": "body"})));
        assert_eq!((header, body), (None, format!("{form}&client_id=me%26you&client_secret=s%3A1")));
        let (header, body) = sent(&client(json!({})));
        assert_eq!((header, body), (None, format!("{form}&client_id=me%26you")));
        let shown = format!("{:?}", TokenRequest::refresh(&client(json!({"client_secret": "hush"})), "hush"));
        assert!(!shown.contains("hush"), "{shown}");
    }

    #[test]
    fn answers_are_read_as_providers_write_them() {
        let whole =
            json!({"access_token": "a", "refresh_token": "r", "token_type": "Bearer", "expires_in": 3600});
        let answer = reply(200, &whole).unwrap();
        assert_eq!((&*answer.access_token, answer.refresh_token.as_deref()), ("a", Some("r")));
        assert_eq!(answer.expires_in, Some(3600));
        let text =
            reply(200, &json!({"access_token": "a", "expires_in": "60", "refresh_token": ""})).unwrap();
        assert_eq!((text.expires_in, text.refresh_token), (Some(60), None));
        assert!(!format!("{answer:?}").contains("\"a\""));
    }

    #[test]
    fn refusals_are_told_apart() {
        let refused = reply(400, &json!({"error": "invalid_grant", "error_description": "used\nbefore"}));
        assert_eq!(refused, Err(TokenError::InvalidGrant(": used".to_owned())));
        // As GitHub does.
        let refused = reply(200, &json!({"error": "bad_verification_code"}));
        assert!(matches!(refused, Err(TokenError::Refused { code, .. }) if code == "bad_verification_code"));
        assert!(
            matches!(reply(401, &json!("x")), Err(TokenError::Refused { code, .. }) if code == "status 401")
        );
        for status in [429, 500, 503] {
            assert!(matches!(reply(status, &json!({})), Err(TokenError::Unavailable { .. })));
        }
        for wrong in [json!({}), json!({"access_token": ""}), json!([1]), json!({"access_token": "a\nb"})] {
            assert!(matches!(reply(200, &wrong), Err(TokenError::Unreadable(_))), "{wrong}");
        }
        let bound = json!({"access_token": "a", "token_type": "DPoP"});
        assert!(matches!(reply(200, &bound), Err(TokenError::Unreadable(_))));
    }
}
