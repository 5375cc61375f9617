//! Saving, listing, trying and deleting credentials; nobody reads what they say.
//!
//! There is no event for a change: a credential's values must not travel through topics, which keep what they are given,
//! and nothing that reads topics needs them. Workers read the sealed row from the store when a call needs it. So a
//! change is done when the store has it.

mod consent;
mod error;
mod input;

use std::{future::Future, sync::Arc};

use domain::{
    credential::{Credential, CredentialKey, CredentialValues, Grant},
    ids::CredentialId,
    limits::{MAX_CREDENTIALS, MAX_USED_BY},
};
use serde_json::{Map, Value};
use url::Url;

use super::{Caller, Precondition};
use crate::{
    claims::{self, Claims},
    clock::Clock,
    credentials::{
        CredentialKeys, Purpose, Sealed,
        worker::{CredentialWorker, Trial, TrialResult},
    },
    locks::Locks,
    store::{Claim, ClaimKey, Page, PageRequest, Store, StoredCredential, UsedBy},
};

pub use consent::Consent;
pub use error::CredentialError;
pub use input::{CredentialChange, NewCredential};

/// The use cases of credentials.
pub struct Credentials {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// `None`: there are no credentials here.
    keys: Option<CredentialKeys>,
    worker: Option<Arc<dyn CredentialWorker>>,
    /// Where providers send people back to.
    redirect_uri: Option<String>,
    writers: Locks<CredentialKey>,
    claims: Claims,
}

