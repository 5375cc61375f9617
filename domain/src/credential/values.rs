//! The values of each type of credential.

use std::fmt;

use serde_json::{Map, Value, json};
use url::{Host, Url};

use super::{CredentialType, OAuth2};
use crate::{
    kinds::{
        http_request::is_own_header,
        params::{At, Parameter, Reader, choice, params},
    },
    limits::{self, MAX_CREDENTIAL_BYTES},
    violation::{Violation, ViolationCode as Code, Violations},
};

params! {
    /// A user and a password: `Authorization: Basic`.
    pub struct HttpBasic {
        /// The user.
        username: Login, [fixed];
        /// The password.
        password: SecretText, [fixed];
    }
}

params! {
    /// A token: `Authorization: Bearer`.
    pub struct HttpBearer {
        /// The token, without `Bearer`.
        token: HeaderSecret, [fixed];
    }
}

params! {
    /// A header of any name.
    pub struct HttpHeader {
        /// Its name, such as `X-API-Key`.
        name: HeaderName, [fixed];
        /// Its value.
        value: HeaderSecret, [fixed];
    }
}

params! {
    /// A parameter of the address.
    pub struct HttpQuery {
        /// Its name, such as `api_key`.
        name: Line, [fixed];
        /// Its value.
        value: SecretText, [fixed];
    }
}

params! {
    /// What webhooks are signed with (HMAC).
    pub struct Hmac {
        /// The secret that the sender and we share.
        secret: SecretText, [fixed];
    }
}

params! {
    /// What the tokens of webhooks' senders are checked with (JWT).
    pub struct Jwt {
        /// How they are signed.
        algorithm: JwtAlgorithm, [fixed];
        /// The shared secret (`HS…`), else the public key in PEM.
        key: SecretText, [fixed];
        /// What `iss` must be.
        issuer: Option<Line>, [fixed];
        /// What `aud` must be, or hold.
        audience: Option<Line>, [fixed];
    }
}

choice! {
    /// How a JWT is signed.
    pub enum JwtAlgorithm {
        /// HMAC with SHA-256.
        Hs256 = "HS256",
        /// HMAC with SHA-384.
        Hs384 = "HS384",
        /// HMAC with SHA-512.
        Hs512 = "HS512",
        /// RSA with SHA-256.
        Rs256 = "RS256",
        /// ECDSA on P-256.
        Es256 = "ES256",
        /// Ed25519.
        EdDsa = "EdDSA",
    }
}

/// What a credential says, in clear. It lives as long as a call.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each is the type of its name")]
pub enum CredentialValues {
    HttpBasic(HttpBasic),
    HttpBearer(HttpBearer),
    HttpHeader(HttpHeader),
    HttpQuery(HttpQuery),
    OAuth2(OAuth2),
    Hmac(Hmac),
    Jwt(Jwt),
}

impl CredentialValues {
    /// Reads the values of a credential of that type.
    ///
    /// # Errors
    /// All that is wrong, each with its path below `values`, and without a value.
    pub fn read(kind: CredentialType, values: &Map<String, Value>) -> Result<Self, Vec<Violation>> {
        let mut violations = Violations::new();
        let bytes = serde_json::to_vec(values).map_or(usize::MAX, |text| text.len());
        if bytes > MAX_CREDENTIAL_BYTES {
            let message =
                limits::above(bytes, "bytes of compact JSON", MAX_CREDENTIAL_BYTES, "MAX_CREDENTIAL_BYTES");
            violations.add("values", Code::Limit, message);
            return Err(violations.into_vec());
        }
        let (at, mut reader) = (At::root("values"), Reader::evaluated(&mut violations));
        let (at, reader) = (&at, &mut reader);
        let read = match kind {
            CredentialType::HttpBasic => HttpBasic::read_object(values, at, reader).map(Self::HttpBasic),
            CredentialType::HttpBearer => HttpBearer::read_object(values, at, reader).map(Self::HttpBearer),
            CredentialType::HttpHeader => HttpHeader::read_object(values, at, reader).map(Self::HttpHeader),
            CredentialType::HttpQuery => HttpQuery::read_object(values, at, reader).map(Self::HttpQuery),
            CredentialType::OAuth2 => OAuth2::read_whole(values, at, reader).map(Self::OAuth2),
            CredentialType::Hmac => Hmac::read_object(values, at, reader).map(Self::Hmac),
            CredentialType::Jwt => Jwt::read_object(values, at, reader).map(Self::Jwt),
        };
        match read {
            Some(read) if violations.is_empty() => Ok(read),
            _ => Err(without(values, violations.into_vec())),
        }
    }

    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> CredentialType {
        match self {
            Self::HttpBasic(_) => CredentialType::HttpBasic,
            Self::HttpBearer(_) => CredentialType::HttpBearer,
            Self::HttpHeader(_) => CredentialType::HttpHeader,
            Self::HttpQuery(_) => CredentialType::HttpQuery,
            Self::OAuth2(_) => CredentialType::OAuth2,
            Self::Hmac(_) => CredentialType::Hmac,
            Self::Jwt(_) => CredentialType::Jwt,
        }
    }
}

