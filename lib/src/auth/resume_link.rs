//! Links by which a person gives a run its signal: `…/api/v1/runs/{id}/resume?token=…`.
//!
//! The token is the permission: it names the run, the signal and until when, and no other run, name or moment. A worker
//! makes links for the expressions of a step, functions read them. The secret stays with them: what makes links for one
//! step ([`LinkKey`]) is a key of its own that follows from the secret and from what the step's links are for, so that
//! the process which runs an author's JavaScript can name signals of that run, and nothing else.
//!
//! `<what it is for>.<name>.<code>`, each in base64 (RFC 4648, section 5); the code is HMAC-SHA-256.

use std::{fmt, sync::Arc};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    ids::{RunId, SignalName, TenantId},
    iteration::Iteration,
    timestamp::Timestamp,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

/// What the keys of links are derived for, and of which version they are.
const PURPOSE: &[u8] = b"minireipaz resume link 1\n";

/// Longer is no token: a tenant's name and a signal's are 128 characters at most, and loops 10 deep.
const MAX_TOKEN: usize = 4_096;

/// The secrets of links, one or two, both valid, so that links that were sent outlive a change.
#[derive(Clone)]
pub struct LinkSecrets {
    /// The one with which links are made is the first. (Such a key is large, and settings are handed around.)
    keys: Arc<[hmac::Key]>,
}

/// A secret is too short to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret of links has at least {} characters", LinkSecrets::MIN_LENGTH)]
pub struct WeakLinkSecret;

/// What a link is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkScope {
    /// Whose run it is.
    #[serde(rename = "t")]
    pub tenant: TenantId,
    /// The run.
    #[serde(rename = "r")]
    pub run: RunId,
    /// The iteration of the step that made it: of the loops that both are in it gives the signal to a step of the same.
    #[serde(rename = "i", default, skip_serializing_if = "Iteration::is_outside")]
    pub iteration: Iteration,
    /// Until when it works, in milliseconds since 1970.
    #[serde(rename = "x")]
    pub expires: i64,
}

/// A link that was made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumeLink {
    /// What it is for.
    pub scope: LinkScope,
    /// The signal's name.
    pub name: SignalName,
}

/// Why a token is no link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLink {
    /// Nobody who knows a secret has made it, or it is not whole.
    #[error("the link is not valid; it may have been cut off")]
    Forged,
    /// Its time is up.
    #[error("the link does not work any more")]
    Expired,
}

/// Makes the links of one step.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkKey {
    /// The address up to the signal's name.
    address: String,
    /// In base64.
    key: String,
}

impl LinkSecrets {
    /// Fewest characters of a secret.
    pub const MIN_LENGTH: usize = 32;

    /// The secret with which links are made, and another one with which they may have been made.
    ///
    /// # Errors
    /// When one is shorter than [`Self::MIN_LENGTH`].
    pub fn new(current: &SecretString, other: Option<&SecretString>) -> Result<Self, WeakLinkSecret> {
        let key = |secret: &SecretString| {
            let secret = secret.expose_secret();
            let enough = secret.chars().count() >= Self::MIN_LENGTH;
            enough.then(|| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())).ok_or(WeakLinkSecret)
        };
        let keys: Result<Vec<_>, _> = [Some(current), other].into_iter().flatten().map(key).collect();
        Ok(Self { keys: keys?.into() })
    }

    /// What makes the links of a step, at the API's address.
    #[must_use]
    pub fn key_for(&self, api: &Url, scope: &LinkScope) -> LinkKey {
        let what = URL_SAFE_NO_PAD.encode(serde_json::to_vec(scope).unwrap_or_default());
        let api = api.as_str().trim_end_matches('/');
        let address = format!("{api}/api/v1/runs/{}/resume?token={what}", scope.run);
        LinkKey { address, key: URL_SAFE_NO_PAD.encode(derived(&self.keys[0], &what)) }
    }

    /// Reads the token of a link to that run. It takes the same time whichever of the secrets has made it.
    ///
    /// # Errors
    /// When no secret has made it for that run, or its time is up.
    pub fn read(&self, token: &str, run: RunId, now: Timestamp) -> Result<ResumeLink, InvalidLink> {
        let (what, name, code) = parts(token).ok_or(InvalidLink::Forged)?;
        let is_of = |secret: &hmac::Key| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, derived(secret, what).as_ref());
            hmac::verify(&key, &name, &code).is_ok()
        };
        if !self.keys.iter().fold(false, |found, secret| found | is_of(secret)) {
            return Err(InvalidLink::Forged);
        }
        let scope = URL_SAFE_NO_PAD.decode(what).ok();
        let scope: Option<LinkScope> = scope.and_then(|json| serde_json::from_slice(&json).ok());
        let name = std::str::from_utf8(&name).ok().and_then(|name| SignalName::parse(name).ok());
        match scope.zip(name) {
            Some((scope, name)) if scope.run == run => {
                let expired = now > Timestamp::from_millis(scope.expires);
                if expired { Err(InvalidLink::Expired) } else { Ok(ResumeLink { scope, name }) }
            }
            _ => Err(InvalidLink::Forged),
        }
    }
}

