//! How a hook's requests are signed: by one of the known senders' rules, or by rules of one's own.

use std::time::Duration;

use serde_json::{Value, json};

use super::texts::{HeaderName, Marker};
use crate::{
    duration::HumanDuration,
    ids::CredentialId,
    kinds::params::{At, Parameter, Reader, choice, params},
    violation::ViolationCode as Code,
};

/// How far a request's time may be from now when the node does not say: what Stripe, Slack and Standard Webhooks advise.
const DEFAULT_TOLERANCE: HumanDuration = HumanDuration(Duration::from_mins(5));

params! {
    /// How requests are signed.
    pub struct Signature {
        /// By whose rules: `github`, `stripe`, `slack`, `shopify`, `standard_webhooks`, or `custom` ones, which the
        /// parameters below say.
        preset: Preset = Preset::Custom, [fixed];
        /// The credential that has the secret.
        credential: CredentialId, [fixed];
        /// How far the time that a request says may be from now, either way. A signature counts once within this time.
        tolerance: HumanDuration = DEFAULT_TOLERANCE, [fixed];
        /// How a request that is sent again is recognised: by what its sender calls the delivery, or by its signature.
        delivery: Delivery = Delivery::Id, [fixed];
        /// The header with the signature.
        header: Option<HeaderName>, [fixed], with preset ["custom"] required;
        /// By which digest the HMAC is made.
        algorithm: Algorithm = Algorithm::Sha256, [fixed], with preset ["custom"];
        /// How the signature is written.
        encoding: Encoding = Encoding::Hex, [fixed], with preset ["custom"];
        /// What stands before a signature in the header, such as `sha256=`.
        prefix: Option<Marker>, [fixed], with preset ["custom"];
        /// What parts the entries of the header, where it has several; those with the prefix are signatures.
        separator: Option<Separator>, [fixed], with preset ["custom"];
        /// What is signed: a text with `{body}`, and `{timestamp}` and `{id}` where they are signed too.
        signed: Template = Template::body(), [fixed], with preset ["custom"];
        /// The header with the time at which it was signed, in seconds since 1970. It may be the signature's own.
        timestamp_header: Option<HeaderName>, [fixed], with preset ["custom"];
        /// What stands before the time in that header, such as `t=`.
        timestamp_prefix: Option<Marker>, [fixed], with preset ["custom"];
        /// The header with what the sender calls the delivery.
        id_header: Option<HeaderName>, [fixed], with preset ["custom"];
        /// How the secret is written in the credential.
        secret_encoding: SecretEncoding = SecretEncoding::Text, [fixed], with preset ["custom"];
    }
}

choice! {
    /// By whose rules.
    pub enum Preset {
        /// GitHub.
        Github = "github",
        /// Stripe.
        Stripe = "stripe",
        /// Slack.
        Slack = "slack",
        /// Shopify.
        Shopify = "shopify",
        /// The specification of Standard Webhooks.
        StandardWebhooks = "standard_webhooks",
        /// The node's own.
        Custom = "custom",
    }
}

choice! {
    /// How a request that is sent again is recognised.
    pub enum Delivery {
        /// By what its sender calls the delivery, else by its signature.
        Id = "id",
        /// By its signature.
        Signature = "signature",
    }
}

choice! {
    /// A digest.
    pub enum Algorithm {
        /// Only for senders that know no better.
        Sha1 = "sha1",
        /// SHA-2, 256 bits.
        Sha256 = "sha256",
        /// SHA-2, 512 bits.
        Sha512 = "sha512",
    }
}

choice! {
    /// How a signature is written.
    pub enum Encoding {
        /// Hexadecimal digits.
        Hex = "hex",
        /// Base64, the standard alphabet.
        Base64 = "base64",
    }
}

choice! {
    /// What parts the entries of a header.
    pub enum Separator {
        /// A comma.
        Comma = ",",
        /// A space.
        Space = " ",
        /// A semicolon.
        Semicolon = ";",
    }
}

choice! {
    /// How a secret is written.
    pub enum SecretEncoding {
        /// Its bytes are those of the text.
        Text = "text",
        /// Base64, with or without `whsec_` before it.
        Base64 = "base64",
    }
}

impl Separator {
    /// The character.
    #[must_use]
    pub const fn char(self) -> char {
        match self {
            Self::Comma => ',',
            Self::Space => ' ',
            Self::Semicolon => ';',
        }
    }
}

impl Signature {
    /// What no table can say: that all of what is signed can be had.
    pub(super) fn is_whole(&self) -> Result<(), &'static str> {
        if self.preset != Preset::Custom {
            return Ok(());
        }
        if self.signed.has("{timestamp}") && self.timestamp_header.is_none() {
            return Err("`{timestamp}` is signed, so `timestamp_header` says where it is");
        }
        if self.signed.has("{id}") && self.id_header.is_none() {
            return Err("`{id}` is signed, so `id_header` says where it is");
        }
        let same = |one: &HeaderName, other: &HeaderName| one.as_str().eq_ignore_ascii_case(other.as_str());
        let shared = self.header.as_ref().zip(self.timestamp_header.as_ref());
        if shared.is_some_and(|(one, other)| same(one, other))
            && (self.separator.is_none() || self.prefix.is_none() || self.timestamp_prefix.is_none())
        {
            return Err(
                "where one header has signature and time, `separator`, `prefix` and `timestamp_prefix` tell them \
                        apart",
            );
        }
        Ok(())
    }
}

impl From<HumanDuration> for Value {
    fn from(duration: HumanDuration) -> Self {
        duration.to_string().into()
    }
}

/// What is signed: a text with `{body}`, `{timestamp}` and `{id}` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(String);

/// What a template may name.
const NAMES: [&str; 3] = ["{body}", "{timestamp}", "{id}"];

impl Template {
    /// The body alone.
    #[must_use]
    pub fn body() -> Self {
        Self("{body}".to_owned())
    }

    /// It as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

impl From<Template> for Value {
    fn from(Template(text): Template) -> Self {
        text.into()
    }
}

impl Parameter for Template {
    const NAME: &'static str = "text with `{body}`";

    fn schema() -> Value {
        let pattern = r"^([^{}]|\{(body|timestamp|id)\})*\{body\}([^{}]|\{(body|timestamp|id)\})*$";
        json!({ "type": "string", "pattern": pattern, "maxLength": 200, "examples": ["{timestamp}.{body}"] })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let fits = |text: &&str| {
            let rest = NAMES.iter().fold((*text).to_owned(), |rest, name| rest.replace(name, ""));
            text.chars().count() <= 200 && text.contains("{body}") && !rest.contains(['{', '}'])
        };
        let Some(text) = value.as_str().filter(fits) else {
            let message = "what is signed is a text of up to 200 characters with `{body}` in it, and perhaps `{timestamp}` \
                           and `{id}`";
            reader.violation(at, Code::InvalidValue, message);
            return None;
        };
        Some(Self(text.to_owned()))
    }
}
