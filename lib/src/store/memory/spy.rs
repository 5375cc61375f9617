//! A store in memory that notes what it is asked, and fails on demand.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::watch;

use super::MemoryStore;
use crate::store::{
    Claim, DeadLetterStore, Facts, Head, Page, PageRequest, RunStore, Store, StoreError, WorkflowStore,
};
use domain::{
    event::{DeadLetter, WorkflowDeleted},
    ids::{RunId, TenantId, WorkflowId},
    run::{RunKey, RunStatus, RunSummary, RunWithSteps},
    workflow::{StoredWorkflow, WorkflowKey, WorkflowSummary},
};

/// What a store can be asked, by the names of the traits' methods.
#[expect(missing_docs, reason = "the traits say what they are")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    Save,
    Delete,
    Newest,
    Versions,
    Claim,
    Withdraw,
    ListWorkflows,
    Record,
    Get,
    Heads,
    ListRuns,
    Bury,
    Ping,
}

impl Call {
    const fn writes(self) -> bool {
        matches!(self, Self::Save | Self::Delete | Self::Claim | Self::Withdraw | Self::Record | Self::Bury)
    }
}

/// The store.
#[derive(Debug, Default)]
pub struct SpyStore {
    /// What it has, whatever fails.
    pub inner: MemoryStore,
    faults: Mutex<Faults>,
    seen: Mutex<Seen>,
    writes: watch::Sender<Writes>,
}

#[derive(Debug, Clone, Default)]
struct Faults {
    down: bool,
    writes_fail: bool,
    panics: bool,
    mute: bool,
    hangs: Option<Call>,
    refuses: Option<RunId>,
    look_takes: Duration,
}

#[derive(Debug, Default)]
struct Seen {
    calls: HashMap<Call, usize>,
    asked: Vec<usize>,
    statuses: HashMap<RunId, Vec<RunStatus>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Writes {
    tried: usize,
    done: usize,
}

impl SpyStore {
    /// From now on everything fails as if the database were gone, or nothing.
    pub fn set_down(&self, down: bool) {
        lock(&self.faults).down = down;
    }

    /// From now on writes fail, or no more.
    pub fn fail_writes(&self, fail: bool) {
        lock(&self.faults).writes_fail = fail;
    }

    /// Refuses for good whatever holds facts of this run.
    pub fn refuse(&self, run: RunId) {
        lock(&self.faults).refuses = Some(run);
    }

    /// From now on facts are kept but the answer never comes, or it does again.
    pub fn mute(&self, mute: bool) {
        lock(&self.faults).mute = mute;
    }

    /// From now on every call panics.
    pub fn panic(&self) {
        lock(&self.faults).panics = true;
    }

    /// From now on these calls take for ever.
    pub fn hang(&self, call: Call) {
        lock(&self.faults).hangs = Some(call);
    }

    /// From now on each [`Call::Get`] and [`Call::Heads`] takes so long.
    pub fn slow_down(&self, takes: Duration) {
        lock(&self.faults).look_takes = takes;
    }

    /// How often it was asked that.
    #[must_use]
    pub fn calls(&self, call: Call) -> usize {
        lock(&self.seen).calls.get(&call).copied().unwrap_or_default()
    }

    /// How often runs were looked at, as a whole or only where they are.
    #[must_use]
    pub fn looks(&self) -> usize {
        self.calls(Call::Get) + self.calls(Call::Heads)
    }

    /// About how many runs each of those asked.
    #[must_use]
    pub fn asked(&self) -> Vec<usize> {
        lock(&self.seen).asked.clone()
    }

    /// The statuses under which a run was recorded, in order.
    #[must_use]
    pub fn statuses(&self, run: RunId) -> Vec<RunStatus> {
        lock(&self.seen).statuses.get(&run).cloned().unwrap_or_default()
    }

    /// How often the end of the run was recorded.
    #[must_use]
    pub fn ends(&self, run: RunId) -> usize {
        self.statuses(run).iter().filter(|status| status.is_terminal()).count()
    }

    /// How many runs it knows the end of.
    #[must_use]
    pub fn ended(&self) -> usize {
        let ended = |statuses: &&Vec<RunStatus>| statuses.iter().any(|status| status.is_terminal());
        lock(&self.seen).statuses.values().filter(ended).count()
    }

    /// Waits until something is there; looks again after every write.
    pub async fn until<T>(&self, look: impl AsyncFn() -> Option<T>) -> T {
        let mut writes = self.writes.subscribe();
        loop {
            writes.mark_unchanged();
            if let Some(found) = look().await {
                return found;
            }
            // The sender lives as long as this store.
            let _ = writes.changed().await;
        }
    }

