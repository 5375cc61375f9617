//! Credentials, sealed, and what providers gave for them.

use async_trait::async_trait;
use domain::{
    credential::{Credential, CredentialKey, CredentialStatus, CredentialType, Grant, Hosts},
    ids::{CredentialId, TenantId, WorkflowId},
    timestamp::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{Found, Page, PageRequest, StoreError};
use crate::credentials::Sealed;

/// Credentials, sealed, and what providers gave for them.
#[async_trait]
pub trait CredentialStore: Send + Sync + 'static {
    /// Saves a version; what was saved before changes nothing.
    async fn save_credential(
        &self,
        tenant: &TenantId,
        credential: &StoredCredential,
    ) -> Result<(), StoreError>;

    /// Deletes it: reads do not find it any more. The deletion is a version of its own.
    async fn delete_credential(
        &self,
        key: &CredentialKey,
        version: u32,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Its newest version; `None`: there is none, or it is deleted.
    async fn credential(&self, key: &CredentialKey) -> Result<Option<FoundCredential>, StoreError>;

    /// Keeps what a provider gave, or that it refuses; what is of an older generation changes nothing.
    async fn save_tokens(&self, key: &CredentialKey, tokens: &StoredTokens) -> Result<(), StoreError>;

    /// The newest that a provider gave. It sees what was acknowledged before it.
    async fn tokens(&self, key: &CredentialKey) -> Result<Option<StoredTokens>, StoreError>;

    /// Credentials by `updated_at`, newest first.
    async fn list_credentials(
        &self,
        tenant: &TenantId,
        page: &PageRequest,
    ) -> Result<Page<Credential>, StoreError>;

    /// How many a tenant has.
    async fn count_credentials(&self, tenant: &TenantId) -> Result<u64, StoreError>;

    /// The workflows whose newest versions name it, by name; at most so many.
    async fn used_by(&self, key: &CredentialKey, most: usize) -> Result<Vec<UsedBy>, StoreError>;
}

/// A version of a credential.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredCredential {
    /// Its id.
    pub id: CredentialId,
    /// What people call it.
    pub name: String,
    /// Its type.
    pub kind: CredentialType,
    /// Where it may be shown.
    pub hosts: Hosts,
    /// Whose access it is, of OAuth 2.0.
    pub grant: Option<Grant>,
    /// 1, 2, …
    pub version: u32,
    /// What it says.
    pub sealed: Sealed,
    /// When version 1 was saved.
    pub created_at: Timestamp,
    /// When this version was saved.
    pub updated_at: Timestamp,
}

/// What a read found under a credential's key.
pub type FoundCredential = Found<StoredCredential>;

/// What a provider gave for a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTokens {
    /// 1, 2, …: of two the higher one is true.
    pub generation: u32,
    /// The provider does not renew the access any more.
    pub refused: bool,
    /// The tokens.
    pub sealed: Sealed,
}

/// A workflow that names a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
pub struct UsedBy {
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// What people call it.
    pub name: String,
}

