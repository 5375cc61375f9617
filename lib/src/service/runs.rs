//! Reading runs: at once, as soon as they change, or as they change.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    Caller, FoundRun, Workflows,
    idempotency::RecentKeys,
    run_watch::{Heard, RunWatch, Subscription, TooManyWaiters, Wanted},
};
use crate::clock::Clock;
use crate::{
    bus::EventBus,
    live::{Ask, LiveRuns},
    locks::Locks,
    store::{Head, Page, PageRequest, Store, StoreError},
};
use domain::{
    ids::{NodeId, RunId, WorkflowId},
    run::{RunKey, RunSummary},
};

/// How young a run's id must be for a run that is not there to be waited for: it may have been accepted and not
/// be recorded yet.
const YOUNG: Duration = Duration::from_mins(1);
/// How long such a run is waited for at least, however short the reader's own wait is.
pub(super) const BRIEFLY: Duration = Duration::from_secs(3);
/// How long a worker may take to say how a run is now, before the store is asked.
pub(super) const AT_ONCE: Duration = Duration::from_millis(500);

/// The use cases of runs.
pub struct Runs {
    pub(super) store: Arc<dyn Store>,
    pub(super) live: Option<Arc<dyn LiveRuns>>,
    pub(super) bus: Arc<dyn EventBus>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) workflows: Arc<Workflows>,
    pub(super) keys: Locks<RunId>,
    pub(super) recent: RecentKeys,
    watch: RunWatch,
}

/// What a reader waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Nothing: the run as it is, if it exists.
    Exists,
    /// A revision above this one, or the end.
    After(u64),
    /// The end.
    Terminal,
}

impl Until {
    /// What has to be heard for it.
    const fn wanted(self) -> Wanted {
        match self {
            // A run that its worker knows has begun.
            Self::Exists => Wanted::After(0),
            Self::After(revision) => Wanted::After(revision),
            Self::Terminal => Wanted::End,
        }
    }

    pub(super) fn is_met(self, head: &Head) -> bool {
        match self {
            Self::Exists => true,
            Self::After(revision) => head.revision > revision || head.status.is_terminal(),
            Self::Terminal => head.status.is_terminal(),
        }
    }
}

