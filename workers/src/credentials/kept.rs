//! Tokens that the store does not have yet, sealed, in a file each: a provider gave them in the place of others, which it
//! does not take any more, so they must outlive this process.

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::{
    credential::CredentialKey,
    ids::{CredentialId, TenantId},
};
use minireipaz::{credentials::Sealed, store::StoredTokens};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

/// Where they are, in the worker's data folder.
pub(crate) const FOLDER: &str = "credential-tokens";

/// What is kept.
pub(super) struct Kept {
    /// `None`: in memory alone, as tests of single steps have it.
    folder: Option<PathBuf>,
    tokens: Mutex<HashMap<CredentialKey, StoredTokens>>,
    more: Notify,
}

/// A file's content.
#[derive(Serialize, Deserialize)]
struct Form {
    tenant: TenantId,
    credential: CredentialId,
    generation: u32,
    refused: bool,
    sealed: String,
}

impl Kept {
    /// What an earlier process left. What cannot be read stays where it is, and is told.
    pub(super) fn open(folder: Option<PathBuf>) -> Self {
        let left = folder.as_deref().map(read_all).unwrap_or_default();
        Self { folder, tokens: Mutex::new(left), more: Notify::new() }
    }

    /// Waits until there is something.
    pub(super) async fn wait(&self) {
        loop {
            let more = self.more.notified();
            if !self.tokens().is_empty() {
                return;
            }
            more.await;
        }
    }

    pub(super) fn of(&self, key: &CredentialKey) -> Option<StoredTokens> {
        self.tokens().get(key).cloned()
    }

    pub(super) fn all(&self) -> Vec<(CredentialKey, StoredTokens)> {
        self.tokens().iter().map(|(key, tokens)| (key.clone(), tokens.clone())).collect()
    }

    /// Keeps them. A disk that does not take the file is told; the store may take them all the same.
    pub(super) async fn put(&self, key: &CredentialKey, tokens: &StoredTokens) {
        self.tokens().insert(key.clone(), tokens.clone());
        self.more.notify_one();
        let Some(folder) = self.folder.clone() else { return };
        let (path, form) = (path(&folder, key), Form::of(key, tokens));
        let write = move || write(&folder, &path, &form);
        let written = tokio::task::spawn_blocking(write).await;
        if let Ok(Err(error)) = written {
            tracing::error!(credential = %key.1, %error, "new tokens are not kept on this disk");
        }
    }

    /// The store has this generation.
    pub(super) async fn remove(&self, key: &CredentialKey, generation: u32) {
        let is_it = {
            let mut tokens = self.tokens();
            let is_it = tokens.get(key).is_some_and(|kept| kept.generation <= generation);
            if is_it {
                tokens.remove(key);
            }
            is_it
        };
        if let Some(folder) = self.folder.as_deref().filter(|_| is_it) {
            let path = path(folder, key);
            // What is left is offered once more after a restart, and changes nothing then.
            let _ = tokio::task::spawn_blocking(move || fs::remove_file(path)).await;
        }
    }

    fn tokens(&self) -> MutexGuard<'_, HashMap<CredentialKey, StoredTokens>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Form {
    fn of((tenant, credential): &CredentialKey, tokens: &StoredTokens) -> Self {
        Self {
            tenant: tenant.clone(),
            credential: *credential,
            generation: tokens.generation,
            refused: tokens.refused,
            sealed: BASE64_STANDARD.encode(tokens.sealed.as_bytes()),
        }
    }

    fn read(self) -> Option<(CredentialKey, StoredTokens)> {
        let sealed = Sealed::parse(BASE64_STANDARD.decode(self.sealed).ok()?).ok()?;
        let tokens = StoredTokens { generation: self.generation, refused: self.refused, sealed };
        Some(((self.tenant, self.credential), tokens))
    }
}

/// A tenant's name may be no file's.
fn path(folder: &Path, (tenant, credential): &CredentialKey) -> PathBuf {
    let digest = Sha256::digest(format!("{tenant}\n{credential}").as_bytes());
    let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    folder.join(format!("{name}.json"))
}

/// Whole or not at all, and on the disk when it returns.
fn write(folder: &Path, path: &Path, form: &Form) -> io::Result<()> {
    // The folder above it has said already who may look into it.
    let _ = private_files::folder(folder, |_| true)?;
    let half = path.with_extension("half");
    private_files::write(&half, serde_json::to_vec(form)?)?;
    File::open(&half)?.sync_all()?;
    fs::rename(&half, path)?;
    File::open(folder)?.sync_all()
}

fn read_all(folder: &Path) -> HashMap<CredentialKey, StoredTokens> {
    let Ok(entries) = fs::read_dir(folder) else { return HashMap::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let whole = paths.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    let read = whole.filter_map(|path| {
        let form: Option<Form> = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let kept = form.and_then(Form::read);
        if kept.is_none() {
            tracing::error!("{} holds tokens that cannot be read", path.display());
        }
        kept
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use minireipaz::credentials::{CredentialKeys, Purpose};

    use super::*;

    #[tokio::test]
    async fn what_is_kept_is_there_after_a_crash_until_the_store_has_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = Some(place.path().join(FOLDER));
        let keys: CredentialKeys = format!("k:{}", BASE64_STANDARD.encode([1; 32])).parse().unwrap();
        let key = (TenantId::parse("a/b|~").unwrap(), CredentialId(uuid::Uuid::from_u128(7)));
        let tokens = |generation| StoredTokens {
            generation,
            refused: false,
            sealed: keys.seal(Purpose::Tokens, &key, b"hush"),
        };
        let (first, second) = (tokens(1), tokens(2));
        let kept = Kept::open(folder.clone());
        kept.put(&key, &first).await;
        kept.put(&key, &second).await;
        let again = Kept::open(folder.clone());
        assert_eq!(again.of(&key), Some(second.clone()));
        // The store's answer about the older one comes late.
        again.remove(&key, 1).await;
        assert_eq!(Kept::open(folder.clone()).all(), [(key.clone(), second)]);
        again.remove(&key, 2).await;
        assert!(Kept::open(folder).all().is_empty() && again.all().is_empty());
    }
}
