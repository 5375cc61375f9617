//! Turns between processes that change the same thing: the next version of a workflow or of a credential, the next
//! tokens of a credential.
//!
//! Neither the bus nor the store has a compare-and-set, but a store in which a read sees what was acknowledged before
//! is enough for "at most one": each writer claims the version that it is about to save and then looks for others'
//! claims; whoever sees one steps back. When two step back from each other, both come again after a random while.

use std::{sync::Arc, time::Duration};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::store::{Claim, ClaimKey, Store, StoreError};

/// How often a version is claimed before the caller is told that somebody else is saving.
pub const TRIES: u32 = 4;

/// Between two claims: a random part of so much for the first, twice that for the second.
const PAUSE: Duration = Duration::from_millis(40);

/// The claims of one process.
pub struct Claims(Arc<dyn Store>);

impl std::fmt::Debug for Claims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Claims")
    }
}

impl Claims {
    /// Claims in this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    /// Claims a version for `content`; `None`: somebody else has, or had the same idea at the same time.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn take(
        &self,
        key: &ClaimKey,
        version: u32,
        content: &str,
    ) -> Result<Option<Claim>, StoreError> {
        let claim = Claim { version, id: Uuid::new_v4(), content: hash(content) };
        if self.0.claim(key, &claim).await? {
            return Ok(Some(claim));
        }
        self.0.withdraw(key, &claim).await?;
        Ok(None)
    }

    /// Gives up a claim whose change will not be made.
    pub async fn withdraw(&self, key: &ClaimKey, claim: &Claim) {
        if let Err(error) = self.0.withdraw(key, claim).await {
            tracing::warn!(subject = %key.1, %error, "a claim is not withdrawn; it expires");
        }
    }
}

/// How long to wait before claim number `tries` + 1.
#[must_use]
pub fn pause(tries: u32) -> Duration {
    PAUSE.mul_f64(f64::from(tries) * rand::random::<f64>())
}

fn hash(content: &str) -> Uuid {
    let digest = Sha256::digest(content.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Uuid::from_bytes(bytes)
}
