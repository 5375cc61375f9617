//! The store in memory, for tests: the same semantics as [`super::clickhouse`], proven by the same suite. What it does
//! with a concern is in that concern's file, beside the trait.
//!
//! It notes what it is asked and fails on demand: every method goes through [`MemoryStore::read`] or
//! [`MemoryStore::write`], so a new one is watched without a word about it.

mod watched;

use std::{
    collections::{BTreeMap, HashMap, HashSet, btree_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use domain::{
    alert::{Acknowledgement, AlertReport},
    credential::CredentialKey,
    dead_letter::{DeadLetter, Handling},
    heartbeat::Heartbeat,
    ids::{AlertId, LetterId, NodeId, RunId, TenantId},
    iteration::Iteration,
    run::{Run, RunKey, RunStatus},
    schedule::ScheduleKey,
    workflow::{StoredWorkflow, WorkflowKey},
};
use uuid::Uuid;

use super::{
    Claim, ClaimKey, CredentialRow, Cursor, Found, Page, PageRequest, Rotation, StepFact, Store, StoreError,
    StoredTokens, TriggerRow, UnreadableRow, VersionKey,
};
pub use watched::Call;
use watched::Watched;

/// Everything in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    watched: Watched,
}

/// What the database would hold.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The newest version, or none for a deleted workflow.
    pub(super) workflows: BTreeMap<WorkflowKey, (u32, Option<StoredWorkflow>)>,
    /// Every version that was saved.
    pub(super) versions: BTreeMap<VersionKey, StoredWorkflow>,
    pub(super) claims: Vec<(ClaimKey, Claim)>,
    /// The newest version of each credential, and the newest tokens.
    pub(super) credentials: BTreeMap<CredentialKey, CredentialRow>,
    pub(super) tokens: BTreeMap<CredentialKey, StoredTokens>,
    pub(super) runs: BTreeMap<RunKey, Run>,
    pub(super) steps: BTreeMap<RunKey, BTreeMap<(NodeId, Iteration), StepFact>>,
    pub(super) triggers: BTreeMap<ScheduleKey, TriggerRow>,
    pub(super) dead_letters: Vec<DeadLetter>,
    pub(super) hooks: BTreeMap<(WorkflowKey, NodeId), Rotation>,
    /// What was done with them.
    pub(super) handled: HashMap<LetterId, Handling>,
    /// What each worker said last.
    pub(super) heartbeats: BTreeMap<String, Heartbeat>,
    /// What each reporter told last of an alert.
    pub(super) alerts: BTreeMap<(TenantId, AlertId, Uuid), AlertReport>,
    /// Who knows of an alert.
    pub(super) acknowledged: BTreeMap<(TenantId, AlertId), Acknowledgement>,
    /// The statuses under which each run was recorded, in order.
    pub(super) recorded: HashMap<RunId, Vec<RunStatus>>,
    /// Whatever holds steps of this run is refused.
    pub(super) refused: Option<RunId>,
    /// Whatever holds steps of this run makes it panic.
    pub(super) panics: Option<RunId>,
    /// Runs and workflows of which a row cannot be read.
    pub(super) damaged: HashSet<Uuid>,
    /// Steps that cannot be read.
    pub(super) damaged_steps: HashSet<(RunId, NodeId)>,
}

impl State {
    /// Whether the rows of this run or workflow can be read.
    pub(super) fn readable(&self, id: Uuid) -> Found<()> {
        if self.damaged.contains(&id) { Err(UnreadableRow::tested()) } else { Ok(()) }
    }
}

impl UnreadableRow {
    /// Why damage that a test has done cannot be read.
    pub(super) fn tested() -> Self {
        Self("tested damage".to_owned())
    }
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same data, unwatched: what is asked here is not noted and does not fail.
    #[must_use]
    pub fn unwatched(&self) -> Self {
        Self { state: Arc::clone(&self.state), watched: Watched::default() }
    }

    /// What was buried so far.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.state().dead_letters.clone()
    }

    /// Refuses for good whatever holds steps of this run.
    pub fn refuse(&self, run: RunId) {
        self.state().refused = Some(run);
    }

    /// Panics over whatever holds steps of this run.
    pub fn panic_over(&self, run: RunId) {
        self.state().panics = Some(run);
    }

    /// Damages the row of this run, or that of this workflow's newest version: it cannot be read any more.
    pub fn damage(&self, id: Uuid) {
        self.state().damaged.insert(id);
    }

    /// Damages the row of a step: it cannot be read any more.
    pub fn damage_step(&self, run: RunId, node: NodeId) {
        self.state().damaged_steps.insert((run, node));
    }

    /// The statuses under which a run was recorded, in order.
    #[must_use]
    pub fn statuses(&self, run: RunId) -> Vec<RunStatus> {
        self.state().recorded.get(&run).cloned().unwrap_or_default()
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
        self.state().recorded.values().filter(ended).count()
    }

    /// A read, unless it is to fail.
    pub(super) async fn read<T>(
        &self,
        call: Call,
        read: impl FnOnce(&State) -> T + Send,
    ) -> Result<T, StoreError> {
        self.watched.ask(call).await?;
        let found = read(&self.state());
        // Somebody else may come in between.
        tokio::task::yield_now().await;
        Ok(found)
    }

    /// A read of runs.
    pub(super) async fn look<T>(
        &self,
        call: Call,
        keys: &[RunKey],
        read: impl FnOnce(&State) -> T + Send,
    ) -> Result<T, StoreError> {
        self.watched.asked_about(keys.len());
        self.read(call, read).await
    }

    /// A write, unless it is to fail.
    pub(super) async fn write<T>(
        &self,
        call: Call,
        write: impl FnOnce(&mut State) -> Result<T, StoreError> + Send,
    ) -> Result<T, StoreError> {
        let result = match self.watched.ask(call).await {
            Ok(()) => write(&mut self.state()),
            Err(error) => Err(error),
        };
        self.watched.wrote(result.is_ok()).await;
        result
    }

    /// A write that nobody waits for; lost if it is to fail.
    pub(super) fn tell(&self, call: Call, write: impl FnOnce(&mut State)) {
        let done = self.watched.hear(call);
        if done {
            write(&mut self.state());
        }
        self.watched.tried(done);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.read(Call::PING, |_| ()).await
    }
}

/// The newer version wins; the same version again replaces it, as a later row does in a table.
pub(super) fn keep_newest<K: Ord, V, N: PartialOrd>(
    rows: &mut BTreeMap<K, V>,
    key: K,
    row: V,
    version: impl Fn(&V) -> N,
) {
    match rows.entry(key) {
        Entry::Vacant(free) => {
            free.insert(row);
        }
        Entry::Occupied(mut kept) => {
            if version(kept.get()) <= version(&row) {
                kept.insert(row);
            }
        }
    }
}

/// The page of `rows` that `request` asks for: newest first, then by id.
pub(super) fn page<T>(mut rows: Vec<(Cursor, Found<T>)>, request: &PageRequest) -> Page<T> {
    let order = |place: &Cursor| (place.at, place.id);
    rows.sort_by_key(|(place, _)| std::cmp::Reverse(order(place)));
    if let Some(after) = &request.after {
        rows.retain(|(place, _)| order(place) < order(after));
    }
    Page::of(rows, request.limit.clamp(1, 200) as usize)
}