/// What it is for as it stands in the token, the name and the code.
fn parts(token: &str) -> Option<(&str, Vec<u8>, Vec<u8>)> {
    if token.len() > MAX_TOKEN {
        return None;
    }
    let mut parts = token.split('.');
    let (what, name, code) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    Some((what, URL_SAFE_NO_PAD.decode(name).ok()?, URL_SAFE_NO_PAD.decode(code).ok()?))
}

/// The key of all links that are for the same.
fn derived(secret: &hmac::Key, what: &str) -> hmac::Tag {
    hmac::sign(secret, &[PURPOSE, what.as_bytes()].concat())
}

impl LinkKey {
    /// The link that gives the signal of that name.
    #[must_use]
    pub fn url(&self, name: &SignalName) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &URL_SAFE_NO_PAD.decode(&self.key).unwrap_or_default());
        let code = hmac::sign(&key, name.as_str().as_bytes());
        let (name, code) = (URL_SAFE_NO_PAD.encode(name.as_str()), URL_SAFE_NO_PAD.encode(code));
        format!("{}.{name}.{code}", self.address)
    }
}

impl fmt::Debug for LinkSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkSecrets({} redacted)", self.keys.len())
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";
    const NOW: Timestamp = Timestamp::from_millis(1_763_971_200_000);

    fn secrets(current: &str, other: Option<&str>) -> LinkSecrets {
        LinkSecrets::new(&current.into(), other.map(SecretString::from).as_ref()).unwrap()
    }

    fn scope() -> LinkScope {
        LinkScope {
            tenant: TenantId::parse("acme").unwrap(),
            run: RunId::at(NOW, 1),
            iteration: Iteration::from(vec![3, 0]),
            expires: NOW.as_millis() + 1_000,
        }
    }

    fn name() -> SignalName {
        SignalName::parse("approved & größer.").unwrap()
    }

    fn token(secrets: &LinkSecrets, scope: &LinkScope) -> String {
        let api = "https://flows.example/base/".parse().unwrap();
        let url = secrets.key_for(&api, scope).url(&name());
        let start = format!("https://flows.example/base/api/v1/runs/{}/resume?token=", scope.run);
        url.strip_prefix(&start).unwrap_or_else(|| panic!("{url}")).to_owned()
    }

    #[test]
    fn a_link_is_read_as_it_was_made_also_while_the_secret_changes() {
        let token = token(&secrets(OLD, None), &scope());
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{token}");
        let link = Ok(ResumeLink { scope: scope(), name: name() });
        for known in [secrets(OLD, None), secrets(OLD, Some(NEW)), secrets(NEW, Some(OLD))] {
            assert_eq!(known.read(&token, scope().run, NOW), link);
        }
        assert_eq!(secrets(NEW, None).read(&token, scope().run, NOW), Err(InvalidLink::Forged));
    }

    #[test]
    fn a_link_works_for_its_run_its_name_and_its_time_alone() {
        let (secrets, scope) = (secrets(OLD, Some(NEW)), scope());
        let token = token(&secrets, &scope);
        let read = |token: &str, run, now| secrets.read(token, run, now);
        let at = |millis| Timestamp::from_millis(scope.expires + millis);
        assert!(read(&token, scope.run, at(0)).is_ok());
        assert_eq!(read(&token, scope.run, at(1)), Err(InvalidLink::Expired));
        assert_eq!(read(&token, RunId::at(NOW, 2), NOW), Err(InvalidLink::Forged), "another run");
        let [what, _, code] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
        let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let longer =
            encoded(&serde_json::to_string(&LinkScope { expires: i64::MAX, ..scope.clone() }).unwrap());
        let name = encoded(name().as_str());
        for forged in [
            format!("{what}.{}.{code}", encoded("rejected")),
            format!("{longer}.{name}.{code}"),
            format!("{what}.{name}.{}", encoded("x")),
            format!("{what}.{name}."),
            format!("{what}.{name}"),
            format!("{token}.{code}"),
            format!("{what}.{name}.{code}="),
            token[..token.len() - 1].to_owned(),
            String::new(),
            "..".to_owned(),
            "a".repeat(100_000),
        ] {
            assert_eq!(read(&forged, scope.run, NOW), Err(InvalidLink::Forged), "{forged}");
        }
    }

    #[test]
    fn what_makes_a_steps_links_tells_no_secret_and_makes_none_of_another_run() {
        let (secrets, api) = (secrets(OLD, None), "https://flows.example".parse().unwrap());
        let key = secrets.key_for(&api, &scope());
        assert_eq!(format!("{key:?} {secrets:?}"), "LinkKey(redacted) LinkSecrets(1 redacted)");
        let written = serde_json::to_string(&key).unwrap();
        assert!(!written.contains(OLD));
        assert_eq!(serde_json::from_str::<LinkKey>(&written).unwrap(), key);
        let other = secrets.key_for(&api, &LinkScope { run: RunId::at(NOW, 2), ..scope() });
        let moved = LinkKey { address: other.address, ..key };
        let url = moved.url(&name());
        let token = url.split("token=").nth(1).unwrap();
        assert_eq!(secrets.read(token, RunId::at(NOW, 2), NOW), Err(InvalidLink::Forged));
        assert_eq!(LinkSecrets::new(&"short".into(), None).unwrap_err(), WeakLinkSecret);
    }
}
