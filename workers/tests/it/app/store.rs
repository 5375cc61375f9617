//! A store that fails on demand and notes what it was given.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use minireipaz::{
    domain::{
        event::{DeadLetter, WorkflowDeleted},
        ids::{RunId, TenantId, WorkflowId},
        run::{RunKey, RunSummary, RunWithSteps},
        workflow::{StoredWorkflow, WorkflowKey, WorkflowSummary},
    },
    store::{
        Claim, DeadLetterStore, Facts, Head, Page, PageRequest, RunStore, Store, StoreError, WorkflowStore,
        memory::MemoryStore,
    },
};
use tokio::sync::watch;

use super::tasks::tenant;

/// The store; `inner` is what it has, whatever fails.
#[derive(Default)]
pub(crate) struct TestStore {
    inner: MemoryStore,
    writes_fail: AtomicBool,
    /// A run whose facts it refuses for good.
    refuses: Mutex<Option<RunId>>,
    /// How often the end of each run was recorded.
    ends: Mutex<HashMap<RunId, usize>>,
    /// Writes that were tried and, of them, done.
    writes: watch::Sender<(usize, usize)>,
}

impl TestStore {
    /// From now on writes fail, or no more.
    pub(crate) fn fail_writes(&self, fail: bool) {
        self.writes_fail.store(fail, Ordering::SeqCst);
    }

    /// Refuses whatever holds facts of this run.
    pub(crate) fn refuse(&self, run: RunId) {
        *self.refuses.lock().unwrap() = Some(run);
    }

    /// From now on everything fails, or nothing.
    pub(crate) fn set_down(&self, down: bool) {
        self.inner.set_outage(down.then_some("a tested outage"));
    }

    /// Waits until something is there; looks again after every write.
    pub(crate) async fn until<T>(&self, look: impl AsyncFn() -> Option<T>) -> T {
        let mut writes = self.writes.subscribe();
        loop {
            writes.mark_unchanged();
            if let Some(found) = look().await {
                return found;
            }
            writes.changed().await.unwrap();
        }
    }

    /// Waits until another write was refused.
    pub(crate) async fn refused(&self) {
        let mut writes = self.writes.subscribe();
        let (tried, done) = *writes.borrow_and_update();
        super::within("a refusal", writes.wait_for(|now| now.0 - now.1 > tried - done)).await.unwrap();
    }

    /// The run as it is recorded.
    pub(crate) async fn find(&self, run: RunId) -> Option<RunWithSteps> {
        let key = (tenant(), run);
        RunStore::get(&self.inner, std::slice::from_ref(&key)).await.unwrap().remove(&key)
    }

    /// How often the end of the run was recorded.
    pub(crate) fn ends(&self, run: RunId) -> usize {
        self.ends.lock().unwrap().get(&run).copied().unwrap_or_default()
    }

    /// How many runs it knows the end of.
    pub(crate) fn ended(&self) -> usize {
        self.ends.lock().unwrap().len()
    }

    pub(crate) fn dead_letters(&self) -> Vec<DeadLetter> {
        self.inner.dead_letters()
    }

    fn write(&self, result: Result<(), StoreError>) -> Result<(), StoreError> {
        self.writes.send_modify(|(tried, done)| {
            *tried += 1;
            *done += usize::from(result.is_ok());
        });
        result
    }

    fn writable(&self) -> Result<(), StoreError> {
        if self.writes_fail.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("a tested outage".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl RunStore for TestStore {
    async fn record(&self, facts: &Facts) -> Result<(), StoreError> {
        let refused = *self.refuses.lock().unwrap();
        let result = match self.writable() {
            Ok(()) if facts.runs.iter().any(|(_, run)| Some(run.id) == refused) => {
                Err(StoreError::Server { code: 53, message: "a tested refusal".into() })
            }
            Ok(()) => self.inner.record(facts).await,
            failed => failed,
        };
        if result.is_ok() {
            let mut ends = self.ends.lock().unwrap();
            for (_, run) in facts.runs.iter().filter(|(_, run)| run.status.is_terminal()) {
                *ends.entry(run.id).or_default() += 1;
            }
        }
        self.write(result)
    }

    async fn get(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, RunWithSteps>, StoreError> {
        RunStore::get(&self.inner, keys).await
    }

    async fn heads(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, Head>, StoreError> {
        self.inner.heads(keys).await
    }

    async fn list(
        &self,
        tenant: &TenantId,
        workflow: WorkflowId,
        page: &PageRequest,
    ) -> Result<Page<RunSummary>, StoreError> {
        RunStore::list(&self.inner, tenant, workflow, page).await
    }
}

#[async_trait]
impl DeadLetterStore for TestStore {
    async fn bury(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        let result = match self.writable() {
            Ok(()) => self.inner.bury(letters).await,
            refused => refused,
        };
        self.write(result)
    }
}

#[async_trait]
impl WorkflowStore for TestStore {
    async fn save(&self, tenant: &TenantId, workflow: &StoredWorkflow) -> Result<(), StoreError> {
        self.inner.save(tenant, workflow).await
    }

    async fn delete(&self, tenant: &TenantId, deleted: &WorkflowDeleted) -> Result<(), StoreError> {
        self.inner.delete(tenant, deleted).await
    }

    async fn versions(&self, keys: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, u32>, StoreError> {
        self.inner.versions(keys).await
    }

    async fn claim(&self, key: &WorkflowKey, claim: &Claim) -> Result<bool, StoreError> {
        self.inner.claim(key, claim).await
    }

    async fn withdraw(&self, key: &WorkflowKey, claim: &Claim) -> Result<(), StoreError> {
        self.inner.withdraw(key, claim).await
    }

    async fn newest(&self, keys: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, StoredWorkflow>, StoreError> {
        self.inner.newest(keys).await
    }

    async fn list(&self, tenant: &TenantId, page: &PageRequest) -> Result<Page<WorkflowSummary>, StoreError> {
        WorkflowStore::list(&self.inner, tenant, page).await
    }
}

#[async_trait]
impl Store for TestStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.inner.ping().await
    }
}
