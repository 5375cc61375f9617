//! Keeps secrets out of logs, steps and replies.
//!
//! What is secret ([`Secrets`]) is told by a rule on the words of a name rather than a list of names, since every API
//! invents its own header; by its place, as a login's; and by what it looks like. A [`Redactor`] keeps it out of texts
//! of whatever form. Rather one value too many is left out than a password kept.

mod redactor;
mod secrets;
#[cfg(test)]
mod tests;
mod view;

pub use redactor::Redactor;
pub use secrets::Secrets;

/// What stands in a secret's place.
pub const REDACTED: &str = "[redacted]";

/// Wherever they are in a name, also as a part of a word: `X-Auth-Token`, `authtoken`.
const ANYWHERE: &[&str] = &[
    "token",
    "secret",
    "passw",
    "passphrase",
    "credential",
    "cookie",
    "authoriz",
    "authentic",
    "signature",
    "session",
    "apikey",
    "accesskey",
    "privatekey",
];

/// As words of their own: they are parts of harmless words, such as `author` and `design`.
const WORDS: &[&str] = &["auth", "sig", "jwt", "bearer", "hmac", "otp", "pwd", "pass", "sid"];

/// A key is a secret, unless the word before says that it only names something.
const HARMLESS_KEYS: &[&str] = &[
    "idempotency",
    "cache",
    "surrogate",
    "partition",
    "routing",
    "sort",
    "row",
    "primary",
    "foreign",
    "object",
    "message",
    "record",
    "deduplication",
    "socket",
    "public",
];

/// Whether a header or a field of this name carries a secret, however it is written.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let words = words(name);
    let joined = words.concat();
    ANYWHERE.iter().any(|part| joined.contains(part))
        || words.iter().any(|word| WORDS.contains(&word.as_str()))
        || words.iter().enumerate().any(|(at, word)| {
            let before = at.checked_sub(1).and_then(|before| words.get(before));
            matches!(word.as_str(), "key" | "keys")
                && before.is_none_or(|before| !HARMLESS_KEYS.contains(&before.as_str()))
        })
}

/// Whether a query parameter of this name carries a secret: also `code`, which opens an Azure function and is half of
/// a login elsewhere.
#[must_use]
pub fn is_secret_parameter(name: &str) -> bool {
    name.eq_ignore_ascii_case("code") || is_secret(name)
}

/// The words of a name in small letters: `X-Auth-Key`, `x_auth_key` and `xAuthKey` are the same three.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    for c in name.chars() {
        if !c.is_alphabetic() || (c.is_uppercase() && after_small) {
            words.push(String::new());
        }
        after_small = c.is_lowercase();
        if c.is_alphabetic()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod names {
    use super::*;

    #[test]
    fn names_of_secrets_are_told_from_others_however_they_are_written() {
        for name in [
            "Authorization",
            "proxy-authorization",
            "Cookie",
            "Set-Cookie",
            "X-API-Key",
            "x_api_key",
            "ApiKey",
            "Api-Key",
            "X-Auth-Key",
            "X-Auth-Token",
            "Private-Token",
            "X-Vault-Token",
            "X-Goog-Api-Key",
            "X-Functions-Key",
            "X-Shopify-Access-Token",
            "Ocp-Apim-Subscription-Key",
            "X-Amz-Security-Token",
            "X-Hub-Signature-256",
            "WWW-Authenticate",
            "DD-APPLICATION-KEY",
            "clientSecret",
            "authtoken",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "Content-Type",
            "Idempotency-Key",
            "X-Idempotency-Key",
            "Surrogate-Keys",
            "Sec-WebSocket-Key",
            "ETag",
            "traceparent",
            "X-Request-Id",
            "Author",
            "X-Design",
            "Keep-Alive",
            "X-Keyboard",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
