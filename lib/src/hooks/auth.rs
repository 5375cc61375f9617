//! Whether a caller shows what a hook asks for.

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::{kinds::webhook::AuthKind, timestamp::Timestamp};
use http::{HeaderMap, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{SecretFields, jwt};
use crate::auth::bearer;

/// Who was let in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Admitted {
    /// The header that showed it, in small letters, if it is one of the hook's own: it is not handed on.
    pub shown_by: Option<String>,
    /// What a token says.
    pub claims: Option<Map<String, Value>>,
}

/// Why nobody was let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// What is asked for is missing or wrong. It says nothing of what would be right.
    #[error("this webhook asks for {0}")]
    Refused(&'static str),
    /// A token, and why it is not accepted.
    #[error("the token is not accepted: {0}")]
    Token(jwt::InvalidToken),
    /// The credential does not have what it must.
    #[error("the webhook's credential cannot be used: {0}")]
    Credential(String),
}

impl NotAdmitted {
    /// What a client is told to show, as `WWW-Authenticate` has it.
    #[must_use]
    pub const fn challenge(kind: AuthKind) -> Option<&'static str> {
        match kind {
            AuthKind::Basic => Some("Basic realm=\"webhook\", charset=\"UTF-8\""),
            AuthKind::Jwt => Some("Bearer"),
            AuthKind::Header => None,
        }
    }
}

/// Lets a caller in who shows what the credential holds. Secrets are compared in constant time.
///
/// # Errors
/// When it is not shown, or the credential cannot be used.
pub fn admit(
    kind: AuthKind,
    secrets: &SecretFields,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Admitted, NotAdmitted> {
    match kind {
        AuthKind::Header => {
            let name = field(secrets, "name")?.expose_secret().to_ascii_lowercase();
            let value = field(secrets, "value")?;
            let given = headers.get(&name).map(http::HeaderValue::as_bytes);
            if !same(given, value.expose_secret().as_bytes()) {
                return Err(NotAdmitted::Refused(
                    "a header that the request does not have, or not with that value",
                ));
            }
            Ok(Admitted { shown_by: Some(name), claims: None })
        }
        AuthKind::Basic => {
            let (user, password) = (field(secrets, "username")?, field(secrets, "password")?);
            let right = format!("{}:{}", user.expose_secret(), password.expose_secret());
            let given = headers.get(header::AUTHORIZATION).and_then(|value| basic(value.as_bytes()));
            if !same(given.as_deref(), right.as_bytes()) {
                return Err(NotAdmitted::Refused("a user and a password (HTTP Basic) that are right"));
            }
            Ok(Admitted::default())
        }
        AuthKind::Jwt => {
            let token = headers.get(header::AUTHORIZATION).and_then(bearer);
            let token = token.and_then(|token| std::str::from_utf8(token).ok());
            let token = token.ok_or(NotAdmitted::Refused("a token: `Authorization: Bearer <token>`"))?;
            let claims = jwt::verify(token, secrets, now)?;
            Ok(Admitted { shown_by: None, claims: Some(claims) })
        }
    }
}

/// A field that a credential must have.
pub fn field<'s>(secrets: &'s SecretFields, name: &str) -> Result<&'s SecretString, NotAdmitted> {
    let found = secrets.get(name).filter(|value| !value.expose_secret().is_empty());
    found.ok_or_else(|| NotAdmitted::Credential(format!("it has no `{name}`")))
}

/// Digests are compared, so that not even lengths are told.
fn same(given: Option<&[u8]>, right: &[u8]) -> bool {
    let (given, right) = (Sha256::digest(given.unwrap_or_default()), Sha256::digest(right));
    given.as_slice().ct_eq(right.as_slice()).into()
}

/// User and password of a header, as they are.
fn basic(value: &[u8]) -> Option<Vec<u8>> {
    let (scheme, code) = value.split_at_checked(6)?;
    let is_basic = scheme.eq_ignore_ascii_case(b"basic ");
    is_basic.then(|| BASE64_STANDARD.decode(code.trim_ascii()).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_763_971_200_000);

    fn shown(
        kind: AuthKind,
        secrets: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Result<Admitted, NotAdmitted> {
        let fields: SecretFields = secrets.iter().copied().collect();
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        admit(kind, &fields, &headers.collect(), NOW)
    }

    #[test]
    fn a_header_with_the_value_lets_in_and_is_named_so_that_it_is_not_handed_on() {
        let secrets = [("name", "X-Api-Key"), ("value", "s3cret")];
        let admitted = shown(AuthKind::Header, &secrets, &[("x-api-key", "s3cret")]).unwrap();
        assert_eq!(admitted.shown_by.as_deref(), Some("x-api-key"));
        for wrong in [&[][..], &[("x-api-key", "s3cre")], &[("x-api-key", "")], &[("x-other", "s3cret")]] {
            let said = shown(AuthKind::Header, &secrets, wrong).unwrap_err();
            assert!(
                matches!(said, NotAdmitted::Refused(_)) && !said.to_string().contains("s3cret"),
                "{said}"
            );
        }
        let empty = shown(AuthKind::Header, &[("name", "x-a"), ("value", "")], &[("x-a", "")]);
        assert!(matches!(empty, Err(NotAdmitted::Credential(_))), "an empty secret lets nobody in");
    }

    #[test]
    fn a_user_and_a_password_let_in() {
        let secrets = [("username", "ada"), ("password", "pass:word")];
        let with = |text: &str| {
            let value = format!("Basic {}", BASE64_STANDARD.encode(text));
            shown(AuthKind::Basic, &secrets, &[("authorization", &value)])
        };
        assert!(with("ada:pass:word").is_ok());
        assert!(with("ada:other").is_err() && with("ada").is_err() && with("").is_err());
        for wrong in ["", "Basic", "Basic !", "Bearer YWRhOnBhc3M6d29yZA=="] {
            assert!(shown(AuthKind::Basic, &secrets, &[("authorization", wrong)]).is_err(), "{wrong}");
        }
        assert!(shown(AuthKind::Basic, &secrets, &[]).is_err());
    }
}
