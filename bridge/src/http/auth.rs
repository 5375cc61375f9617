//! Basic authentication of producers.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, header};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::Refusal;
use crate::config::BasicAuth;

/// Knows what a producer has to show.
pub(super) struct BasicAuthenticator(Option<SecretString>);

impl BasicAuthenticator {
    pub(super) fn new(auth: Option<&BasicAuth>) -> Self {
        Self(auth.map(|auth| {
            let pair = format!("{}:{}", auth.user, auth.password.expose_secret());
            BASE64_STANDARD.encode(pair).into()
        }))
    }

    /// Checks the request's `Authorization`.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(expected) = &self.0 else { return Ok(()) };
        let presented = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
        let fits = presented.split_at_checked(6).is_some_and(|(scheme, credentials)| {
            let known: bool = expected.expose_secret().as_bytes().ct_eq(credentials.trim_ascii()).into();
            scheme.eq_ignore_ascii_case(b"basic ") && known
        });
        if fits { Ok(()) } else { Err(Refusal::new(401, 401, "HTTP 401 Unauthorized")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_pair_comes_in_and_without_a_pair_everybody() {
        let authenticator = BasicAuthenticator::new(Some(&BasicAuth {
            user: "key".into(),
            password: "s:e".to_owned().into(),
        }));
        let headers = |value: &'static str| {
            HeaderMap::from_iter([(header::AUTHORIZATION, http::HeaderValue::from_static(value))])
        };
        for right in ["Basic a2V5OnM6ZQ==", "basic a2V5OnM6ZQ==", "BASIC  a2V5OnM6ZQ== "] {
            assert!(authenticator.check(&headers(right)).is_ok(), "{right}");
        }
        for wrong in ["Basic a2V5OnM6ZR==", "Bearer a2V5OnM6ZQ==", "Basic", "", "Basic a2V5OnM6ZQ"] {
            assert_eq!(authenticator.check(&headers(wrong)).map_err(|r| r.status), Err(401), "{wrong}");
        }
        assert!(authenticator.check(&HeaderMap::new()).is_err());
        assert!(BasicAuthenticator::new(None).check(&HeaderMap::new()).is_ok());
    }
}
