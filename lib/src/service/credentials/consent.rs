//! A person agrees at a provider that a credential may act for them (OAuth 2.0, authorization code with PKCE).

use domain::{
    credential::{CredentialKey, CredentialValues},
    ids::CredentialId,
    timestamp::Timestamp,
};
use serde::Serialize;
use url::Url;

use super::{Caller, CredentialError, Credentials};
use crate::credentials::{
    ConsentState, NotOpened, Purpose,
    oauth2::{Pkce, consent_url},
    worker::Exchange,
};

/// Where a person agrees.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Consent {
    /// The provider's page.
    #[schema(value_type = String, format = "uri")]
    pub url: Url,
    /// Until when the person may agree.
    pub expires_at: Timestamp,
}

impl Credentials {
    /// Where a person agrees that this credential may act for them. Whoever opens the address and agrees gives it their
    /// access, so it is for one person alone.
    ///
    /// # Errors
    /// When it does not exist, needs nobody's consent, or something is not set up.
    pub async fn ask_consent(&self, caller: &Caller, id: CredentialId) -> Result<Consent, CredentialError> {
        let keys = self.keys()?;
        // It would be of no use later.
        self.worker.as_ref().ok_or(CredentialError::NoWorker)?;
        let redirect_uri = self.redirect_uri.as_deref().ok_or(CredentialError::NoAddress)?;
        let key = (caller.tenant.clone(), id);
        let stored = self.newest(&key).await?;
        let plain = keys.open(Purpose::Values, &key, &stored.sealed)?;
        let values = serde_json::from_slice(&plain).map_err(|_| NotOpened::Unreadable)?;
        let values = CredentialValues::read(stored.kind, &values).map_err(|_| NotOpened::Unreadable)?;
        let CredentialValues::OAuth2(client) = values else { return Err(CredentialError::NoConsent(id)) };
        let pkce = Pkce::of(rand::random());
        let state = ConsentState::new(key, pkce.verifier, self.clock.now());
        let sealed = state.seal(keys).map_err(|_| CredentialError::Unwritable)?;
        let url = consent_url(&client, redirect_uri, &sealed, &pkce.challenge);
        let url = url.ok_or(CredentialError::NoConsent(id))?;
        Ok(Consent { url, expires_at: Timestamp::from_millis(state.expires) })
    }

    /// Takes what the provider sent the person back with: the code becomes tokens, which a worker keeps. The credential's
    /// name, for the person to see.
    ///
    /// # Errors
    /// When the state was not made here or is too old, the provider takes the code for none, or no worker answers.
    pub async fn take_consent(&self, state: &str, code: String) -> Result<String, CredentialError> {
        let state = self.consent(state)?;
        let worker = self.worker.as_ref().ok_or(CredentialError::NoWorker)?;
        let redirect_uri = self.redirect_uri.clone().ok_or(CredentialError::NoAddress)?;
        let key: CredentialKey = state.key();
        let stored = self.newest(&key).await?;
        let exchange = Exchange { tenant: key.0, code, verifier: state.verifier, redirect_uri };
        worker.exchange(key.1, &exchange).await?;
        Ok(stored.name)
    }

    /// The consent that a state is of.
    ///
    /// # Errors
    /// When it was not made here or is too old.
    pub fn consent(&self, state: &str) -> Result<ConsentState, CredentialError> {
        Ok(ConsentState::open(state, self.keys()?, self.clock.now())?)
    }
}
