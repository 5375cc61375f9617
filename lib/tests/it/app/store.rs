//! A store that counts, fails and halts on demand.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use minireipaz::{
    domain::{
        event::{DeadLetter, WorkflowDeleted},
        ids::{TenantId, WorkflowId},
        run::{RunKey, RunSummary, RunWithSteps},
        workflow::{StoredWorkflow, WorkflowKey, WorkflowSummary},
    },
    store::{
        Claim, DeadLetterStore, Facts, Head, Page, PageRequest, RunStore, Store, StoreError, WorkflowStore,
        memory::MemoryStore,
    },
};

/// The store; `inner` is what it has, whatever fails.
#[derive(Default)]
pub struct TestStore {
    pub inner: MemoryStore,
    down: AtomicBool,
    writes_fail: AtomicBool,
    panics: AtomicBool,
    hangs: AtomicBool,
    newest: AtomicUsize,
    versions: AtomicUsize,
    looks: AtomicUsize,
    look_millis: AtomicUsize,
    asked: Mutex<Vec<usize>>,
    buried: Mutex<Vec<DeadLetter>>,
}

impl TestStore {
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub fn fail_writes(&self, fail: bool) {
        self.writes_fail.store(fail, Ordering::SeqCst);
    }

    /// How often the newest version of workflows was read.
    pub fn newest_reads(&self) -> usize {
        self.newest.load(Ordering::SeqCst)
    }

    /// How often the numbers of versions were read.
    pub fn version_reads(&self) -> usize {
        self.versions.load(Ordering::SeqCst)
    }

    /// How often runs were looked at, as a whole or only where they are.
    pub fn looks(&self) -> usize {
        self.looks.load(Ordering::SeqCst)
    }

    /// Each look takes so long from now on.
    pub fn slow_down(&self, millis: usize) {
        self.look_millis.store(millis, Ordering::SeqCst);
    }

    async fn look(&self, runs: usize) -> Result<(), StoreError> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.asked.lock().unwrap().push(runs);
        let millis = self.look_millis.load(Ordering::SeqCst) as u64;
        if millis > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
        }
        self.readable()
    }

    /// About how many runs each of those asked.
    pub fn asked(&self) -> Vec<usize> {
        self.asked.lock().unwrap().clone()
    }

    pub fn buried(&self) -> Vec<DeadLetter> {
        self.buried.lock().unwrap().clone()
    }

    pub fn panic(&self) {
        self.panics.store(true, Ordering::SeqCst);
    }

    /// From now on lists of workflows take for ever.
    pub fn hang(&self) {
        self.hangs.store(true, Ordering::SeqCst);
    }

    fn readable(&self) -> Result<(), StoreError> {
        assert!(!self.panics.load(Ordering::SeqCst), "tested panic");
        if self.down.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("tested".into()));
        }
        Ok(())
    }

    fn writable(&self) -> Result<(), StoreError> {
        if self.writes_fail.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("tested".into()));
        }
        self.readable()
    }
}

#[async_trait]
impl WorkflowStore for TestStore {
    async fn save(&self, tenant: &TenantId, workflow: &StoredWorkflow) -> Result<(), StoreError> {
        self.writable()?;
        self.inner.save(tenant, workflow).await
    }

    async fn delete(&self, tenant: &TenantId, deleted: &WorkflowDeleted) -> Result<(), StoreError> {
        self.writable()?;
        self.inner.delete(tenant, deleted).await
    }

    async fn versions(&self, keys: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, u32>, StoreError> {
        self.versions.fetch_add(1, Ordering::SeqCst);
        self.readable()?;
        self.inner.versions(keys).await
    }

    async fn claim(&self, key: &WorkflowKey, claim: &Claim) -> Result<bool, StoreError> {
        self.writable()?;
        self.inner.claim(key, claim).await
    }

    async fn withdraw(&self, key: &WorkflowKey, claim: &Claim) -> Result<(), StoreError> {
        self.writable()?;
        self.inner.withdraw(key, claim).await
    }

    async fn newest(&self, keys: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, StoredWorkflow>, StoreError> {
        self.newest.fetch_add(1, Ordering::SeqCst);
        self.readable()?;
        // Somebody else may come in between.
        tokio::task::yield_now().await;
        self.inner.newest(keys).await
    }

    async fn list(&self, tenant: &TenantId, page: &PageRequest) -> Result<Page<WorkflowSummary>, StoreError> {
        self.readable()?;
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        WorkflowStore::list(&self.inner, tenant, page).await
    }
}

#[async_trait]
impl RunStore for TestStore {
    async fn record(&self, facts: &Facts) -> Result<(), StoreError> {
        self.writable()?;
        self.inner.record(facts).await
    }

    async fn get(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, RunWithSteps>, StoreError> {
        self.look(keys.len()).await?;
        self.inner.get(keys).await
    }

    async fn heads(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, Head>, StoreError> {
        self.look(keys.len()).await?;
        self.inner.heads(keys).await
    }

    async fn list(
        &self,
        tenant: &TenantId,
        workflow: WorkflowId,
        page: &PageRequest,
    ) -> Result<Page<RunSummary>, StoreError> {
        self.readable()?;
        RunStore::list(&self.inner, tenant, workflow, page).await
    }
}

#[async_trait]
impl DeadLetterStore for TestStore {
    async fn bury(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        self.writable()?;
        self.buried.lock().unwrap().extend_from_slice(letters);
        self.inner.bury(letters).await
    }
}

#[async_trait]
impl Store for TestStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.readable()
    }
}
