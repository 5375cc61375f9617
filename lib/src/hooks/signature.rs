//! Whether a request was signed by who knows the secret, and when.

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};
use domain::{
    kinds::webhook::{Algorithm, Encoding, SecretEncoding},
    timestamp::Timestamp,
};
use http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};

use super::scheme::{Delivery, Scheme};

/// Most entries of a header that are looked at: each may cost an HMAC over the body.
const MOST_SIGNATURES: usize = 10;

/// A request that was signed right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What it is recognised by when it is sent again.
    pub delivery: String,
    /// Whether that holds for the scheme's tolerance alone: neither a name nor a time makes it different from a later
    /// request with the same content.
    pub only_lately: bool,
}

/// Why a request does not count as signed. It says nothing of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// A header is not there, or cannot be read.
    #[error("the request is not signed as this webhook asks: a header is missing or has another form")]
    Missing,
    /// It was signed too long ago, or by a clock that is ahead.
    #[error("the request was signed too long ago, or its sender's clock is wrong")]
    OutOfTime,
    /// Nobody who knows the secret has signed this.
    #[error("the signature is not right")]
    Wrong,
    /// The credential's secret is not written as it must be.
    #[error("the webhook's credential cannot be used")]
    Secret,
}

/// Checks the signatures of a request over its body as it came; one that is right will do. It takes the same time whichever
/// it is.
///
/// # Errors
/// Why the request does not count as signed.
pub fn verify(
    scheme: &Scheme<'_>,
    secrets: &[&SecretString],
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<Signed, NotSigned> {
    let given = text(headers, scheme.header).ok_or(NotSigned::Missing)?;
    let timestamp = match scheme.timestamp {
        None => None,
        Some(place) => {
            let time = timestamp(scheme, place, headers).ok_or(NotSigned::Missing)?;
            if time.abs_diff(now.as_millis() / 1_000) > scheme.tolerance.as_secs() {
                return Err(NotSigned::OutOfTime);
            }
            Some(time.to_string())
        }
    };
    let id = scheme.id_header.and_then(|name| text(headers, name));
    let signatures: Vec<_> = entries(scheme, given)
        .filter_map(|entry| decode(scheme.encoding, entry.strip_prefix(scheme.prefix)?))
        .take(MOST_SIGNATURES)
        .collect();
    if signatures.is_empty() {
        return Err(NotSigned::Missing);
    }
    let (before, after) = around(scheme, timestamp.as_deref(), id).ok_or(NotSigned::Missing)?;
    let mut found = None;
    for secret in secrets {
        let key = key(scheme, secret)?;
        for signature in &signatures {
            let right = made(&key, [&before, body, &after]);
            // All are looked at, whichever is the right one.
            if aws_lc_rs::constant_time::verify_slices_are_equal(right.as_ref(), signature).is_ok() {
                found.get_or_insert_with(|| signature.clone());
            }
        }
    }
    let signature = found.ok_or(NotSigned::Wrong)?;
    let named = match scheme.delivery {
        Delivery::Header(name) => text(headers, name).map(|id| format!("id {id}")),
        Delivery::Field(name) => field(body, name).map(|id| format!("id {id}")),
        Delivery::Signature => None,
    };
    let only_lately = named.is_none() && !scheme.signs_time();
    let delivery = named.unwrap_or_else(|| format!("signature {}", BASE64_STANDARD.encode(&signature)));
    Ok(Signed { delivery, only_lately })
}

/// A header that is there once, as text, without what is around it.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?.trim();
    (values.next().is_none() && !value.is_empty()).then_some(value)
}

fn entries<'h>(scheme: &Scheme<'_>, given: &'h str) -> impl Iterator<Item = &'h str> + use<'h> {
    let separator = scheme.separator;
    given.split(move |c| Some(c) == separator).map(str::trim)
}

/// Seconds since 1970, written with digits alone.
fn timestamp(scheme: &Scheme<'_>, (header, prefix): (&str, &str), headers: &HeaderMap) -> Option<i64> {
    let given = text(headers, header)?;
    let found = if header.eq_ignore_ascii_case(scheme.header) {
        entries(scheme, given).find_map(|entry| entry.strip_prefix(prefix))?
    } else {
        given.strip_prefix(prefix)?
    };
    let is_plain = (1..=15).contains(&found.len()) && found.bytes().all(|byte| byte.is_ascii_digit());
    if !is_plain {
        return None;
    }
    let time: i64 = found.parse().ok()?;
    // A zero in front would be another text than what was signed.
    (time.to_string() == found).then_some(time)
}

/// What is signed before and after the body. `None`: something of it is not there.
fn around(scheme: &Scheme<'_>, timestamp: Option<&str>, id: Option<&str>) -> Option<(Vec<u8>, Vec<u8>)> {
    let (before, after) = scheme.signed.split_once("{body}")?;
    let filled = |text: &str| {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((plain, name)) = rest.split_once('{') {
            let (name, left) = name.split_once('}')?;
            filled.push_str(plain);
            filled.push_str(match name {
                "timestamp" => timestamp?,
                "id" => id?,
                _ => return None,
            });
            rest = left;
        }
        filled.push_str(rest);
        Some(filled.into_bytes())
    };
    Some((filled(before)?, filled(after)?))
}

fn made(key: &hmac::Key, parts: [&[u8]; 3]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    parts.iter().for_each(|part| context.update(part));
    context.sign()
}

fn key(scheme: &Scheme<'_>, secret: &SecretString) -> Result<hmac::Key, NotSigned> {
    let secret = secret.expose_secret();
    let decoded;
    let bytes = match scheme.secret {
        SecretEncoding::Text => secret.as_bytes(),
        SecretEncoding::Base64 => {
            let text = secret.trim();
            decoded = BASE64_STANDARD
                .decode(text.strip_prefix("whsec_").unwrap_or(text))
                .map_err(|_| NotSigned::Secret)?;
            &decoded
        }
    };
    if bytes.is_empty() {
        return Err(NotSigned::Secret);
    }
    let algorithm = match scheme.algorithm {
        Algorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Algorithm::Sha256 => hmac::HMAC_SHA256,
        Algorithm::Sha512 => hmac::HMAC_SHA512,
    };
    Ok(hmac::Key::new(algorithm, bytes))
}

fn decode(encoding: Encoding, text: &str) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Base64 => BASE64_STANDARD.decode(text).ok(),
        Encoding::Hex => {
            let digits = text.as_bytes();
            let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            if !digits.len().is_multiple_of(2) {
                return None;
            }
            digits.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
        }
    }
}

/// A text or a number that stands at the top of a body that is a JSON object.
fn field(body: &[u8], name: &str) -> Option<String> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body).ok()?;
    match object.get(name)? {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
