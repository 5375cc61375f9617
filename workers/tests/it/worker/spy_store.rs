//! A store in memory that tells what was recorded, can be away, and can lose its answers.

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
        ids::{RunId, TenantId, WorkflowId},
        run::{RunKey, RunStatus, RunSummary, RunWithSteps},
        workflow::{StoredWorkflow, WorkflowKey, WorkflowSummary},
    },
    store::{
        Claim, DeadLetterStore, Facts, Head, Page, PageRequest, RunStore, Store, StoreError, WorkflowStore,
        memory::MemoryStore,
    },
};
use tokio::sync::watch;

#[derive(Debug)]
pub(crate) struct SpyStore {
    pub(crate) memory: MemoryStore,
    /// Every status under which a run was recorded, in order.
    recorded: Mutex<HashMap<RunId, Vec<RunStatus>>>,
    pub(crate) calls: AtomicUsize,
    /// Calls that reached it while it was away.
    pub(crate) refused: watch::Sender<usize>,
    /// Set: what is recorded is kept, but the answer never comes.
    pub(crate) mute: AtomicBool,
    /// Refuses for good whatever has this run in it.
    pub(crate) poison: Mutex<Option<RunId>>,
    changed: watch::Sender<usize>,
}

impl SpyStore {
    pub(crate) fn new() -> Self {
        Self {
            memory: MemoryStore::new(),
            recorded: Mutex::default(),
            calls: AtomicUsize::new(0),
            refused: watch::channel(0).0,
            mute: AtomicBool::new(false),
            poison: Mutex::default(),
            changed: watch::channel(0).0,
        }
    }

    /// The statuses under which a run was recorded, in order.
    pub(crate) fn statuses(&self, run: RunId) -> Vec<RunStatus> {
        self.recorded.lock().unwrap().get(&run).cloned().unwrap_or_default()
    }

    /// Sees every change from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<usize> {
        self.changed.subscribe()
    }
}

#[async_trait]
impl RunStore for SpyStore {
    async fn record(&self, facts: &Facts) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if let Some(poison) = *self.poison.lock().unwrap()
            && facts.runs.iter().any(|(_, run)| run.id == poison)
        {
            return Err(StoreError::Server { code: 53, message: "type mismatch".into() });
        }
        if let Err(error) = self.memory.record(facts).await {
            self.refused.send_modify(|refused| *refused += 1);
            return Err(error);
        }
        {
            let mut recorded = self.recorded.lock().unwrap();
            for (_, run) in &facts.runs {
                recorded.entry(run.id).or_default().push(run.status);
            }
        }
        self.changed.send_modify(|changes| *changes += 1);
        if self.mute.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    async fn get(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, RunWithSteps>, StoreError> {
        self.memory.get(keys).await
    }

    async fn heads(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, Head>, StoreError> {
        self.memory.heads(keys).await
    }

    async fn list(
        &self,
        tenant: &TenantId,
        workflow: WorkflowId,
        page: &PageRequest,
    ) -> Result<Page<RunSummary>, StoreError> {
        RunStore::list(&self.memory, tenant, workflow, page).await
    }
}

#[async_trait]
impl DeadLetterStore for SpyStore {
    async fn bury(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        self.memory.bury(letters).await?;
        self.changed.send_modify(|changes| *changes += 1);
        Ok(())
    }
}

#[async_trait]
impl WorkflowStore for SpyStore {
    async fn save(&self, tenant: &TenantId, workflow: &StoredWorkflow) -> Result<(), StoreError> {
        self.memory.save(tenant, workflow).await
    }

    async fn delete(&self, tenant: &TenantId, deleted: &WorkflowDeleted) -> Result<(), StoreError> {
        self.memory.delete(tenant, deleted).await
    }

    async fn versions(&self, keys: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, u32>, StoreError> {
        self.memory.versions(keys).await
    }

    async fn claim(&self, key: &WorkflowKey, claim: &Claim) -> Result<bool, StoreError> {
        self.memory.claim(key, claim).await
    }

    async fn withdraw(&self, key: &WorkflowKey, claim: &Claim) -> Result<(), StoreError> {
        self.memory.withdraw(key, claim).await
    }

    async fn newest(&self, keys: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, StoredWorkflow>, StoreError> {
        self.memory.newest(keys).await
    }

    async fn list(&self, tenant: &TenantId, page: &PageRequest) -> Result<Page<WorkflowSummary>, StoreError> {
        WorkflowStore::list(&self.memory, tenant, page).await
    }
}

#[async_trait]
impl Store for SpyStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.memory.ping().await
    }
}
