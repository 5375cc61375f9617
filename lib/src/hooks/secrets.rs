//! The secrets that a webhook's credentials hold.

use std::{collections::BTreeMap, fmt};
#[cfg(any(test, feature = "testing"))]
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use domain::ids::{CredentialId, TenantId};
use secrecy::SecretString;

/// The fields of a credential, opened.
#[derive(Clone, Default)]
pub struct SecretFields(BTreeMap<String, SecretString>);

impl SecretFields {
    /// The field of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&SecretString> {
        self.0.get(name)
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for SecretFields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let field = |(name, value): (N, V)| (name.into(), SecretString::from(value.into()));
        Self(fields.into_iter().map(field).collect())
    }
}

impl fmt::Debug for SecretFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Who opens credentials for webhooks.
#[async_trait]
pub trait HookSecrets: Send + Sync + 'static {
    /// What a credential of that tenant holds.
    ///
    /// # Errors
    /// When there is no such credential, it cannot be opened here, or nobody answers.
    async fn get(
        &self,
        tenant: &TenantId,
        credential: CredentialId,
    ) -> Result<SecretFields, HookSecretsError>;
}

/// Why a credential's secrets cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HookSecretsError {
    /// The tenant has none of that id.
    #[error("there is no credential {0}")]
    NotFound(CredentialId),
    /// It is there, and is not what a webhook can use.
    #[error("credential {0} cannot be used here: {1}")]
    Unusable(CredentialId, String),
    /// Nobody answers now.
    #[error("credentials cannot be read now: {0}")]
    Unavailable(String),
}

/// Where no credentials are kept.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHookSecrets;

#[async_trait]
impl HookSecrets for NoHookSecrets {
    async fn get(&self, _: &TenantId, credential: CredentialId) -> Result<SecretFields, HookSecretsError> {
        let why = "no credentials are kept in this deployment".to_owned();
        Err(HookSecretsError::Unusable(credential, why))
    }
}

/// Credentials in memory, for tests.
#[cfg(any(test, feature = "testing"))]
#[derive(Debug, Default)]
pub struct MemoryHookSecrets(Mutex<HashMap<(TenantId, CredentialId), SecretFields>>);

#[cfg(any(test, feature = "testing"))]
impl MemoryHookSecrets {
    /// Keeps a credential.
    pub fn keep(&self, tenant: TenantId, credential: CredentialId, fields: SecretFields) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((tenant, credential), fields);
    }
}

#[cfg(any(test, feature = "testing"))]
#[async_trait]
impl HookSecrets for MemoryHookSecrets {
    async fn get(
        &self,
        tenant: &TenantId,
        credential: CredentialId,
    ) -> Result<SecretFields, HookSecretsError> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.get(&(tenant.clone(), credential)).cloned();
        found.ok_or(HookSecretsError::NotFound(credential))
    }
}
