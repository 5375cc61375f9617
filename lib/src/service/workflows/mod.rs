//! Saving, reading and deleting workflows.

mod cache;
mod check;
mod error;
mod hooks;
mod outline;
mod saved;
mod to_start;

use std::sync::Arc;

use super::Caller;
use crate::clock::Clock;
use crate::{
    bus::{BusError, EventBus},
    claims::{self, Claims},
    locks::Locks,
    store::{Claim, ClaimKey, Page, PageRequest, Store, StoreError, UnreadableWorkflow, WorkflowChange},
};
use domain::{
    event::{Payload, WorkflowDeleted},
    ids::WorkflowId,
    timestamp::Timestamp,
    workflow::{DocumentText, StoredWorkflow, Workflow, WorkflowDocument, WorkflowKey, WorkflowSummary},
};

use cache::{Current, Known, Version, WorkflowCache};
use check::DocumentCheck;
pub use error::{Precondition, WorkflowError};
use outline::Outlines;

/// The use cases of workflows.
///
/// A save is an event first: when the bus has acknowledged it, it is done. The row is then written at once, so
/// that it can be read at once; should that fail, the scheduler writes it from the topic.
pub struct Workflows {
    store: Arc<dyn Store>,
    bus: Arc<dyn EventBus>,
    clock: Arc<dyn Clock>,
    cache: WorkflowCache,
    outlines: Outlines,
    writers: Locks<WorkflowKey>,
    claims: Claims,
    check: DocumentCheck,
}