impl StoredCredential {
    /// As people see it. `refused` says what there is of tokens: none, some, or a refusal.
    #[must_use]
    pub fn summary(&self, refused: Option<bool>) -> Credential {
        Credential {
            id: self.id,
            name: self.name.clone(),
            kind: self.kind,
            hosts: self.hosts.clone(),
            version: self.version,
            status: status(self.grant, refused),
            key: self.sealed.key_id().to_owned(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// Whether a credential can be used, by its grant and by what there is of tokens.
pub(super) fn status(grant: Option<Grant>, refused: Option<bool>) -> CredentialStatus {
    match (grant, refused) {
        (Some(Grant::AuthorizationCode), None | Some(true)) => CredentialStatus::NeedsConsent,
        _ => CredentialStatus::Ready,
    }
}

/// A credential in memory: its newest version, or none when it is deleted.
#[derive(Debug, Clone)]
#[cfg(any(test, feature = "testing"))]
pub(super) struct CredentialRow {
    version: u32,
    credential: Option<StoredCredential>,
}

#[cfg(any(test, feature = "testing"))]
mod in_memory {
    use domain::credential::named_in;

    use super::*;
    use crate::store::{
        Cursor,
        memory::{Call, MemoryStore, State, keep_newest, page},
    };

    #[expect(missing_docs, reason = "the trait says what they are")]
    impl Call {
        pub const SAVE_CREDENTIAL: Self = Self::write("save credential");
        pub const DELETE_CREDENTIAL: Self = Self::write("delete credential");
        pub const CREDENTIAL: Self = Self::read("credential");
        pub const SAVE_TOKENS: Self = Self::write("save tokens");
        pub const TOKENS: Self = Self::read("tokens");
        pub const LIST_CREDENTIALS: Self = Self::read("list credentials");
        pub const COUNT_CREDENTIALS: Self = Self::read("count credentials");
        pub const USED_BY: Self = Self::read("used by");
    }

    #[async_trait]
    impl CredentialStore for MemoryStore {
        async fn save_credential(
            &self,
            tenant: &TenantId,
            credential: &StoredCredential,
        ) -> Result<(), StoreError> {
            self.write(Call::SAVE_CREDENTIAL, |state| {
                let row = CredentialRow { version: credential.version, credential: Some(credential.clone()) };
                keep_newest(&mut state.credentials, (tenant.clone(), credential.id), row, |row| row.version);
                Ok(())
            })
            .await
        }

        async fn delete_credential(
            &self,
            key: &CredentialKey,
            version: u32,
            _: Timestamp,
        ) -> Result<(), StoreError> {
            self.write(Call::DELETE_CREDENTIAL, |state| {
                let row = CredentialRow { version, credential: None };
                keep_newest(&mut state.credentials, key.clone(), row, |row| row.version);
                Ok(())
            })
            .await
        }

        async fn credential(&self, key: &CredentialKey) -> Result<Option<FoundCredential>, StoreError> {
            self.read(Call::CREDENTIAL, |state| {
                let found = state.credentials.get(key)?.credential.clone()?;
                Some(state.readable(key.1.0).map(|()| found))
            })
            .await
        }

        async fn save_tokens(&self, key: &CredentialKey, tokens: &StoredTokens) -> Result<(), StoreError> {
            self.write(Call::SAVE_TOKENS, |state| {
                keep_newest(&mut state.tokens, key.clone(), tokens.clone(), |tokens| tokens.generation);
                Ok(())
            })
            .await
        }

        async fn tokens(&self, key: &CredentialKey) -> Result<Option<StoredTokens>, StoreError> {
            self.read(Call::TOKENS, |state| state.tokens.get(key).cloned()).await
        }

        async fn list_credentials(
            &self,
            tenant: &TenantId,
            request: &PageRequest,
        ) -> Result<Page<Credential>, StoreError> {
            self.read(Call::LIST_CREDENTIALS, |state| {
                let rows = of_tenant(state, tenant).map(|credential| {
                    let refused =
                        state.tokens.get(&(tenant.clone(), credential.id)).map(|found| found.refused);
                    let place = Cursor { at: credential.updated_at, id: credential.id.0 };
                    (place, state.readable(place.id).map(|()| credential.summary(refused)))
                });
                page(rows.collect(), request)
            })
            .await
        }

        async fn count_credentials(&self, tenant: &TenantId) -> Result<u64, StoreError> {
            self.read(Call::COUNT_CREDENTIALS, |state| of_tenant(state, tenant).count() as u64).await
        }

        async fn used_by(&self, key: &CredentialKey, most: usize) -> Result<Vec<UsedBy>, StoreError> {
            self.read(Call::USED_BY, |state| {
                let mut using: Vec<_> = state
                    .workflows
                    .iter()
                    .filter(|((owner, _), _)| *owner == key.0)
                    .filter_map(|(_, (_, workflow))| workflow.as_ref())
                    .filter(|workflow| {
                        let document = serde_json::from_str(workflow.document.as_str()).unwrap_or_default();
                        named_in(&document).contains(&key.1)
                    })
                    .map(|it| UsedBy { workflow_id: it.summary.id, name: it.summary.name.clone() })
                    .collect();
                using.sort_by(|a, b| (&a.name, a.workflow_id).cmp(&(&b.name, b.workflow_id)));
                using.truncate(most);
                using
            })
            .await
        }
    }

    fn of_tenant<'s>(state: &'s State, tenant: &TenantId) -> impl Iterator<Item = &'s StoredCredential> {
        let owned = state.credentials.iter().filter(move |((owner, _), _)| owner == tenant);
        owned.filter_map(|(_, row)| row.credential.as_ref())
    }
}