impl Credentials {
    /// The use cases over these parts.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        keys: Option<CredentialKeys>,
        worker: Option<Arc<dyn CredentialWorker>>,
        public_url: Option<&Url>,
    ) -> Self {
        let redirect_uri = public_url
            .map(|url| format!("{}/api/v1/credentials/callback", url.as_str().trim_end_matches('/')));
        let claims = Claims::new(Arc::clone(&store));
        Self { store, clock, keys, worker, redirect_uri, writers: Locks::new(), claims }
    }

    /// Saves a new credential.
    ///
    /// # Errors
    /// When it is not valid, there are too many, or the store does not take it.
    pub async fn create(&self, caller: &Caller, new: NewCredential) -> Result<Credential, CredentialError> {
        let keys = self.keys()?;
        let values = new.check()?;
        let NewCredential { name, kind, hosts, values: plain } = new;
        // Two at once may both be the last: a bound for people, not for what is counted to the last one.
        if self.store.count_credentials(&caller.tenant).await? >= MAX_CREDENTIALS as u64 {
            return Err(CredentialError::TooMany);
        }
        let now = self.clock.now();
        let id = CredentialId::at(now, rand::random());
        let sealed = seal(keys, &(caller.tenant.clone(), id), &plain)?;
        let (grant, version) = (grant_of(&values), 1);
        let stored = StoredCredential {
            id,
            name,
            kind,
            hosts,
            grant,
            version,
            sealed,
            created_at: now,
            updated_at: now,
        };
        self.store.save_credential(&caller.tenant, &stored).await?;
        Ok(stored.summary(None))
    }

    /// The newest version, without its values.
    ///
    /// # Errors
    /// When there is none or the store does not answer.
    pub async fn get(&self, caller: &Caller, id: CredentialId) -> Result<Credential, CredentialError> {
        let key = (caller.tenant.clone(), id);
        let stored = self.newest(&key).await?;
        self.shown(&key, &stored).await
    }

    /// Credentials by last change, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(
        &self,
        caller: &Caller,
        page: &PageRequest,
    ) -> Result<Page<Credential>, CredentialError> {
        Ok(self.store.list_credentials(&caller.tenant, page).await?)
    }

    /// The workflows whose newest versions name it, at most [`MAX_USED_BY`].
    ///
    /// # Errors
    /// When there is no such credential or the store does not answer.
    pub async fn used_by(&self, caller: &Caller, id: CredentialId) -> Result<Vec<UsedBy>, CredentialError> {
        let key = (caller.tenant.clone(), id);
        self.newest(&key).await?;
        Ok(self.store.used_by(&key, MAX_USED_BY).await?)
    }

    /// Saves the next version: what the change leaves out stays, and is sealed with the first key. Of concurrent calls
    /// with the same precondition one wins, in whatever processes they are.
    ///
    /// # Errors
    /// When it does not exist, the precondition fails, the change is not valid, or the store does not answer.
    pub async fn change(
        &self,
        caller: &Caller,
        id: CredentialId,
        precondition: &Precondition,
        change: CredentialChange,
    ) -> Result<Credential, CredentialError> {
        let keys = self.keys()?;
        let key = (caller.tenant.clone(), id);
        let _turn = self.writers.turn(key.clone()).await;
        let current = self.current(&key, precondition).await?;
        let values = change.check(current.kind)?;
        let content = uuid::Uuid::new_v4().to_string();
        let (current, claim) = self.claim(&key, precondition, &content, current).await?;
        let saved = async {
            let sealed = match &change.values {
                Some(plain) => seal(keys, &key, plain)?,
                None => keys.seal(Purpose::Values, &key, &keys.open(Purpose::Values, &key, &current.sealed)?),
            };
            let stored = StoredCredential {
                name: change.name.unwrap_or(current.name),
                hosts: change.hosts.unwrap_or(current.hosts),
                grant: values.map_or(current.grant, |values| grant_of(&values)),
                version: claim.version,
                sealed,
                // Time never runs backwards within a credential, whatever the clocks of two machines say.
                updated_at: self.clock.now().max(current.updated_at),
                ..current
            };
            self.store.save_credential(&key.0, &stored).await?;
            Ok(stored)
        };
        let stored = self.or_withdraw(&key, &claim, saved).await?;
        self.shown(&key, &stored).await
    }

    /// Deletes it. Unless it is forced, one that a workflow names stays.
    ///
    /// # Errors
    /// When it does not exist, is used, the precondition fails, or the store does not answer.
    pub async fn delete(
        &self,
        caller: &Caller,
        id: CredentialId,
        precondition: &Precondition,
        force: bool,
    ) -> Result<(), CredentialError> {
        let key = (caller.tenant.clone(), id);
        let _turn = self.writers.turn(key.clone()).await;
        let current = self.current(&key, precondition).await?;
        if !force {
            let used_by = self.store.used_by(&key, MAX_USED_BY).await?;
            if !used_by.is_empty() {
                return Err(CredentialError::Used(used_by));
            }
        }
        let (current, claim) = self.claim(&key, precondition, "", current).await?;
        let at = self.clock.now().max(current.updated_at);
        let deleted = async { Ok(self.store.delete_credential(&key, claim.version, at).await?) };
        self.or_withdraw(&key, &claim, deleted).await
    }

    /// Tries it: calls the address, or asks the provider for a token.
    ///
    /// # Errors
    /// When it does not exist, or no worker answers.
    pub async fn test(
        &self,
        caller: &Caller,
        id: CredentialId,
        url: Option<Url>,
    ) -> Result<TrialResult, CredentialError> {
        let key = (caller.tenant.clone(), id);
        self.keys()?;
        self.newest(&key).await?;
        let worker = self.worker.as_ref().ok_or(CredentialError::NoWorker)?;
        Ok(worker.test(id, &Trial { tenant: key.0, url }).await?)
    }

    fn keys(&self) -> Result<&CredentialKeys, CredentialError> {
        self.keys.as_ref().ok_or(CredentialError::NoKeys)
    }

    async fn newest(&self, key: &CredentialKey) -> Result<StoredCredential, CredentialError> {
        match self.store.credential(key).await? {
            None => Err(CredentialError::NotFound(key.1)),
            Some(Ok(stored)) => Ok(stored),
            Some(Err(unreadable)) => Err(CredentialError::Store(unreadable.into())),
        }
    }

    /// As people see it.
    async fn shown(
        &self,
        key: &CredentialKey,
        stored: &StoredCredential,
    ) -> Result<Credential, CredentialError> {
        let refused = match stored.grant {
            Some(Grant::AuthorizationCode) => self.store.tokens(key).await?.map(|tokens| tokens.refused),
            Some(Grant::ClientCredentials) | None => None,
        };
        Ok(stored.summary(refused))
    }

    /// What the next version follows, read now, if it is what `precondition` demands.
    async fn current(
        &self,
        key: &CredentialKey,
        precondition: &Precondition,
    ) -> Result<StoredCredential, CredentialError> {
        let current = self.newest(key).await?;
        match current.version {
            version if precondition.allows(version) => Ok(current),
            current => Err(CredentialError::VersionMismatch { current }),
        }
    }

    /// Claims the version after the newest, against other processes; `current` is what was read just now.
    async fn claim(
        &self,
        key: &CredentialKey,
        precondition: &Precondition,
        content: &str,
        mut current: StoredCredential,
    ) -> Result<(StoredCredential, Claim), CredentialError> {
        for tries in 1..=claims::TRIES {
            if let Some(claim) = self.claims.take(&subject(key), current.version + 1, content).await? {
                return Ok((current, claim));
            }
            tokio::time::sleep(claims::pause(tries)).await;
            current = self.current(key, precondition).await?;
        }
        Err(CredentialError::Busy)
    }

    /// Gives the claim up when the change was surely not made.
    async fn or_withdraw<T>(
        &self,
        key: &CredentialKey,
        claim: &Claim,
        change: impl Future<Output = Result<T, CredentialError>>,
    ) -> Result<T, CredentialError> {
        let done = change.await;
        let unknown = matches!(&done, Err(CredentialError::Store(crate::store::StoreError::Unavailable(_))));
        if done.is_err() && !unknown {
            self.claims.withdraw(&subject(key), claim).await;
        }
        done
    }
}

fn subject((tenant, id): &CredentialKey) -> ClaimKey {
    (tenant.clone(), id.0)
}

fn seal(
    keys: &CredentialKeys,
    key: &CredentialKey,
    values: &Map<String, Value>,
) -> Result<Sealed, CredentialError> {
    let plain = serde_json::to_vec(values).map_err(|_| CredentialError::Unwritable)?;
    Ok(keys.seal(Purpose::Values, key, &plain))
}

const fn grant_of(values: &CredentialValues) -> Option<Grant> {
    match values {
        CredentialValues::OAuth2(client) => Some(client.grant),
        _ => None,
    }
}
