//! Reads credentials and opens them, for as long as somebody needs them.
//!
//! What was read a moment ago is not read again: a step that calls a thousand times asks once. Only what is sealed is
//! kept. While the store is away, what was read lately serves: runs that use a credential then go on, and one that was
//! rotated or deleted in the meantime cannot have been told.

use std::{fmt, sync::Arc, time::Duration};

use domain::{
    credential::{CredentialKey, CredentialValues, Grant, Hosts},
    ids::CredentialId,
};
use quick_cache::{
    DefaultHashBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};
use tokio::time::Instant;
use uuid::Uuid;

use super::{CredentialKeys, NotOpened, Purpose, Tokens};
use crate::{
    remembered,
    store::{ClaimKey, Store, StoreError, StoredCredential, StoredTokens},
};

/// For so long a credential may be used as it was before it was rotated.
const FRESH: Duration = Duration::from_secs(3);
/// For so long also while the store is away.
const STALE: Duration = Duration::from_secs(600);
/// Sealed bytes that are kept.
const CACHE_BYTES: usize = 16 << 20;
/// What the cache expects a credential to be, to size its tables.
const USUAL_BYTES: usize = 1 << 10;

/// Opens credentials.
///
/// For a function that checks a webhook: `Vault::new(store, keys)` once a process, then `vault.open(&(tenant, id))`.
pub struct Vault {
    store: Arc<dyn Store>,
    keys: CredentialKeys,
    read: Cache<CredentialKey, Read, BySize>,
}

/// A credential in clear. It is not kept: who needs it again opens it again.
#[derive(Debug, Clone)]
pub struct OpenCredential {
    /// Whose it is, and which.
    pub key: CredentialKey,
    /// What people call it.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Where it may be shown.
    pub hosts: Hosts,
    /// What it says.
    pub values: CredentialValues,
    /// What a provider gave for it.
    pub granted: Granted,
}

/// What a provider gave for a credential, or did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// Nothing yet.
    Nothing {
        /// What the next that it gives is to follow.
        generation: u32,
    },
    /// It does not renew the access any more.
    Refused {
        /// What the next that it gives is to follow.
        generation: u32,
    },
    /// Tokens.
    Tokens {
        /// The how manieth.
        generation: u32,
        /// They.
        tokens: Tokens,
    },
}

impl Granted {
    /// How often the provider gave something, or refused to.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        match self {
            Self::Nothing { generation } | Self::Refused { generation } | Self::Tokens { generation, .. } => {
                *generation
            }
        }
    }
}

/// Why a credential is not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The store did not answer: it may later.
    #[error("the credential {0} cannot be read now: {1}")]
    Away(CredentialId, String),
    /// There is none.
    #[error(
        "there is no credential {0}, or it was deleted; choose the id of one that is there, of the same tenant"
    )]
    Missing(CredentialId),
    /// What is stored of it cannot be used.
    #[error("the credential {0} cannot be used: {1}; save its values again")]
    Unreadable(CredentialId, String),
}

/// What was read: sealed, as it is stored.
#[derive(Clone)]
struct Read {
    credential: Arc<StoredCredential>,
    tokens: Option<Arc<StoredTokens>>,
    at: Instant,
}

#[derive(Clone)]
struct BySize;

impl Weighter<CredentialKey, Read> for BySize {
    fn weight(&self, _: &CredentialKey, read: &Read) -> u64 {
        let tokens = read.tokens.as_ref().map_or(0, |tokens| tokens.sealed.as_bytes().len());
        // What its key and its names take, about.
        (256 + read.credential.sealed.as_bytes().len() + tokens) as u64
    }
}

