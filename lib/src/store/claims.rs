//! Claims to what is about to be saved.

use async_trait::async_trait;
use domain::ids::TenantId;
use uuid::Uuid;

use super::StoreError;

/// Whose thing is claimed, and which: a workflow's id, a credential's.
pub type ClaimKey = (TenantId, Uuid);

/// What somebody who is about to save a version of something lays claim to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The version that will be saved.
    pub version: u32,
    /// This claim's own id.
    pub id: Uuid,
    /// A hash of what will be saved: claims for the same are no rivals.
    pub content: Uuid,
}

impl Claim {
    /// Longer than any request may take.
    pub const EXPIRY: std::time::Duration = std::time::Duration::from_secs(30);
}

/// Claims to what is about to be saved.
#[async_trait]
pub trait ClaimStore: Send + Sync + 'static {
    /// Claims a version; true when nobody else claims it. Of those who claim it for different contents at most one is
    /// told so; who is not told so steps back with [`Self::withdraw`]. A claim expires after [`Claim::EXPIRY`], for a
    /// process may end before it withdraws.
    async fn claim(&self, key: &ClaimKey, claim: &Claim) -> Result<bool, StoreError>;

    /// Gives a claim up.
    async fn withdraw(&self, key: &ClaimKey, claim: &Claim) -> Result<(), StoreError>;
}

#[cfg(any(test, feature = "testing"))]
mod in_memory {
    use super::*;
    use crate::store::memory::{Call, MemoryStore};

    #[expect(missing_docs, reason = "the trait says what they are")]
    impl Call {
        pub const CLAIM: Self = Self::write("claim");
        pub const WITHDRAW: Self = Self::write("withdraw");
    }

    #[async_trait]
    impl ClaimStore for MemoryStore {
        async fn claim(&self, key: &ClaimKey, claim: &Claim) -> Result<bool, StoreError> {
            self.write(Call::CLAIM, |state| {
                state.claims.push((key.clone(), *claim));
                let rival = |(other, made): &(ClaimKey, Claim)| {
                    other == key && made.version == claim.version && made.content != claim.content
                };
                Ok(!state.claims.iter().any(rival))
            })
            .await
        }

        async fn withdraw(&self, _: &ClaimKey, claim: &Claim) -> Result<(), StoreError> {
            self.write(Call::WITHDRAW, |state| {
                state.claims.retain(|(_, made)| made.id != claim.id);
                Ok(())
            })
            .await
        }
    }
}
