//! The addresses of webhooks: permissions, sealed so that nobody can guess or read one, and so that looking one up needs
//! no table.
//!
//! An address ends in a token, which is what it stands for (tenant, workflow, node, and how often it was exchanged) under
//! AES-256-GCM-SIV, whose tag is 128 bits. The same hook always has the same token, so nothing has to be kept for it; that
//! needs a cipher that does not mind one nonce for all, as this one (RFC 8452).

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::ids::{NodeId, TenantId, WorkflowId};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

/// What a key is derived for, so that none of another purpose opens a token.
const PURPOSE: &[u8] = b"minireipaz hook v1";

/// Longest token that is looked at: a tenant and a node with names as long as they may be.
const MAX_TOKEN: usize = 1_024;

/// The secrets of addresses, one or two, both valid, so that addresses outlive a change.
#[derive(Clone)]
pub struct HookKeys {
    /// The one with which tokens are made is the first.
    keys: Arc<[LessSafeKey]>,
}

/// A secret is too short to be one, or cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret of webhooks has at least {} characters", HookKeys::MIN_LENGTH)]
pub struct WeakHookSecret;

/// What a token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookScope {
    /// Whose hook it is.
    pub tenant: TenantId,
    /// Its workflow.
    pub workflow: WorkflowId,
    /// Its node.
    pub node: NodeId,
    /// How often its address was exchanged before.
    pub rotation: u32,
}

impl HookKeys {
    /// Fewest characters of a secret.
    pub const MIN_LENGTH: usize = 32;

    /// The secret with which tokens are made, and another one with which they may have been made.
    ///
    /// # Errors
    /// When one is shorter than [`Self::MIN_LENGTH`].
    pub fn new(current: &SecretString, other: Option<&SecretString>) -> Result<Self, WeakHookSecret> {
        let key = |secret: &SecretString| {
            let secret = secret.expose_secret();
            if secret.chars().count() < Self::MIN_LENGTH {
                return Err(WeakHookSecret);
            }
            let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), PURPOSE);
            let key = UnboundKey::new(&AES_256_GCM_SIV, derived.as_ref()).map_err(|_| WeakHookSecret)?;
            Ok(LessSafeKey::new(key))
        };
        let keys: Result<Vec<_>, _> = [Some(current), other].into_iter().flatten().map(key).collect();
        Ok(Self { keys: keys?.into() })
    }

    /// The token of a hook. `None`: it cannot be sealed, which no hook of a saved workflow brings about.
    #[must_use]
    pub fn token(&self, scope: &HookScope) -> Option<String> {
        let tenant = scope.tenant.as_str().as_bytes();
        let mut sealed = scope.rotation.to_be_bytes().to_vec();
        sealed.extend_from_slice(scope.workflow.0.as_bytes());
        sealed.push(u8::try_from(tenant.len()).ok()?);
        sealed.extend_from_slice(tenant);
        sealed.extend_from_slice(scope.node.as_str().as_bytes());
        self.keys.first()?.seal_in_place_append_tag(nonce(), Aad::from(PURPOSE), &mut sealed).ok()?;
        Some(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// What a token stands for; `None`: nobody who knows a secret has made it. It takes the same time whichever secret it
    /// was.
    #[must_use]
    pub fn read(&self, token: &str) -> Option<HookScope> {
        if token.len() > MAX_TOKEN {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
        let opened = self.keys.iter().map(|key| {
            let mut sealed = sealed.clone();
            key.open_in_place(nonce(), Aad::from(PURPOSE), &mut sealed).ok().and_then(|plain| scope(plain))
        });
        // All are tried, whichever opens it.
        opened.fold(None, Option::or)
    }
}

/// One for all: see above.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

fn scope(plain: &[u8]) -> Option<HookScope> {
    let (rotation, rest) = plain.split_first_chunk::<4>()?;
    let (workflow, rest) = rest.split_first_chunk::<16>()?;
    let (length, rest) = rest.split_first()?;
    let (tenant, node) = rest.split_at_checked(usize::from(*length))?;
    Some(HookScope {
        tenant: TenantId::parse(std::str::from_utf8(tenant).ok()?).ok()?,
        workflow: WorkflowId(Uuid::from_bytes(*workflow)),
        node: NodeId::parse(std::str::from_utf8(node).ok()?).ok()?,
        rotation: u32::from_be_bytes(*rotation),
    })
}

impl fmt::Debug for HookKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookKeys({} redacted)", self.keys.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";

    fn keys(current: &str, other: Option<&str>) -> HookKeys {
        HookKeys::new(&current.into(), other.map(SecretString::from).as_ref()).unwrap()
    }

    fn scope(tenant: &str, node: &str, rotation: u32) -> HookScope {
        HookScope {
            tenant: tenant.parse().unwrap(),
            workflow: WorkflowId(Uuid::from_u128(7)),
            node: node.parse().unwrap(),
            rotation,
        }
    }

    #[test]
    fn a_token_is_read_as_it_was_made_also_while_the_secret_changes() {
        for of in [scope("acme", "hook", 0), scope(&"t".repeat(128), &"ü".repeat(128), u32::MAX)] {
            let token = keys(OLD, None).token(&of).unwrap();
            assert_eq!(Some(&token), keys(OLD, Some(NEW)).token(&of).as_ref(), "it is always the same");
            assert!(
                token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
                "{token}"
            );
            for known in [keys(OLD, None), keys(OLD, Some(NEW)), keys(NEW, Some(OLD))] {
                assert_eq!(known.read(&token), Some(of.clone()));
            }
            assert_eq!(keys(NEW, None).read(&token), None);
        }
    }

    #[test]
    fn nothing_of_a_token_can_be_read_guessed_or_made_into_another() {
        let keys = keys(OLD, None);
        let token = keys.token(&scope("acme", "hook", 1)).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        assert!(!bytes.windows(4).any(|part| part == b"acme" || part == b"hook"));
        let others = [scope("acme", "hook", 2), scope("acme", "hook2", 1), scope("acm", "ehook", 1)];
        assert!(others.iter().all(|other| keys.token(other).unwrap() != token));
        for place in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[place] ^= 1;
            assert_eq!(keys.read(&URL_SAFE_NO_PAD.encode(forged)), None, "byte {place}");
        }
        for forged in ["", ".", "test", &token[1..], &format!("{token}="), &"a".repeat(100_000)] {
            assert_eq!(keys.read(forged), None, "{forged}");
        }
        assert_eq!(format!("{keys:?}"), "HookKeys(1 redacted)");
        assert_eq!(HookKeys::new(&"short".into(), None).unwrap_err(), WeakHookSecret);
    }
}
