//! What travels through a person's browser to a provider and back: which credential it is for, and the half of PKCE that
//! the provider must not know yet (RFC 7636). Sealed, so that nobody on the way reads or makes one, and short-lived.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    credential::CredentialKey,
    ids::{CredentialId, TenantId},
    timestamp::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{CredentialKeys, Purpose, Sealed};

/// Longer is no state.
const MAX_STATE: usize = 2_048;

/// A consent that was asked for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentState {
    /// Whose credential it is.
    #[serde(rename = "t")]
    pub tenant: TenantId,
    /// Which.
    #[serde(rename = "c")]
    pub credential: CredentialId,
    /// The `code_verifier`.
    #[serde(rename = "v")]
    pub verifier: String,
    /// Until when the person may agree, in milliseconds since 1970.
    #[serde(rename = "x")]
    pub expires: i64,
}

/// Why a text is no state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidState {
    /// It was not made here, or it is not whole.
    #[error("the state is not valid; begin again")]
    Forged,
    /// It took too long.
    #[error("it took too long; begin again")]
    Expired,
}

impl ConsentState {
    /// How long a person has to agree.
    pub const LASTS: Duration = Duration::from_secs(600);

    /// A new one for this credential.
    #[must_use]
    pub fn new((tenant, credential): CredentialKey, verifier: String, now: Timestamp) -> Self {
        Self { tenant, credential, verifier, expires: now.plus(Self::LASTS).as_millis() }
    }

    /// Whose credential it is, and which.
    #[must_use]
    pub fn key(&self) -> CredentialKey {
        (self.tenant.clone(), self.credential)
    }

    /// As it is handed to the provider.
    ///
    /// # Errors
    /// None that can happen: it is written as JSON.
    pub fn seal(&self, keys: &CredentialKeys) -> Result<String, serde_json::Error> {
        let sealed = keys.seal(Purpose::Consent, &nobody(), &serde_json::to_vec(self)?);
        Ok(URL_SAFE_NO_PAD.encode(sealed.as_bytes()))
    }

    /// Reads what the provider hands back.
    ///
    /// # Errors
    /// When it was not made with one of the keys, or its time is up.
    pub fn open(text: &str, keys: &CredentialKeys, now: Timestamp) -> Result<Self, InvalidState> {
        let bytes = (text.len() <= MAX_STATE).then(|| URL_SAFE_NO_PAD.decode(text).ok()).flatten();
        let sealed = bytes.and_then(|bytes| Sealed::parse(bytes).ok()).ok_or(InvalidState::Forged)?;
        let plain = keys.open(Purpose::Consent, &nobody(), &sealed).map_err(|_| InvalidState::Forged)?;
        let state: Self = serde_json::from_slice(&plain).map_err(|_| InvalidState::Forged)?;
        if now > Timestamp::from_millis(state.expires) { Err(InvalidState::Expired) } else { Ok(state) }
    }
}

/// Whose it is stands inside: who reads it does not know it yet.
fn nobody() -> CredentialKey {
    (TenantId::parse("-").expect("a tenant's id"), CredentialId(Uuid::nil()))
}

impl fmt::Debug for ConsentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsentState").field("credential", &self.credential).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_as_it_was_made_within_its_time_and_nobody_reads_it_on_the_way() {
        let key = base64::prelude::BASE64_STANDARD.encode([7; 32]);
        let keys: CredentialKeys = format!("k:{key}").parse().unwrap();
        let owner = (TenantId::parse("acme").unwrap(), CredentialId(Uuid::from_u128(7)));
        let now = Timestamp::from_millis(1_795_500_000_000);
        let state = ConsentState::new(owner.clone(), "hush-verifier".to_owned(), now);
        let sealed = state.seal(&keys).unwrap();
        let inside = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        assert!(!String::from_utf8_lossy(&inside).contains("hush") && !format!("{state:?}").contains("hush"));
        assert_eq!(state.key(), owner);
        let last = now.plus(ConsentState::LASTS);
        assert_eq!(ConsentState::open(&sealed, &keys, last), Ok(state));
        let late = last.plus(Duration::from_millis(1));
        assert_eq!(ConsentState::open(&sealed, &keys, late), Err(InvalidState::Expired));
        for forged in [&sealed[1..], "", "x", &"A".repeat(10_000), &sealed.replace(&sealed[60..64], "AAAA")] {
            assert_eq!(ConsentState::open(forged, &keys, now), Err(InvalidState::Forged), "{forged}");
        }
    }
}
