//! The keys with which credentials are sealed: `XChaCha20-Poly1305`, whose nonces are long enough to be drawn by chance.
//!
//! What is sealed says which key it needs. It opens only for the tenant, the credential and the purpose that it was
//! sealed for, which are authenticated with it: a row that is copied to another tenant is of no use there.

use std::{fmt, str::FromStr, sync::Arc};

use aws_lc_rs::rand::fill;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use domain::credential::CredentialKey;

/// What all that is sealed here begins with: the version of its form.
const FORM: u8 = 1;
/// What it is bound to, besides who owns it.
const BOUND: &[u8] = b"minireipaz credential 1";
const NONCE: usize = 24;
const KEY: usize = 32;
const LONGEST_ID: usize = 32;

/// The keys, of which the first one seals and all open. `CREDENTIAL_KEYS`.
#[derive(Clone)]
pub struct CredentialKeys(Arc<[Key]>);

struct Key {
    id: String,
    cipher: XChaCha20Poly1305,
}

/// What is sealed, and for what: it opens for nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The values of a credential.
    Values,
    /// What a provider gave for it.
    Tokens,
    /// What comes back from a provider with a person's browser.
    Consent,
}

impl Purpose {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Values => b"values",
            Self::Tokens => b"tokens",
            Self::Consent => b"consent",
        }
    }
}

/// Something sealed: `1`, the length of the key's id, the key's id, the nonce, and what the cipher gave.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    bytes: Vec<u8>,
    key_id: String,
}

/// A text that is no list of keys. It never repeats one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; write <id>:<key>,… with ids of letters, digits, - and _, each key 32 bytes in base64 (openssl rand -base64 32)"
)]
pub struct InvalidKeys(&'static str);

/// Bytes that are nothing sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is sealed has another form than expected")]
pub struct InvalidSealed;

/// Why something sealed does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// Its key is gone.
    #[error("it is sealed with the key {0:?}, which CREDENTIAL_KEYS does not have")]
    UnknownKey(String),
    /// It was changed, or is another's.
    #[error("it does not open with the key {0:?}: it is damaged, or that key has another value")]
    Damaged(String),
    /// It opens, and is not what it should be.
    #[error("what it holds cannot be read")]
    Unreadable,
}

impl CredentialKeys {
    /// Seals for the owner and the purpose, with the first key.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        reason = "the system's randomness does not fail, and texts are short"
    )]
    pub fn seal(&self, purpose: Purpose, owner: &CredentialKey, plain: &[u8]) -> Sealed {
        let key = &self.0[0];
        let mut nonce = [0; NONCE];
        fill(&mut nonce).expect("randomness");
        let bound = bound(purpose, &key.id, owner);
        let payload = Payload { msg: plain, aad: &bound };
        let cipher = key.cipher.encrypt(&XNonce::from(nonce), payload).expect("a short text");
        let length = u8::try_from(key.id.len()).unwrap_or(u8::MAX);
        let bytes = [&[FORM, length][..], key.id.as_bytes(), &nonce, &cipher].concat();
        Sealed { bytes, key_id: key.id.clone() }
    }

    /// Opens what was sealed for the owner and the purpose.
    ///
    /// # Errors
    /// When its key is not there, or it was sealed for something else, or changed.
    pub fn open(
        &self,
        purpose: Purpose,
        owner: &CredentialKey,
        sealed: &Sealed,
    ) -> Result<Vec<u8>, NotOpened> {
        let id = &sealed.key_id;
        let key = self.0.iter().find(|key| key.id == *id).ok_or_else(|| NotOpened::UnknownKey(id.clone()))?;
        let damaged = || NotOpened::Damaged(id.clone());
        let rest = sealed.bytes.get(2 + id.len()..).ok_or_else(damaged)?;
        let (nonce, cipher) = rest.split_first_chunk::<NONCE>().ok_or_else(damaged)?;
        let bound = bound(purpose, id, owner);
        let payload = Payload { msg: cipher, aad: &bound };
        key.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| damaged())
    }
}

/// Neither ids nor tenants have a zero byte, so the parts cannot run together.
fn bound(purpose: Purpose, key_id: &str, (tenant, credential): &CredentialKey) -> Vec<u8> {
    let parts: [&[u8]; 5] =
        [BOUND, purpose.name(), key_id.as_bytes(), tenant.as_str().as_bytes(), credential.0.as_bytes()];
    parts.join(&0)
}

impl Sealed {
    /// What is kept of it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The id of the key that opens it.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Reads what was kept.
    ///
    /// # Errors
    /// When it has another form.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, InvalidSealed> {
        let (&form, rest) = bytes.split_first().ok_or(InvalidSealed)?;
        let (&length, rest) = rest.split_first().ok_or(InvalidSealed)?;
        let id =
            rest.get(..length.into()).and_then(|id| std::str::from_utf8(id).ok()).ok_or(InvalidSealed)?;
        if form != FORM || !is_id(id) || rest.len() < id.len() + NONCE {
            return Err(InvalidSealed);
        }
        let key_id = id.to_owned();
        Ok(Self { bytes, key_id })
    }
}