/// A word that is none of a field's may be the secret, in the wrong field.
fn without(values: &Map<String, Value>, mut violations: Vec<Violation>) -> Vec<Violation> {
    for given in values.values().filter_map(Value::as_str).filter(|text| !text.is_empty()) {
        let quoted = Value::from(given).to_string();
        for violation in &mut violations {
            violation.message = violation.message.replace(&quoted, "what is given");
        }
    }
    violations
}

/// Declares a text that a rule is for, and whether it is secret.
macro_rules! texts {
    ($($(#[$doc:meta])+ $name:ident: $what:literal, $pattern:literal, $fits:expr, $secret:literal;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                if $secret { f.write_str("[redacted]") } else { self.0.fmt(f) }
            }
        }

        impl Parameter for $name {
            const NAME: &'static str = $what;

            fn schema() -> Value {
                let mut schema = json!({ "type": "string", "minLength": 1, "pattern": $pattern });
                if $secret {
                    schema["writeOnly"] = true.into();
                    schema["format"] = "password".into();
                }
                schema
            }

            fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
                let Some(text) = value.as_str() else {
                    reader.wrong_type(at, "a text", value);
                    return None;
                };
                let fits: fn(&str) -> bool = $fits;
                if text.is_empty() || !fits(text) {
                    reader.violation(at, Code::InvalidValue, format!("`{}` is no {}", at.name(), $what));
                    return None;
                }
                Some(Self(text.to_owned()))
            }
        }
    )+};
}

texts! {
    /// A secret of any characters.
    SecretText: "secret text with a character at least", "", |_| true, true;
    /// A secret that can stand in a header.
    HeaderSecret: "secret text of visible ASCII characters and single blanks between them", "^[!-~]+( [!-~]+)*$",
        |text| text.split(' ').all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic())), true;
    /// A text without control characters.
    Line: "text without line breaks and other control characters", r"^[^\x00-\x1f\x7f-\x9f]+$",
        |text| !text.contains(char::is_control), false;
    /// A user, which `Authorization: Basic` cannot send with a colon (RFC 7617, section 2).
    Login: "user's name without colons, line breaks and other control characters", r"^[^:\x00-\x1f\x7f-\x9f]+$",
        |text| !text.contains(|c: char| c == ':' || c.is_control()), false;
    /// A header's name.
    HeaderName: "header's name that a call may set", r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        |text| http::HeaderName::from_bytes(text.as_bytes()).is_ok_and(|name| !is_own_header(name.as_str())), false;
}

/// The address of a service that is shown secrets: https, or http on the machine itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(pub Url);

impl Parameter for Endpoint {
    const NAME: &'static str = "https address";

    fn schema() -> Value {
        json!({ "type": "string", "format": "uri", "pattern": "^https?://" })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let url = value.as_str().and_then(|text| Url::parse(text).ok()).filter(is_confidential);
        if url.is_none() {
            let message = format!(
                "`{}` is an address that starts with https://, without user, password and fragment; http:// only for this \
                 machine",
                at.name()
            );
            reader.violation(at, Code::InvalidUrl, message);
        }
        url.map(Self)
    }
}

fn is_confidential(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    is_plain && (url.scheme() == "https" || (url.scheme() == "http" && is_here))
}
