//! What could not be processed.

use async_trait::async_trait;
use domain::dead_letter::DeadLetter;

use super::StoreError;

/// What could not be processed.
#[async_trait]
pub trait DeadLetterStore: Send + Sync + 'static {
    /// Keeps the records, for people to look at.
    async fn bury(&self, letters: &[DeadLetter]) -> Result<(), StoreError>;
}

#[cfg(any(test, feature = "testing"))]
mod in_memory {
    use super::*;
    use crate::store::memory::{Call, MemoryStore};

    impl Call {
        /// [`DeadLetterStore::bury`].
        pub const BURY: Self = Self::write("bury");
    }

    #[async_trait]
    impl DeadLetterStore for MemoryStore {
        async fn bury(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
            self.write(Call::BURY, |state| {
                state.dead_letters.extend_from_slice(letters);
                Ok(())
            })
            .await
        }
    }
}