/// Why a run was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadRunError {
    /// It does not exist, or belongs to somebody else: the caller cannot tell which.
    #[error("there is no run {0}")]
    NotFound(RunId),
    /// Its workflow does not exist, or belongs to somebody else.
    #[error("there is no workflow {0}")]
    NoWorkflow(WorkflowId),
    /// The run's workflow has no such node.
    #[error("run {run} has no node \"{node}\"; the nodes of its workflow are {}", some_of(nodes))]
    NoNode {
        /// The run.
        run: RunId,
        /// The node that was asked for.
        node: NodeId,
        /// Those that there are.
        nodes: Vec<NodeId>,
    },
    /// Too many wait already.
    #[error(transparent)]
    TooManyWaiters(#[from] TooManyWaiters),
    /// It could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// So many nodes are told of.
const MOST_TOLD: usize = 50;

fn some_of(nodes: &[NodeId]) -> String {
    let told: Vec<_> = nodes.iter().take(MOST_TOLD).map(NodeId::as_str).collect();
    let more = nodes.len() - told.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", told.join(", "))
}

impl Runs {
    /// The use cases over these parts.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        live: Option<Arc<dyn LiveRuns>>,
        bus: Arc<dyn EventBus>,
        clock: Arc<dyn Clock>,
        workflows: Arc<Workflows>,
        watch: RunWatch,
    ) -> Self {
        Self { store, live, bus, clock, workflows, keys: Locks::new(), recent: RecentKeys::new(), watch }
    }

    /// Runs of a workflow, newest first. The workflow may be deleted: its runs stay.
    ///
    /// # Errors
    /// When there is neither such a workflow nor a run of it, or the store does not answer.
    pub async fn list(
        &self,
        caller: &Caller,
        workflow: WorkflowId,
        page: &PageRequest,
    ) -> Result<Page<RunSummary>, ReadRunError> {
        let runs = crate::store::RunStore::list(&*self.store, &caller.tenant, workflow, page).await?;
        if runs.items.is_empty()
            && runs.unreadable.is_empty()
            && page.after.is_none()
            && !self.workflows.exists(&(caller.tenant.clone(), workflow)).await?
        {
            return Err(ReadRunError::NoWorkflow(workflow));
        }
        Ok(runs)
    }

    /// The run as it is when `until` is met, or when `wait` is over.
    ///
    /// It is the newest that its worker or the store knows: who reads twice never sees an older one the second time.
    ///
    /// A run that may have been accepted a moment ago is waited for until it is there, at least for 3 seconds whatever
    /// `wait` is; one that may not is not there at once.
    ///
    /// # Errors
    /// When it does not exist, too many wait, or the store does not answer.
    pub async fn read(
        &self,
        caller: &Caller,
        id: RunId,
        until: Until,
        wait: Duration,
    ) -> Result<FoundRun, ReadRunError> {
        let key = (caller.tenant.clone(), id);
        let young = self.is_young(id);
        // Who does not wait takes the run as it is.
        let until = if wait.is_zero() { Until::Exists } else { until };
        if until == Until::Exists {
            if let Some(run) = self.present(&key).await? {
                return Ok(run);
            }
            if !young {
                return Err(ReadRunError::NotFound(id));
            }
        }
        let mut watched = self.watch.subscribe(key.clone(), until.wanted())?;
        let begun = Instant::now();
        let (mut there, mut known, deadline) = (false, None, begun + wait);
        loop {
            let last = if there || !young { deadline } else { deadline.max(begun + BRIEFLY) };
            let Ok(heard) = tokio::time::timeout_at(last, watched.heard()).await else { break };
            if let Heard::Unreadable(why) = heard {
                return Err(StoreError::from(why).into());
            }
            match heard.head() {
                None if !young => return Err(ReadRunError::NotFound(id)),
                None => {}
                Some(head) if until.is_met(&head) => match self.all_of(&key, heard).await? {
                    Some(run) if !head.is_newer_than(&run.head()) => return Ok(run),
                    // Another replica answered, which is behind.
                    _ => watched.ask_again(),
                },
                Some(_) => {
                    there = true;
                    if let Heard::Run(run) = heard {
                        known = Some(run);
                    }
                }
            }
        }
        drop(watched);
        match (self.present(&key).await, known) {
            (Ok(Some(run)), known) => Ok(run.or_newer(known)),
            (_, Some(known)) => Ok(known),
            (Ok(None), None) => Err(ReadRunError::NotFound(id)),
            (Err(error), None) => Err(error.into()),
        }
    }

    /// The revisions of a run, from the first above `after`.
    ///
    /// # Errors
    /// When it does not exist, too many wait, or the store does not answer.
    pub async fn follow(
        &self,
        caller: &Caller,
        id: RunId,
        after: Option<u64>,
    ) -> Result<Follow, ReadRunError> {
        let first = self.read(caller, id, Until::Exists, Duration::ZERO).await?;
        let key = (caller.tenant.clone(), id);
        let seen = first.head();
        let watched = if seen.status.is_terminal() {
            None
        } else {
            Some(self.watch.subscribe(key.clone(), Wanted::After(seen.revision))?)
        };
        let next = after.is_none_or(|after| seen.revision > after).then_some(first);
        Ok(Follow { store: Arc::clone(&self.store), key, watched, next, seen })
    }

    /// How many requests wait for runs now.
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.watch.waiters()
    }

    /// The run as it is now. Its worker hears of everything first, so of a young run it is asked first, and the store
    /// only when it does not know the run; of others the store, and the worker unless the run is over.
    async fn present(&self, key: &RunKey) -> Result<Option<FoundRun>, StoreError> {
        if self.is_young(key.1) {
            return match self.live_now(key).await {
                Some(run) => Ok(Some(run)),
                None => self.fetch(key).await,
            };
        }
        match self.fetch(key).await {
            Ok(Some(run)) => Ok(Some(self.newest(key, run).await)),
            other => self.live_now(key).await.map_or(other, |run| Ok(Some(run))),
        }
    }

    /// The run as its worker knows it, unless what was found is newer: of the same revision the worker knows more, what
    /// a run waits for that has not begun.
    pub(super) async fn newest(&self, key: &RunKey, found: FoundRun) -> FoundRun {
        if found.head().status.is_terminal() {
            return found;
        }
        match self.live_now(key).await {
            Some(live) => live.or_newer(Some(found)),
            None => found,
        }
    }

    /// The run as its worker knows it now, if there is one that does and says so at once.
    async fn live_now(&self, key: &RunKey) -> Option<FoundRun> {
        let asked = tokio::time::timeout(AT_ONCE, self.live.as_ref()?.ask(key, Ask::NOW));
        asked.await.ok()?.ok()?.map(FoundRun::Live)
    }

    async fn fetch(&self, key: &RunKey) -> Result<Option<FoundRun>, StoreError> {
        let found = self.store.get(std::slice::from_ref(key)).await?.remove(key).transpose()?;
        Ok(found.map(FoundRun::stored))
    }

    /// The run that was heard of: as it was heard, or read now.
    async fn all_of(&self, key: &RunKey, heard: Heard) -> Result<Option<FoundRun>, StoreError> {
        match heard {
            Heard::Run(run) => Ok(Some(run)),
            Heard::At(_) | Heard::Missing | Heard::Unreadable(_) => self.fetch(key).await,
        }
    }

    fn is_young(&self, id: RunId) -> bool {
        id.created_at().is_some_and(|made| self.clock.now().since(made) < YOUNG)
    }
}

