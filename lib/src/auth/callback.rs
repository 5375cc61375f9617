//! The static secrets that connectors present.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// One or two secrets of connectors, both valid, so that connectors can change over one by one.
#[derive(Clone)]
pub struct CallbackSecrets {
    digests: Vec<[u8; 32]>,
}

/// A secret is too short to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("such a secret has at least {} characters", CallbackSecrets::MIN_LENGTH)]
pub struct WeakSecret;

impl CallbackSecrets {
    /// Fewest characters of a secret.
    pub const MIN_LENGTH: usize = 16;

    /// The secret in use, and the one that takes its place.
    ///
    /// # Errors
    /// When one is shorter than [`Self::MIN_LENGTH`].
    pub fn new(current: &SecretString, next: Option<&SecretString>) -> Result<Self, WeakSecret> {
        let digest = |secret: &SecretString| {
            let secret = secret.expose_secret();
            let enough = secret.chars().count() >= Self::MIN_LENGTH;
            enough.then(|| sha256(secret.as_bytes())).ok_or(WeakSecret)
        };
        let digests = [Some(current), next].into_iter().flatten().map(digest).collect::<Result<_, _>>()?;
        Ok(Self { digests })
    }

    /// Whether one of the secrets stands in `Authorization: Bearer …` or `X-API-KEY`, the two headers that every
    /// connector can send.
    ///
    /// # Errors
    /// When none does.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), NotAdmitted> {
        let bearers = headers.get_all(header::AUTHORIZATION).into_iter().filter_map(bearer);
        let keys = headers.get_all(&API_KEY).into_iter().map(|value| value.as_bytes().trim_ascii());
        if bearers.chain(keys).any(|presented| self.verify(presented)) {
            return Ok(());
        }
        let shown = [&header::AUTHORIZATION, &API_KEY].iter().any(|name| headers.contains_key(*name));
        Err(if shown { NotAdmitted::Wrong } else { NotAdmitted::Missing })
    }

    /// Whether `presented` is one of the secrets. Takes the same time whichever it is, and whether it is one:
    /// digests are compared, all of them, in full.
    fn verify(&self, presented: &[u8]) -> bool {
        let presented = sha256(presented);
        self.digests.iter().fold(Choice::from(0), |found, digest| found | digest.ct_eq(&presented)).into()
    }
}

/// Confluent's own name for it; in any case, as all names of headers.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Why a connector is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAdmitted {
    /// It shows no secret.
    Missing,
    /// It shows something else.
    Wrong,
}

/// What stands in an `Authorization` of the scheme `Bearer`, which may be written in any case (RFC 9110, 11.1).
#[must_use]
pub fn bearer(authorization: &HeaderValue) -> Option<&[u8]> {
    let (scheme, rest) = authorization.as_bytes().split_at_checked(6)?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"bearer") && rest.starts_with(b" ");
    is_bearer.then(|| rest.trim_ascii())
}

fn sha256(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

impl fmt::Debug for CallbackSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallbackSecrets({} redacted)", self.digests.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_and_the_next_secret_are_valid_and_nothing_else() {
        let (current, next) = ("0123456789abcdef".into(), "fedcba9876543210".into());
        let secrets = CallbackSecrets::new(&current, Some(&next)).unwrap();
        assert!(secrets.verify(b"0123456789abcdef") && secrets.verify(b"fedcba9876543210"));
        for wrong in ["", "0123456789abcdeF", "0123456789abcde", "0123456789abcdef "] {
            assert!(!secrets.verify(wrong.as_bytes()), "{wrong}");
        }
        assert!(!CallbackSecrets::new(&current, None).unwrap().verify(b"fedcba9876543210"));
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let value = |text: &str| HeaderValue::from_bytes(text.as_bytes()).unwrap();
        pairs.iter().map(|(name, text)| (HeaderName::from_static(name), value(text))).collect()
    }

    #[test]
    fn a_secret_is_found_in_every_form_that_a_connector_sends() {
        let secrets = CallbackSecrets::new(&"0123456789abcdéf".into(), None).unwrap();
        for right in [
            &[("authorization", "Bearer 0123456789abcdéf")][..],
            &[("authorization", "bearer 0123456789abcdéf")],
            &[("authorization", "BEARER   0123456789abcdéf ")],
            &[("x-api-key", "0123456789abcdéf")],
            &[("authorization", "Basic dTpw"), ("x-api-key", "0123456789abcdéf")],
            &[("authorization", "Bearer other"), ("x-api-key", "0123456789abcdéf")],
            &[("authorization", "Bearer 0123456789abcdéf"), ("x-api-key", "other")],
        ] {
            assert_eq!(secrets.check(&headers(right)), Ok(()), "{right:?}");
        }
        for wrong in [
            &[("authorization", "0123456789abcdéf")][..],
            &[("authorization", "Bearer")],
            &[("authorization", "Bearer0123456789abcdéf")],
            &[("authorization", "Basic 0123456789abcdéf")],
            &[("authorization", "")],
            &[("x-api-key", "")],
            &[("x-api-key", "Bearer 0123456789abcdéf")],
        ] {
            assert_eq!(secrets.check(&headers(wrong)), Err(NotAdmitted::Wrong), "{wrong:?}");
        }
        assert_eq!(secrets.check(&headers(&[("cookie", "a=b")])), Err(NotAdmitted::Missing));
    }

    #[test]
    fn short_secrets_are_refused() {
        let (good, short) = ("0123456789abcdef".into(), "0123456789abcde".into());
        assert_eq!(CallbackSecrets::new(&short, None).unwrap_err(), WeakSecret);
        assert_eq!(CallbackSecrets::new(&good, Some(&short)).unwrap_err(), WeakSecret);
    }
}
