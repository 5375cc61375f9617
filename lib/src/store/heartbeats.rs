//! What workers say of themselves.

use async_trait::async_trait;
use domain::{heartbeat::Heartbeat, timestamp::Timestamp};

use super::StoreError;

/// What workers say of themselves. No tenant's: a worker works for all of them.
#[async_trait]
pub trait HeartbeatStore: Send + Sync + 'static {
    /// A worker is alive, and how it is. What it said before is forgotten; what comes late changes nothing.
    async fn beat(&self, beat: &Heartbeat) -> Result<(), StoreError>;

    /// What each worker said last that has said something since then, by their names.
    async fn heartbeats(&self, since: Timestamp) -> Result<Vec<Heartbeat>, StoreError>;
}

#[cfg(any(test, feature = "testing"))]
mod in_memory {
    use super::*;
    use crate::store::memory::{Call, MemoryStore, keep_newest};

    #[expect(missing_docs, reason = "the trait says what they are")]
    impl Call {
        pub const BEAT: Self = Self::write("beat");
        pub const HEARTBEATS: Self = Self::read("heartbeats");
    }

    #[async_trait]
    impl HeartbeatStore for MemoryStore {
        async fn beat(&self, beat: &Heartbeat) -> Result<(), StoreError> {
            self.write(Call::BEAT, |state| {
                keep_newest(&mut state.heartbeats, beat.worker.clone(), beat.clone(), |beat| beat.at);
                Ok(())
            })
            .await
        }

        async fn heartbeats(&self, since: Timestamp) -> Result<Vec<Heartbeat>, StoreError> {
            self.read(Call::HEARTBEATS, |state| {
                state.heartbeats.values().filter(|beat| beat.at >= since).cloned().collect()
            })
            .await
        }
    }
}