impl Vault {
    /// Opens with these keys what this store has.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, keys: CredentialKeys) -> Self {
        let options = remembered::options(CACHE_BYTES / USUAL_BYTES, CACHE_BYTES, |options| {
            // One lock, so that the largest has room.
            options.shards(1);
        });
        let hasher = DefaultHashBuilder::default();
        Self { store, keys, read: Cache::with_options(options, BySize, hasher, DefaultLifecycle::default()) }
    }

    /// The credential, in clear; as it was some seconds ago at the earliest, or some minutes while the store is away.
    ///
    /// # Errors
    /// When it is not there, or cannot be read now, or not opened.
    pub async fn open(&self, key: &CredentialKey) -> Result<OpenCredential, OpenError> {
        let known = self.read.get(key);
        if let Some(read) = known.as_ref().filter(|read| read.at.elapsed() < FRESH) {
            return self.opened(key, read);
        }
        match self.reread(key).await {
            Err(OpenError::Away(..)) if known.as_ref().is_some_and(|read| read.at.elapsed() < STALE) => {
                known.map_or(Err(OpenError::Missing(key.1)), |read| self.opened(key, &read))
            }
            read => self.opened(key, &read?),
        }
    }

    /// The credential, in clear, read now.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_now(&self, key: &CredentialKey) -> Result<OpenCredential, OpenError> {
        let read = self.reread(key).await?;
        self.opened(key, &read)
    }

    async fn reread(&self, key: &CredentialKey) -> Result<Read, OpenError> {
        let at = Instant::now();
        let read = self.read_from_store(key, at).await;
        match &read {
            Ok(read) => self.read.insert(key.clone(), read.clone()),
            Err(OpenError::Away(..)) => {}
            // It is not used any more once somebody knows that it is gone.
            Err(OpenError::Missing(_) | OpenError::Unreadable(..)) => {
                self.read.remove(key);
            }
        }
        read
    }

    async fn read_from_store(&self, key: &CredentialKey, at: Instant) -> Result<Read, OpenError> {
        let id = key.1;
        let failed = |error: StoreError| match error {
            StoreError::Unreadable(why) => OpenError::Unreadable(id, why.to_string()),
            error => OpenError::Away(id, error.to_string()),
        };
        let found = self.store.credential(key).await.map_err(failed)?.ok_or(OpenError::Missing(id))?;
        let credential = found.map_err(|why| OpenError::Unreadable(id, why.to_string()))?;
        let tokens = match credential.grant {
            Some(Grant::AuthorizationCode) => self.store.tokens(key).await.map_err(failed)?.map(Arc::new),
            Some(Grant::ClientCredentials) | None => None,
        };
        Ok(Read { credential: Arc::new(credential), tokens, at })
    }

    fn opened(&self, key: &CredentialKey, read: &Read) -> Result<OpenCredential, OpenError> {
        let stored = &read.credential;
        let unreadable = |why: NotOpened| OpenError::Unreadable(key.1, why.to_string());
        let plain = self.keys.open(Purpose::Values, key, &stored.sealed).map_err(unreadable)?;
        let values = serde_json::from_slice(&plain).map_err(|_| unreadable(NotOpened::Unreadable))?;
        let values =
            CredentialValues::read(stored.kind, &values).map_err(|_| unreadable(NotOpened::Unreadable))?;
        let granted = match (&values, &read.tokens) {
            (_, None) => Granted::Nothing { generation: 0 },
            (_, Some(tokens)) if tokens.refused => Granted::Refused { generation: tokens.generation },
            (values, Some(stored)) => {
                let generation = stored.generation;
                let plain = self.keys.open(Purpose::Tokens, key, &stored.sealed).map_err(unreadable)?;
                let tokens: Tokens =
                    serde_json::from_slice(&plain).map_err(|_| unreadable(NotOpened::Unreadable))?;
                match values {
                    CredentialValues::OAuth2(client) if tokens.are_of(client) => {
                        Granted::Tokens { generation, tokens }
                    }
                    // The client was rotated to another one.
                    _ => Granted::Nothing { generation },
                }
            }
        };
        let (name, hosts) = (stored.name.clone(), stored.hosts.clone());
        Ok(OpenCredential { key: key.clone(), name, version: stored.version, hosts, values, granted })
    }

    /// Seals what a provider gave; `None`: that it refuses.
    ///
    /// # Errors
    /// None that can happen: they are written as JSON.
    pub fn seal_tokens(
        &self,
        key: &CredentialKey,
        generation: u32,
        tokens: Option<&Tokens>,
    ) -> Result<StoredTokens, serde_json::Error> {
        let plain = serde_json::to_vec(&tokens)?;
        let sealed = self.keys.seal(Purpose::Tokens, key, &plain);
        Ok(StoredTokens { generation, refused: tokens.is_none(), sealed })
    }

    /// What is claimed by who is about to ask the provider for the next tokens: not what a change of the values is.
    #[must_use]
    pub fn claim_to_tokens((tenant, id): &CredentialKey) -> ClaimKey {
        (tenant.clone(), Uuid::new_v5(&id.0, b"tokens"))
    }

    /// Uses from now on what a provider gave, or refused, without reading it again.
    pub fn learn(&self, key: &CredentialKey, tokens: &StoredTokens) {
        if let Some(read) = self.read.get(key) {
            self.read.insert(key.clone(), Read { tokens: Some(Arc::new(tokens.clone())), ..read });
        }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("keys", &self.keys).finish_non_exhaustive()
    }
}