    /// Waits until another write has failed.
    pub async fn refused(&self) {
        let mut writes = self.writes.subscribe();
        let before = *writes.borrow_and_update();
        let _ = writes.wait_for(|now| now.tried - now.done > before.tried - before.done).await;
    }

    /// Notes a call and does it, unless it is to fail.
    async fn call<T>(
        &self,
        call: Call,
        keys: usize,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        {
            let mut seen = lock(&self.seen);
            *seen.calls.entry(call).or_default() += 1;
            if matches!(call, Call::Get | Call::Heads) {
                seen.asked.push(keys);
            }
        }
        let faults = lock(&self.faults).clone();
        assert!(!faults.panics, "tested panic");
        if faults.hangs == Some(call) {
            std::future::pending::<()>().await;
        }
        if matches!(call, Call::Get | Call::Heads) && !faults.look_takes.is_zero() {
            tokio::time::sleep(faults.look_takes).await;
        }
        let result = if faults.down || (faults.writes_fail && call.writes()) {
            Err(StoreError::Unavailable("tested".into()))
        } else {
            work.await
        };
        if call.writes() {
            self.writes.send_modify(|writes| {
                writes.tried += 1;
                writes.done += usize::from(result.is_ok());
            });
        } else {
            // Somebody else may come in between.
            tokio::task::yield_now().await;
        }
        result
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl WorkflowStore for SpyStore {
    async fn save(&self, tenant: &TenantId, workflow: &StoredWorkflow) -> Result<(), StoreError> {
        self.call(Call::Save, 1, self.inner.save(tenant, workflow)).await
    }

    async fn delete(&self, tenant: &TenantId, deleted: &WorkflowDeleted) -> Result<(), StoreError> {
        self.call(Call::Delete, 1, self.inner.delete(tenant, deleted)).await
    }

    async fn newest(&self, keys: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, StoredWorkflow>, StoreError> {
        self.call(Call::Newest, keys.len(), self.inner.newest(keys)).await
    }

    async fn versions(&self, keys: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, u32>, StoreError> {
        self.call(Call::Versions, keys.len(), self.inner.versions(keys)).await
    }

    async fn claim(&self, key: &WorkflowKey, claim: &Claim) -> Result<bool, StoreError> {
        self.call(Call::Claim, 1, self.inner.claim(key, claim)).await
    }

    async fn withdraw(&self, key: &WorkflowKey, claim: &Claim) -> Result<(), StoreError> {
        self.call(Call::Withdraw, 1, self.inner.withdraw(key, claim)).await
    }

    async fn list(&self, tenant: &TenantId, page: &PageRequest) -> Result<Page<WorkflowSummary>, StoreError> {
        self.call(Call::ListWorkflows, 1, WorkflowStore::list(&self.inner, tenant, page)).await
    }
}

#[async_trait]
impl RunStore for SpyStore {
    async fn record(&self, facts: &Facts) -> Result<(), StoreError> {
        let record = async {
            let refused = lock(&self.faults).refuses;
            if facts.runs.iter().any(|(_, run)| Some(run.id) == refused) {
                return Err(StoreError::Server { code: 53, message: "a tested refusal".into() });
            }
            self.inner.record(facts).await?;
            let mut seen = lock(&self.seen);
            for (_, run) in &facts.runs {
                seen.statuses.entry(run.id).or_default().push(run.status);
            }
            Ok(())
        };
        let result = self.call(Call::Record, facts.runs.len(), record).await;
        if result.is_ok() && lock(&self.faults).mute {
            std::future::pending::<()>().await;
        }
        result
    }

    async fn get(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, RunWithSteps>, StoreError> {
        self.call(Call::Get, keys.len(), self.inner.get(keys)).await
    }

    async fn heads(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, Head>, StoreError> {
        self.call(Call::Heads, keys.len(), self.inner.heads(keys)).await
    }

    async fn list(
        &self,
        tenant: &TenantId,
        workflow: WorkflowId,
        page: &PageRequest,
    ) -> Result<Page<RunSummary>, StoreError> {
        self.call(Call::ListRuns, 1, RunStore::list(&self.inner, tenant, workflow, page)).await
    }
}

#[async_trait]
impl DeadLetterStore for SpyStore {
    async fn bury(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        self.call(Call::Bury, letters.len(), self.inner.bury(letters)).await
    }
}

#[async_trait]
impl Store for SpyStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.call(Call::Ping, 0, self.inner.ping()).await
    }
}