/// A run that is followed revision by revision.
pub struct Follow {
    store: Arc<dyn Store>,
    key: RunKey,
    /// None once the run is over.
    watched: Option<Subscription>,
    next: Option<FoundRun>,
    seen: Head,
}

impl Follow {
    /// Whether there is nothing more to come.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.next.is_none() && self.watched.is_none()
    }

    /// The next revision; none after the last. Revisions in quick succession are seen as one, the newest. While
    /// the store does not answer, nothing is heard. It can be dropped and called again without losing anything.
    pub async fn next(&mut self) -> Option<FoundRun> {
        if let Some(run) = self.next.take() {
            return Some(run);
        }
        loop {
            let watched = self.watched.as_mut()?;
            let heard = watched.heard().await;
            let head = match (heard.head(), &heard) {
                (Some(head), _) if head.is_newer_than(&self.seen) || head.status.is_terminal() => head,
                (None, Heard::Unreadable(_)) => return self.break_off(),
                _ => continue,
            };
            let found = match heard {
                Heard::Run(run) => Ok(Some(Ok(run))),
                _ => {
                    let found = self.store.get(std::slice::from_ref(&self.key)).await;
                    found.map(|mut found| Some(found.remove(&self.key)?.map(FoundRun::stored)))
                }
            };
            match found {
                Ok(Some(Err(_))) => return self.break_off(),
                Ok(Some(Ok(run))) if !head.is_newer_than(&run.head()) => {
                    self.seen = run.head();
                    if self.seen.status.is_terminal() {
                        self.watched = None;
                    }
                    return Some(run);
                }
                // It was there a moment ago: the watch's next round will find it again.
                Ok(_) | Err(_) => watched.ask_again(),
            }
        }
    }

    /// The run cannot be read any more: who connects again is told so.
    fn break_off(&mut self) -> Option<FoundRun> {
        self.watched = None;
        None
    }
}