impl Workflows {
    /// The use cases over these parts.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, bus: Arc<dyn EventBus>, clock: Arc<dyn Clock>) -> Self {
        let cache = WorkflowCache::new(Arc::clone(&clock));
        let claims = Claims::new(Arc::clone(&store));
        let (outlines, writers, check) = (Outlines::new(), Locks::new(), DocumentCheck::new());
        Self { store, bus, clock, cache, outlines, writers, claims, check }
    }

    /// Saves a new workflow.
    ///
    /// # Errors
    /// When the document is not valid or the bus does not take the event.
    pub async fn create(
        &self,
        caller: &Caller,
        document: WorkflowDocument,
    ) -> Result<Workflow, WorkflowError> {
        let now = self.clock.now();
        let id = WorkflowId::at(now, rand::random());
        let (document, text) = self.check.checked(&caller.tenant, document).await?;
        self.save(caller, id, 1, (now, now), document, text).await
    }

    /// The newest version.
    ///
    /// # Errors
    /// When there is none or the store does not answer.
    pub async fn get(&self, caller: &Caller, id: WorkflowId) -> Result<Workflow, WorkflowError> {
        match self.newest(&(caller.tenant.clone(), id)).await? {
            Some(Known::Saved(version)) => version.stored.read().map_err(|error| {
                let why = format!(
                    "the document is not a workflow, at line {} column {}",
                    error.line(),
                    error.column()
                );
                let WorkflowSummary { version, created_at, updated_at, .. } = version.stored.summary;
                WorkflowError::Unreadable(UnreadableWorkflow { version, created_at, updated_at, why })
            }),
            Some(Known::Unreadable(why)) => Err(WorkflowError::Unreadable(Arc::unwrap_or_clone(why))),
            Some(Known::Deleted(_)) | None => Err(WorkflowError::NotFound(id)),
        }
    }

    /// Workflows by last change, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(
        &self,
        caller: &Caller,
        page: &PageRequest,
    ) -> Result<Page<WorkflowSummary>, WorkflowError> {
        Ok(crate::store::WorkflowStore::list(&*self.store, &caller.tenant, page).await?)
    }

    /// Saves the next version, also of one that cannot be read. Of concurrent calls with the same precondition one wins, in whatever processes they are.
    ///
    /// # Errors
    /// When it does not exist, the precondition fails, the document is not valid, or a part does not answer.
    pub async fn replace(
        &self,
        caller: &Caller,
        id: WorkflowId,
        precondition: &Precondition,
        document: WorkflowDocument,
    ) -> Result<Workflow, WorkflowError> {
        let key = (caller.tenant.clone(), id);
        let _turn = self.writers.turn(key.clone()).await;
        let current = self.current(&key, precondition).await?;
        let (document, text) = self.check.checked(&caller.tenant, document).await?;
        let (current, claim) = self.claim(&key, precondition, text.as_str(), current).await?;
        // Time never runs backwards within a workflow, whatever the clocks of two machines say.
        let now = self.clock.now().max(current.updated_at);
        let saved = self.save(caller, id, claim.version, (current.created_at, now), document, text).await;
        if let Err(WorkflowError::Bus(error)) = &saved {
            self.refused(&key, &claim, error).await;
        }
        saved
    }

    /// Claims the version after the newest, against other processes; `current` is what was read just now.
    async fn claim(
        &self,
        key: &WorkflowKey,
        precondition: &Precondition,
        content: &str,
        mut current: Current,
    ) -> Result<(Current, Claim), WorkflowError> {
        for tries in 1..=claims::TRIES {
            if let Some(claim) = self.claims.take(&subject(key), current.version + 1, content).await? {
                return Ok((current, claim));
            }
            tokio::time::sleep(claims::pause(tries)).await;
            current = self.current(key, precondition).await?;
        }
        Err(WorkflowError::Busy)
    }

    /// Gives up a claim whose change was refused. One whose fate is unknown stays until it expires: what it claims may
    /// have been saved.
    async fn refused(&self, key: &WorkflowKey, claim: &Claim, error: &BusError) {
        if !matches!(error, BusError::Unavailable { .. }) {
            self.claims.withdraw(&subject(key), claim).await;
        }
    }

    /// What the next version follows, read now, if it is what `precondition` demands.
    async fn current(
        &self,
        key: &WorkflowKey,
        precondition: &Precondition,
    ) -> Result<Current, WorkflowError> {
        let current = self.newest(key).await?.and_then(|known| known.current());
        let current = current.ok_or(WorkflowError::NotFound(key.1))?;
        precondition.check(current.version)?;
        Ok(current)
    }

    /// Deletes the workflow, also one that cannot be read. Runs that are under way go on.
    ///
    /// # Errors
    /// When it does not exist, the precondition fails, or a part does not answer.
    pub async fn delete(
        &self,
        caller: &Caller,
        id: WorkflowId,
        precondition: &Precondition,
    ) -> Result<(), WorkflowError> {
        let key = (caller.tenant.clone(), id);
        let _turn = self.writers.turn(key.clone()).await;
        let current = self.current(&key, precondition).await?;
        // No document is the empty text.
        let (current, claim) = self.claim(&key, precondition, "", current).await?;
        let deleted = WorkflowDeleted {
            workflow_id: id,
            version: claim.version,
            created_at: current.created_at,
            deleted_at: self.clock.now().max(current.updated_at),
        };
        let event = caller.event(&*self.clock, Payload::WorkflowDeleted(deleted.clone()));
        if let Err(error) = self.bus.publish(&[event]).await {
            self.refused(&key, &claim, &error).await;
            return Err(error.into());
        }
        self.cache.learn(&key, Some(Known::Deleted(deleted.version)));
        let change = WorkflowChange::Deleted { tenant: caller.tenant.clone(), deleted };
        if let Err(error) = self.store.save(&[change]).await {
            tracing::warn!(workflow.id = %id, %error, "deletion not visible yet: the scheduler will write it");
        }
        Ok(())
    }

    async fn save(
        &self,
        caller: &Caller,
        id: WorkflowId,
        version: u32,
        (created_at, updated_at): (Timestamp, Timestamp),
        document: WorkflowDocument,
        text: DocumentText,
    ) -> Result<Workflow, WorkflowError> {
        let summary = WorkflowSummary {
            id,
            name: document.name.clone(),
            active: document.active,
            version,
            created_at,
            updated_at,
        };
        let stored = StoredWorkflow { summary, document: text };
        let payload = Payload::WorkflowSaved(Box::new(stored.clone()));
        self.bus.publish(&[caller.event(&*self.clock, payload)]).await?;
        let change = WorkflowChange::Saved { tenant: caller.tenant.clone(), workflow: stored.clone() };
        let visible = match self.store.save(&[change]).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(workflow.id = %id, %error, "version not visible yet: the scheduler will write it");
                false
            }
        };
        let seen = Known::Saved(Arc::new(Version::new(stored, visible)));
        self.cache.learn(&(caller.tenant.clone(), id), Some(seen));
        Ok(Workflow { id, version, created_at, updated_at, document })
    }

    /// Whether it exists.
    pub(super) async fn exists(&self, key: &WorkflowKey) -> Result<bool, StoreError> {
        Ok(self.newest(key).await?.is_some_and(|known| known.current().is_some()))
    }

    /// The newest version, or its deletion, read now.
    async fn newest(&self, key: &WorkflowKey) -> Result<Option<Known>, StoreError> {
        let seen = self.store.newest(std::slice::from_ref(key)).await?.remove(key).map(|found| match found {
            Ok(stored) => Known::Saved(Arc::new(Version::new(stored, true))),
            Err(unreadable) => Known::Unreadable(Arc::new(unreadable)),
        });
        Ok(self.cache.learn(key, seen))
    }
}

/// What a claim to a version of a workflow is a claim to.
fn subject((tenant, workflow): &WorkflowKey) -> ClaimKey {
    (tenant.clone(), workflow.0)
}
