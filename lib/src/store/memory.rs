//! The store in memory, for tests: the same semantics as [`super::clickhouse`], proven by the same suite.

mod spy;

use std::{
    collections::{BTreeMap, HashMap, btree_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
pub use spy::{Call, SpyStore};
use uuid::Uuid;

use super::{
    Claim, Cursor, DeadLetterStore, Facts, Head, Page, PageRequest, RunStore, Store, StoreError,
    WorkflowStore,
};
use domain::{
    event::{DeadLetter, WorkflowDeleted},
    ids::{NodeId, TenantId, WorkflowId},
    run::{Run, RunKey, RunSummary, RunWithSteps, Step},
    timestamp::Timestamp,
    workflow::{StoredWorkflow, WorkflowKey, WorkflowSummary},
};

/// Everything in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The newest version, or none for a deleted workflow.
    workflows: BTreeMap<WorkflowKey, (u32, Option<StoredWorkflow>)>,
    claims: Vec<(WorkflowKey, Claim)>,
    runs: BTreeMap<RunKey, Run>,
    steps: BTreeMap<RunKey, BTreeMap<NodeId, StepRow>>,
    dead_letters: Vec<DeadLetter>,
    outage: Option<String>,
}

#[derive(Debug)]
struct StepRow {
    version: (u32, u64),
    ordinal: u32,
    step: Step,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What was buried so far.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.lock().dead_letters.clone()
    }

    /// From now on every call fails as if the database were gone, or works again (`None`).
    pub fn set_outage(&self, why: Option<&str>) {
        self.lock().outage = why.map(str::to_owned);
    }

    fn open(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.lock();
        match &state.outage {
            Some(why) => Err(StoreError::Unavailable(why.clone())),
            None => Ok(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The newer version wins; the same version again replaces it, as a later row does in a table.
    fn put_workflow(&mut self, key: WorkflowKey, version: u32, workflow: Option<StoredWorkflow>) {
        match self.workflows.entry(key) {
            Entry::Vacant(free) => {
                free.insert((version, workflow));
            }
            Entry::Occupied(mut kept) => {
                if kept.get().0 <= version {
                    kept.insert((version, workflow));
                }
            }
        }
    }

    fn put_run(&mut self, key: RunKey, run: &Run) {
        match self.runs.entry(key) {
            Entry::Vacant(free) => {
                free.insert(run.clone());
            }
            Entry::Occupied(mut kept) => {
                if (kept.get().attempt, kept.get().revision) <= (run.attempt, run.revision) {
                    kept.insert(run.clone());
                }
            }
        }
    }

    fn put_step(&mut self, key: RunKey, row: StepRow) {
        match self.steps.entry(key).or_default().entry(row.step.node_id.clone()) {
            Entry::Vacant(free) => {
                free.insert(row);
            }
            Entry::Occupied(mut kept) => {
                if kept.get().version <= row.version {
                    kept.insert(row);
                }
            }
        }
    }

    fn steps_of(&self, key: &RunKey) -> Vec<Step> {
        let mut rows: Vec<&StepRow> = self.steps.get(key).into_iter().flat_map(BTreeMap::values).collect();
        rows.sort_by(|a, b| (a.ordinal, &a.step.node_id).cmp(&(b.ordinal, &b.step.node_id)));
        rows.into_iter().map(|row| row.step.clone()).collect()
    }
}

/// The page of `rows` that `request` asks for: newest first, then by id.
fn page<T>(mut rows: Vec<T>, request: &PageRequest, place: impl Fn(&T) -> (Timestamp, Uuid)) -> Page<T> {
    rows.sort_by_key(|row| std::cmp::Reverse(place(row)));
    if let Some(Cursor { at, id }) = request.after {
        rows.retain(|row| place(row) < (at, id));
    }
    let limit = request.limit.clamp(1, 200) as usize;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| {
        let (at, id) = place(row);
        Cursor { at, id }
    });
    Page { items: rows, next }
}

fn summary(run: &Run) -> RunSummary {
    RunSummary {
        id: run.id,
        workflow_id: run.workflow_id,
        workflow_version: run.workflow_version,
        status: run.status,
        attempt: run.attempt,
        trigger: run.trigger.clone(),
        created_at: run.created_at,
        started_at: run.started_at,
        finished_at: run.finished_at,
    }
}

#[async_trait]
impl WorkflowStore for MemoryStore {
    async fn save(&self, tenant: &TenantId, workflow: &StoredWorkflow) -> Result<(), StoreError> {
        let key = (tenant.clone(), workflow.summary.id);
        self.open()?.put_workflow(key, workflow.summary.version, Some(workflow.clone()));
        Ok(())
    }

    async fn delete(&self, tenant: &TenantId, deleted: &WorkflowDeleted) -> Result<(), StoreError> {
        self.open()?.put_workflow((tenant.clone(), deleted.workflow_id), deleted.version, None);
        Ok(())
    }

    async fn newest(&self, keys: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, StoredWorkflow>, StoreError> {
        let state = self.open()?;
        let found = keys.iter().filter_map(|key| Some((key.clone(), state.workflows.get(key)?.1.clone()?)));
        Ok(found.collect())
    }

    async fn versions(&self, keys: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, u32>, StoreError> {
        let newest = self.newest(keys).await?;
        Ok(newest.into_iter().map(|(key, workflow)| (key, workflow.summary.version)).collect())
    }

    async fn claim(&self, key: &WorkflowKey, claim: &Claim) -> Result<bool, StoreError> {
        let mut state = self.open()?;
        state.claims.push((key.clone(), *claim));
        let rival = |(other, made): &(WorkflowKey, Claim)| {
            other == key && made.version == claim.version && made.content != claim.content
        };
        Ok(!state.claims.iter().any(rival))
    }

    async fn withdraw(&self, _: &WorkflowKey, claim: &Claim) -> Result<(), StoreError> {
        self.open()?.claims.retain(|(_, made)| made.id != claim.id);
        Ok(())
    }

    async fn list(
        &self,
        tenant: &TenantId,
        request: &PageRequest,
    ) -> Result<Page<WorkflowSummary>, StoreError> {
        let state = self.open()?;
        let rows = state
            .workflows
            .iter()
            .filter(|((owner, _), _)| owner == tenant)
            .filter_map(|(_, (_, workflow))| Some(workflow.as_ref()?.summary.clone()))
            .collect();
        Ok(page(rows, request, |workflow| (workflow.updated_at, workflow.id.0)))
    }
}

#[async_trait]
impl RunStore for MemoryStore {
    async fn record(&self, facts: &Facts) -> Result<(), StoreError> {
        let mut state = self.open()?;
        for fact in &facts.steps {
            let row = StepRow {
                version: (fact.run_attempt, fact.revision),
                ordinal: fact.ordinal,
                step: fact.step.clone(),
            };
            state.put_step((fact.tenant.clone(), fact.run_id), row);
        }
        for (tenant, run) in &facts.runs {
            state.put_run((tenant.clone(), run.id), run);
        }
        Ok(())
    }

    async fn get(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, RunWithSteps>, StoreError> {
        let state = self.open()?;
        let found = keys.iter().filter_map(|key| {
            let run = state.runs.get(key)?.clone();
            Some((key.clone(), RunWithSteps { run, steps: state.steps_of(key) }))
        });
        Ok(found.collect())
    }

    async fn heads(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, Head>, StoreError> {
        let state = self.open()?;
        let found = keys.iter().filter_map(|key| {
            let Run { attempt, revision, status, .. } = *state.runs.get(key)?;
            Some((key.clone(), Head { attempt, revision, status }))
        });
        Ok(found.collect())
    }

    async fn list(
        &self,
        tenant: &TenantId,
        workflow: WorkflowId,
        request: &PageRequest,
    ) -> Result<Page<RunSummary>, StoreError> {
        let state = self.open()?;
        let rows = state
            .runs
            .iter()
            .filter(|((owner, _), run)| owner == tenant && run.workflow_id == workflow)
            .map(|(_, run)| summary(run))
            .collect();
        Ok(page(rows, request, |run: &RunSummary| (run.created_at, run.id.0)))
    }
}

#[async_trait]
impl DeadLetterStore for MemoryStore {
    async fn bury(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        self.open()?.dead_letters.extend_from_slice(letters);
        Ok(())
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.open().map(|_| ())
    }
}
