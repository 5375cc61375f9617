//! The rules by which requests are signed, as data: one form for all senders.

use std::time::Duration;

use domain::kinds::webhook::{
    Algorithm, Delivery as DeliveryBy, Encoding, HeaderName, Marker, Preset, SecretEncoding, Separator,
    Signature, Template,
};

/// Rules by which requests are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheme<'s> {
    /// The header with the signature, or several.
    pub header: &'s str,
    /// The HMAC's digest.
    pub algorithm: Algorithm,
    /// How a signature is written.
    pub encoding: Encoding,
    /// What stands before a signature; entries of the header without it are something else.
    pub prefix: &'s str,
    /// What parts the entries of the header; without it there is one.
    pub separator: Option<char>,
    /// What is signed: a text with `{body}`, `{timestamp}`, `{id}`.
    pub signed: &'s str,
    /// Where the time is, and what stands before it; without it no time is looked at.
    pub timestamp: Option<(&'s str, &'s str)>,
    /// The header with what the sender calls the delivery.
    pub id_header: Option<&'s str>,
    /// How a request that is sent again is recognised.
    pub delivery: Delivery<'s>,
    /// How the secret is written.
    pub secret: SecretEncoding,
    /// How far the time may be from now, either way.
    pub tolerance: Duration,
}

/// By what a request that is sent again is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery<'s> {
    /// By this header, else by the signature.
    Header(&'s str),
    /// By this field of a body that is JSON, else by the signature.
    Field(&'s str),
    /// By the signature.
    Signature,
}

/// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>. Neither time nor delivery is signed.
const GITHUB: Scheme<'static> = Scheme {
    header: "x-hub-signature-256",
    algorithm: Algorithm::Sha256,
    encoding: Encoding::Hex,
    prefix: "sha256=",
    separator: None,
    signed: "{body}",
    timestamp: None,
    id_header: None,
    delivery: Delivery::Header("x-github-delivery"),
    secret: SecretEncoding::Text,
    tolerance: Duration::ZERO,
};

/// <https://docs.stripe.com/webhooks#verify-manually>: `t=…,v1=…`, of which there may be several; the event's id is signed with
/// the body.
const STRIPE: Scheme<'static> = Scheme {
    header: "stripe-signature",
    prefix: "v1=",
    separator: Some(','),
    signed: "{timestamp}.{body}",
    timestamp: Some(("stripe-signature", "t=")),
    delivery: Delivery::Field("id"),
    ..GITHUB
};

/// <https://docs.slack.dev/authentication/verifying-requests-from-slack>.
const SLACK: Scheme<'static> = Scheme {
    header: "x-slack-signature",
    prefix: "v0=",
    signed: "v0:{timestamp}:{body}",
    timestamp: Some(("x-slack-request-timestamp", "")),
    delivery: Delivery::Signature,
    ..GITHUB
};

/// <https://shopify.dev/docs/apps/build/webhooks/subscribe/https>. Neither time nor delivery is signed.
const SHOPIFY: Scheme<'static> = Scheme {
    header: "x-shopify-hmac-sha256",
    encoding: Encoding::Base64,
    prefix: "",
    delivery: Delivery::Header("x-shopify-webhook-id"),
    ..GITHUB
};

/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>: `v1,…` entries with spaces
/// between them.
const STANDARD: Scheme<'static> = Scheme {
    header: "webhook-signature",
    encoding: Encoding::Base64,
    prefix: "v1,",
    separator: Some(' '),
    signed: "{id}.{timestamp}.{body}",
    timestamp: Some(("webhook-timestamp", "")),
    id_header: Some("webhook-id"),
    delivery: Delivery::Header("webhook-id"),
    secret: SecretEncoding::Base64,
    ..GITHUB
};

impl<'s> Scheme<'s> {
    /// The rules that a node's parameters mean.
    #[must_use]
    pub fn of(signature: &'s Signature) -> Self {
        let rules = match signature.preset {
            Preset::Github => GITHUB,
            Preset::Stripe => STRIPE,
            Preset::Slack => SLACK,
            Preset::Shopify => SHOPIFY,
            Preset::StandardWebhooks => STANDARD,
            Preset::Custom => Self::custom(signature),
        };
        let delivery = match signature.delivery {
            DeliveryBy::Id => rules.delivery,
            DeliveryBy::Signature => Delivery::Signature,
        };
        Self { delivery, tolerance: signature.tolerance.0, ..rules }
    }

    fn custom(signature: &'s Signature) -> Self {
        let Signature { algorithm, encoding, secret_encoding, signed, .. } = signature;
        let marker = |marker: &'s Option<Marker>| marker.as_ref().map_or("", Marker::as_str);
        let header = |name: &'s Option<HeaderName>| name.as_ref().map(HeaderName::as_str);
        let id_header = header(&signature.id_header);
        Self {
            header: header(&signature.header).unwrap_or_default(),
            algorithm: *algorithm,
            encoding: *encoding,
            prefix: marker(&signature.prefix),
            separator: signature.separator.map(Separator::char),
            signed: Template::as_str(signed),
            timestamp: header(&signature.timestamp_header)
                .map(|name| (name, marker(&signature.timestamp_prefix))),
            id_header,
            delivery: id_header.map_or(Delivery::Signature, Delivery::Header),
            secret: *secret_encoding,
            tolerance: Duration::ZERO,
        }
    }

    /// Whether what is signed says when: then a signature of long ago is refused.
    #[must_use]
    pub fn signs_time(&self) -> bool {
        self.timestamp.is_some() && self.signed.contains("{timestamp}")
    }
}