fn is_id(text: &str) -> bool {
    let is_of_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !text.is_empty() && text.len() <= LONGEST_ID && text.bytes().all(is_of_id)
}

impl FromStr for CredentialKeys {
    type Err = InvalidKeys;

    fn from_str(text: &str) -> Result<Self, InvalidKeys> {
        let mut keys: Vec<Key> = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (id, key) = part.split_once(':').ok_or(InvalidKeys("a key has no id"))?;
            let (id, key) = (id.trim(), BASE64_STANDARD.decode(key.trim()));
            let key = key.map_err(|_| InvalidKeys("a key is not base64"))?;
            if !is_id(id) {
                return Err(InvalidKeys("an id has other characters than it may, or more than 32"));
            }
            if keys.iter().any(|known| known.id == id) {
                return Err(InvalidKeys("two keys have the same id"));
            }
            if key.len() != KEY {
                return Err(InvalidKeys("a key has not 32 bytes"));
            }
            let cipher =
                XChaCha20Poly1305::new_from_slice(&key).map_err(|_| InvalidKeys("a key has not 32 bytes"))?;
            keys.push(Key { id: id.to_owned(), cipher });
        }
        if keys.is_empty() { Err(InvalidKeys("there is no key")) } else { Ok(Self(keys.into())) }
    }
}

/// The keys' ids alone.
impl fmt::Debug for CredentialKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes, key {:?})", self.bytes.len(), self.key_id)
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::{CredentialId, TenantId};
    use uuid::Uuid;

    use super::*;

    fn key(byte: u8) -> String {
        BASE64_STANDARD.encode([byte; KEY])
    }

    fn keys(text: &str) -> CredentialKeys {
        text.parse().unwrap()
    }

    fn owner(tenant: &str, id: u128) -> CredentialKey {
        (TenantId::parse(tenant).unwrap(), CredentialId(Uuid::from_u128(id)))
    }

    #[test]
    fn the_first_key_seals_and_all_open_until_one_is_gone() {
        let (old, new) = (format!("old:{}", key(1)), format!("new:{}", key(2)));
        let owner = owner("acme", 7);
        let before = keys(&old).seal(Purpose::Values, &owner, b"hush");
        let both = keys(&format!("{new}, {old}"));
        let after = both.seal(Purpose::Values, &owner, b"hush");
        assert_eq!((before.key_id(), after.key_id()), ("old", "new"));
        for sealed in [&before, &after] {
            assert_eq!(both.open(Purpose::Values, &owner, sealed).unwrap(), b"hush");
        }
        let refused = keys(&new).open(Purpose::Values, &owner, &before);
        assert_eq!(refused, Err(NotOpened::UnknownKey("old".to_owned())));
        let other = keys(&format!("old:{}", key(3))).open(Purpose::Values, &owner, &before);
        assert_eq!(other, Err(NotOpened::Damaged("old".to_owned())));
        assert_eq!(format!("{both:?} {before:?}"), r#"["new", "old"] Sealed(49 bytes, key "old")"#);
    }

    #[test]
    fn it_opens_for_its_owner_and_its_purpose_alone_and_whole() {
        let keys = keys(&format!("k:{}", key(1)));
        let owner_ = owner("acme", 7);
        let sealed = keys.seal(Purpose::Values, &owner_, b"hush");
        let opens =
            |purpose, owner: &CredentialKey, sealed: &Sealed| keys.open(purpose, owner, sealed).is_ok();
        assert!(opens(Purpose::Values, &owner_, &sealed));
        assert!(!opens(Purpose::Tokens, &owner_, &sealed));
        assert!(!opens(Purpose::Values, &owner("acm", 7), &sealed));
        assert!(!opens(Purpose::Values, &owner("acme", 8), &sealed));
        for at in 0..sealed.as_bytes().len() {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[at] ^= 1;
            if let Ok(changed) = Sealed::parse(bytes) {
                assert!(!opens(Purpose::Values, &owner_, &changed), "byte {at}");
            }
        }
        for length in 0..sealed.as_bytes().len() {
            if let Ok(cut) = Sealed::parse(sealed.as_bytes()[..length].to_vec()) {
                assert!(!opens(Purpose::Values, &owner_, &cut), "{length} bytes");
            }
        }
        let again = keys.seal(Purpose::Values, &owner_, b"hush");
        assert_ne!(again, sealed, "the same text is never the same sealed");
        assert_eq!(Sealed::parse(sealed.as_bytes().to_vec()), Ok(sealed));
    }

    #[test]
    fn what_is_no_list_of_keys_is_refused_without_repeating_it() {
        for wrong in [
            String::new(),
            key(1),
            format!(":{}", key(1)),
            "k:hush".to_owned(),
            format!("k:{}", BASE64_STANDARD.encode("hush")),
            format!("k:{0},k:{0}", key(1)),
            format!("a b:{}", key(1)),
        ] {
            let error = wrong.parse::<CredentialKeys>().unwrap_err().to_string();
            assert!(!error.contains("hush") && !error.contains(&key(1)), "{error}");
        }
    }
}
