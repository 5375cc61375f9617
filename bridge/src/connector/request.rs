//! The keys of a request's address, headers and authentication, and of its repetition.

use std::str::FromStr;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use secrecy::SecretString;

use super::{Statuses, values::Keys};

/// Checks the address that `key` gives (or that is made of it).
pub(super) fn check_url(url: &str, key: &str, keys: &mut Keys) {
    let without_topic = url.replace("${topic}", "topic");
    if without_topic.contains("${") {
        keys.complain(format!("{key} has a placeholder other than ${{topic}} and ${{env:NAME}}"));
        return;
    }
    match without_topic.parse::<url::Url>() {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
            if url.password().is_some() {
                keys.complain(format!("{key} holds a password: use auth.type BASIC"));
            }
        }
        _ => keys.complain(format!("{key} is not an address that begins with http:// or https://")),
    }
}

/// Adds the headers that `key` lists. A header may be a secret: errors tell its place only.
pub(super) fn add_headers(keys: &mut Keys, key: &str, separator: &str, headers: &mut HeaderMap) {
    let text = keys.take(key).unwrap_or_default();
    for (place, pair) in text.split(separator).enumerate().filter(|(_, pair)| !pair.trim().is_empty()) {
        let parsed = pair.split_once(':').and_then(|(name, value)| {
            let name = HeaderName::from_str(name.trim()).ok()?;
            Some((name, secret_value(value.trim())?))
        });
        match parsed {
            Some((name, value)) => {
                headers.append(name, value);
            }
            None => keys.complain(format!("{key}: number {} is not of the form Name:Value", place + 1)),
        }
    }
}

/// What stands between two headers.
pub(super) fn separator(keys: &mut Keys, key: &str) -> String {
    let separator = keys.take(key).unwrap_or_else(|| "|".to_owned());
    if separator.is_empty() {
        keys.complain(format!("{key} is empty"));
        return "|".to_owned();
    }
    separator
}

/// A header's value that no log shows.
pub(super) fn secret_value(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// `connection.user` and `connection.password`, which have to be there exactly with `auth.type` BASIC.
pub(super) fn basic(keys: &mut Keys, wanted: bool) -> Option<(String, SecretString)> {
    let (user, password) = (keys.take("connection.user"), keys.take("connection.password"));
    match (wanted, user, password) {
        (true, Some(user), Some(password)) => Some((user, password.into())),
        (true, ..) => {
            keys.complain("auth.type BASIC needs connection.user and connection.password".to_owned());
            None
        }
        (false, None, None) => None,
        (false, ..) => {
            keys.complain("connection.user and connection.password need auth.type BASIC".to_owned());
            None
        }
    }
}

/// Statuses that are tried again; by default all from 400 on.
pub(super) fn statuses(keys: &mut Keys, key: &str) -> Statuses {
    let Some(text) = keys.take(key) else { return Statuses::default() };
    text.parse().unwrap_or_else(|problem| {
        keys.complain(format!("{key}: {problem}"));
        Statuses::default()
    })
}

/// The request's method.
pub(super) fn method(keys: &mut Keys, key: &str) -> Method {
    keys.choice(key, "POST", &[("POST", Method::POST), ("PUT", Method::PUT), ("PATCH", Method::PATCH)])
}
