//! What could not be processed.

use async_trait::async_trait;
use domain::{
    dead_letter::{DeadLetter, Handling, LetterHead},
    ids::{LetterId, TenantId},
    timestamp::Timestamp,
};

use super::{Page, PageRequest, StoreError};

/// What could not be processed. Letters of which nobody could tell the tenant are nobody's (`None`): whoever runs the system
/// looks at them.
#[async_trait]
pub trait DeadLetterStore: Send + Sync + 'static {
    /// Keeps the records, for people to look at.
    async fn bury(&self, letters: &[DeadLetter]) -> Result<(), StoreError>;

    /// Letters of a tenant that nobody has handled, last refused first.
    async fn letters(
        &self,
        tenant: Option<&TenantId>,
        page: &PageRequest,
    ) -> Result<Page<LetterHead>, StoreError>;

    /// One letter, handled or not.
    async fn letter(&self, tenant: Option<&TenantId>, id: LetterId)
    -> Result<Option<DeadLetter>, StoreError>;

    /// Somebody has handled a letter.
    async fn handle_letter(
        &self,
        tenant: Option<&TenantId>,
        id: LetterId,
        handled: &Handled<'_>,
    ) -> Result<(), StoreError>;
}

/// What somebody has done with a letter.
#[derive(Debug, Clone, Copy)]
pub struct Handled<'a> {
    /// What.
    pub handling: Handling,
    /// Who: the subject of their token.
    pub by: &'a str,
    /// When.
    pub at: Timestamp,
}

#[cfg(any(test, feature = "testing"))]
mod in_memory {
    use std::collections::HashSet;

    use domain::dead_letter::SHOWN_CHARS;

    use super::*;
    use crate::store::{
        Cursor,
        memory::{Call, MemoryStore, page as page_of},
    };

    #[expect(missing_docs, reason = "the trait says what they are")]
    impl Call {
        pub const BURY: Self = Self::write("bury");
        pub const LETTERS: Self = Self::read("letters");
        pub const LETTER: Self = Self::read("letter");
        pub const HANDLE_LETTER: Self = Self::write("handle letter");
    }

    fn is_of(letter: &DeadLetter, tenant: Option<&TenantId>) -> bool {
        letter.tenant == tenant.map_or("", TenantId::as_str)
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

        async fn letters(
            &self,
            tenant: Option<&TenantId>,
            page: &PageRequest,
        ) -> Result<Page<LetterHead>, StoreError> {
            self.read(Call::LETTERS, |state| {
                let mut seen = HashSet::new();
                let shown = |letter: &&DeadLetter| {
                    is_of(letter, tenant)
                        && !state.handled.contains_key(&letter.id())
                        && seen.insert(letter.id())
                };
                let heads = state.dead_letters.iter().filter(shown).map(head);
                page_of(heads.map(|head| (Cursor { at: head.at, id: head.id.0 }, Ok(head))).collect(), page)
            })
            .await
        }

        async fn letter(
            &self,
            tenant: Option<&TenantId>,
            id: LetterId,
        ) -> Result<Option<DeadLetter>, StoreError> {
            self.read(Call::LETTER, |state| {
                let is_it = |letter: &&DeadLetter| is_of(letter, tenant) && letter.id() == id;
                state.dead_letters.iter().find(is_it).cloned()
            })
            .await
        }

        async fn handle_letter(
            &self,
            _: Option<&TenantId>,
            id: LetterId,
            handled: &Handled<'_>,
        ) -> Result<(), StoreError> {
            self.write(Call::HANDLE_LETTER, |state| {
                state.handled.insert(id, handled.handling);
                Ok(())
            })
            .await
        }
    }

    fn head(letter: &DeadLetter) -> LetterHead {
        LetterHead {
            id: letter.id(),
            at: letter.at,
            consumer: letter.consumer.clone(),
            reason: letter.reason.clone(),
            bytes: letter.record.len() as u64,
            beginning: letter.record.chars().take(SHOWN_CHARS).collect(),
        }
    }
}
