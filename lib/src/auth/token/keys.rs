//! The issuer's public keys (RFC 7517), and which of them a token names.

use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

use super::Algorithm;

/// Keys that sign tokens. Others in the issuer's set (for encryption, of other kinds, shared secrets) are left out.
pub(super) struct KeySet {
    /// Differs between sets that differ.
    pub(super) generation: u64,
    keys: Vec<Key>,
}

struct Key {
    id: Option<String>,
    /// The only algorithm that the key is for: it follows from the key, never from the token.
    algorithm: Algorithm,
    key: DecodingKey,
}

/// What a token says about its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
}

/// Which key a token names.
pub(super) enum Found<'a> {
    Key(&'a DecodingKey),
    /// There is such a key, for another algorithm.
    OtherAlgorithm,
    None,
}

/// The most keys of a set that are looked at.
const MAX_KEYS: usize = 100;

impl KeySet {
    /// Reads a JSON Web Key Set. Keys that are not understood are left out, as RFC 7517 section 5 asks.
    pub(super) fn parse(json: &[u8], generation: u64) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = serde_json::from_slice(json)?;
        let keys = set.keys.into_iter().take(MAX_KEYS);
        let keys = keys.filter_map(|key| serde_json::from_value(key).ok().and_then(|jwk: Jwk| Key::of(&jwk)));
        Ok(Self { generation, keys: keys.collect() })
    }

    /// The key that a token names. A token may leave the name out when only one key can be meant.
    pub(super) fn find(&self, wanted: &Wanted) -> Found<'_> {
        let Some(id) = &wanted.id else {
            let mut keys = self.keys.iter().filter(|key| key.algorithm == wanted.algorithm);
            return match (keys.next(), keys.next()) {
                (Some(only), None) => Found::Key(&only.key),
                _ => Found::None,
            };
        };
        let named = || self.keys.iter().filter(|key| key.id.as_ref() == Some(id));
        match named().find(|key| key.algorithm == wanted.algorithm) {
            Some(key) => Found::Key(&key.key),
            None if named().next().is_some() => Found::OtherAlgorithm,
            None => Found::None,
        }
    }
}

impl Key {
    fn of(jwk: &Jwk) -> Option<Self> {
        if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
            return None;
        }
        let (algorithm, name) = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => (Algorithm::Rs256, KeyAlgorithm::RS256),
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                (Algorithm::Es256, KeyAlgorithm::ES256)
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                (Algorithm::EdDsa, KeyAlgorithm::EdDSA)
            }
            _ => return None,
        };
        if jwk.common.key_algorithm.is_some_and(|said| said != name) {
            return None;
        }
        let key = DecodingKey::from_jwk(jwk).ok()?;
        Some(Self { id: jwk.common.key_id.clone(), algorithm, key })
    }
}
