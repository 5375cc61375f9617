//! Verifies bearer tokens.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm as Named, Validation, errors::ErrorKind};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Algorithm, AuthConfig, AuthError, Principal,
    claims::{self, Claims},
    keys::{Found, KeySet, Wanted},
    source::KeySource,
    verified::{self, Verified},
};
use crate::clock::Clock;

/// Longest accepted token, in bytes: what common servers take as a header.
const MAX_TOKEN: usize = 8 * 1024;

/// Verifies bearer tokens of one issuer.
pub struct Authenticator {
    config: AuthConfig,
    clock: Arc<dyn Clock>,
    keys: KeySource,
    verified: Verified,
}

impl Authenticator {
    /// An authenticator whose keys are fetched from the issuer when they are first needed.
    #[must_use]
    pub fn new(config: AuthConfig, clock: Arc<dyn Clock>) -> Self {
        let keys = KeySource::fetched(config.jwks_url.clone(), Arc::clone(&clock));
        Self { config, clock, keys, verified: Verified::default() }
    }

    /// An authenticator with the given JSON Web Key Set, for tests and for where the keys are at hand.
    ///
    /// # Errors
    /// When it is not a key set.
    pub fn with_keys(
        config: AuthConfig,
        jwks: &Value,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, serde_json::Error> {
        let keys = KeySource::fixed(KeySet::parse(jwks.to_string().as_bytes(), 0)?, Arc::clone(&clock));
        Ok(Self { config, clock, keys, verified: Verified::default() })
    }

    /// Who presents this token (what follows `Bearer` in the header).
    ///
    /// # Errors
    /// Why the token is not accepted, or that the issuer's keys cannot be had.
    pub async fn authenticate(&self, token: &str) -> Result<Principal, AuthError> {
        if token.len() > MAX_TOKEN {
            return Err(AuthError::Malformed("it is longer than 8 KiB"));
        }
        let digest = verified::digest(token);
        if let Some(generation) = self.keys.fresh_generation()
            && let Some(principal) = self.verified.get(&digest, generation, self.clock.now())
        {
            return Ok(principal);
        }
        // Before any fetch: what is no token of ours must not cost the issuer a request.
        let wanted = self.wanted(token)?;
        let keys = self.keys.with(&wanted).await?;
        let claims = verify(token, &keys, &wanted)?;
        let (principal, expires) = claims::check(&claims, &self.config, self.clock.now())?;
        self.verified.put(digest, keys.generation, principal.clone(), expires);
        Ok(principal)
    }

    /// Which key the token's header names, if its algorithm is allowed.
    fn wanted(&self, token: &str) -> Result<Wanted, AuthError> {
        let Header { alg, kid, crit } =
            Header::of(token).ok_or(AuthError::Malformed("its header cannot be read"))?;
        if crit.is_some_and(|names| !names.is_empty()) {
            // RFC 7515 section 4.1.11: what is critical and not understood makes the token invalid.
            return Err(AuthError::Malformed("it needs an extension (crit) that is not known"));
        }
        match alg.parse() {
            Ok(algorithm) if self.config.algorithms.allow(algorithm) => Ok(Wanted { id: kid, algorithm }),
            _ => Err(AuthError::WrongAlgorithm),
        }
    }
}

/// What matters of a token's header (RFC 7515, section 4.1).
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Vec<String>>,
}

impl Header {
    /// The header of a token, which has three parts.
    fn of(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (Some(header), Some(_claims), Some(_signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()
    }
}

/// The claims, when the signature fits. All that they say is checked later, against our clock.
fn verify(token: &str, keys: &KeySet, wanted: &Wanted) -> Result<Claims, AuthError> {
    let key = match keys.find(wanted) {
        Found::Key(key) => key,
        Found::OtherAlgorithm => return Err(AuthError::WrongAlgorithm),
        Found::None => return Err(AuthError::UnknownKey),
    };
    let mut validation = Validation::new(match wanted.algorithm {
        Algorithm::Rs256 => Named::RS256,
        Algorithm::Es256 => Named::ES256,
        Algorithm::EdDsa => Named::EdDSA,
    });
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    let decoded = jsonwebtoken::decode::<Claims>(token, key, &validation);
    decoded.map(|token| token.claims).map_err(|error| match error.kind() {
        ErrorKind::InvalidSignature => AuthError::WrongSignature,
        ErrorKind::InvalidAlgorithm => AuthError::WrongAlgorithm,
        _ => AuthError::Malformed("its claims or its signature cannot be read"),
    })
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("config", &self.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
