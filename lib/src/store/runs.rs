//! Runs and their steps.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::{
    ids::{NodeId, RunId, TenantId, WorkflowId},
    iteration::Iteration,
    run::{Run, RunKey, RunStatus, RunSummary, RunWithSteps, Step},
};

use super::{Found, Page, PageRequest, StoreError};

/// Runs and their steps.
#[async_trait]
pub trait RunStore: Send + Sync + 'static {
    /// Records facts. A run is never seen without the steps that came with it or before it.
    async fn record(&self, facts: &Facts) -> Result<(), StoreError>;

    /// Shows runs that were just accepted, as far as that costs nobody a wait: this returns at once, and nobody hears
    /// whether it succeeded. What is shown is visible within some seconds, or it is lost.
    fn announce(&self, runs: Vec<(TenantId, Run)>);

    /// The runs with their steps, of a node in a loop the one of the newest iteration; what does not exist is missing. One round, however many. A step that cannot be read
    /// is one of its run's, [`domain::run::StepStatus::Unreadable`], with what can be read of it. Of outputs above
    /// [`domain::limits::MAX_ANSWER_BYTES`] together the largest are left out.
    async fn get(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, Found<RunWithSteps>>, StoreError>;

    /// The run that has this id or one that differs from it in its owner slot alone; there is one at most
    /// ([`RunId::for_idempotency_key`]). One round of its own.
    async fn get_at_any_slot(&self, key: &RunKey) -> Result<Option<Found<RunWithSteps>>, StoreError>;

    /// A run with the steps of one node, likewise, but of the newest iterations, at most
    /// [`domain::limits::MAX_ITERATIONS_SHOWN`]; with `before` of those that were before it.
    async fn get_node(
        &self,
        key: &RunKey,
        node: &NodeId,
        before: Option<&Iteration>,
    ) -> Result<Option<Found<RunWithSteps>>, StoreError>;

    /// A run with these steps alone, none of whose outputs is left out: of a node that of one iteration, or the newest.
    async fn get_steps(
        &self,
        key: &RunKey,
        steps: &[(NodeId, Option<Iteration>)],
    ) -> Result<Option<Found<RunWithSteps>>, StoreError>;

    /// Where the runs are now; what does not exist is missing. One cheap read, however many: what a long poll
    /// repeats.
    async fn heads(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, Found<Head>>, StoreError>;

    /// Runs of a workflow by `created_at`, newest first.
    async fn list(
        &self,
        tenant: &TenantId,
        workflow: WorkflowId,
        page: &PageRequest,
    ) -> Result<Page<RunSummary>, StoreError>;
}

/// Facts about runs, as workers and the scheduler record them.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Runs, each in its newest known revision.
    pub runs: Vec<(TenantId, Run)>,
    /// Steps, each in its newest known state.
    pub steps: Vec<StepFact>,
}

impl Facts {
    /// Facts about runs whose steps have not changed.
    #[must_use]
    pub const fn of_runs(runs: Vec<(TenantId, Run)>) -> Self {
        Self { runs, steps: Vec::new() }
    }
}

/// A step of a run.
#[derive(Debug, Clone)]
pub struct StepFact {
    /// Whose.
    pub tenant: TenantId,
    /// Of which run.
    pub run_id: RunId,
    /// The run's attempt: a newer one wins.
    pub run_attempt: u32,
    /// The run's revision at which the step became this: within an attempt a newer one wins.
    pub revision: u64,
    /// Its place among the run's steps, by when it began.
    pub ordinal: u32,
    /// The step. Its node and its iteration tell it from the run's other ones.
    pub step: Step,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The run's attempt.
    pub attempt: u32,
    /// The run's revision.
    pub revision: u64,
    /// The run's status.
    pub status: RunStatus,
}

impl Head {
    /// Where this run is.
    #[must_use]
    pub const fn of(run: &Run) -> Self {
        Self { attempt: run.attempt, revision: run.revision, status: run.status }
    }

    /// Whether this is of a later moment than the other, whoever knows them: the store, a worker, another replica. A
    /// later attempt is newer than every revision of an earlier one, whatever has become of it; within an attempt each
    /// change has a revision of its own.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        (self.attempt, self.revision) > (other.attempt, other.revision)
    }
}

#[cfg(any(test, feature = "testing"))]
mod in_memory {
    use std::collections::HashSet;

    use domain::limits::{MAX_ANSWER_BYTES, MAX_ITERATIONS_SHOWN};

    use super::*;
    use crate::store::{
        Cursor, UnreadableRow,
        memory::{Call, MemoryStore, State, keep_newest, page},
    };

    #[expect(missing_docs, reason = "the trait says what they are")]
    impl Call {
        pub const RECORD: Self = Self::write("record");
        pub const ANNOUNCE: Self = Self::write("announce");
        pub const GET: Self = Self::look("get");
        pub const GET_AT_ANY_SLOT: Self = Self::look("get at any slot");
        pub const GET_NODE: Self = Self::look("get node");
        pub const GET_STEPS: Self = Self::look("get steps");
        pub const HEADS: Self = Self::look("heads");
        pub const LIST_RUNS: Self = Self::read("list runs");
    }

    #[async_trait]
    impl RunStore for MemoryStore {
        async fn record(&self, facts: &Facts) -> Result<(), StoreError> {
            self.write(Call::RECORD, |state| {
                if facts.steps.iter().any(|fact| Some(fact.run_id) == state.refused) {
                    return Err(StoreError::Server { code: 53, message: "a tested refusal".into() });
                }
                assert!(!facts.steps.iter().any(|fact| Some(fact.run_id) == state.panics), "a tested panic");
                for fact in &facts.steps {
                    let steps = state.steps.entry((fact.tenant.clone(), fact.run_id)).or_default();
                    let id = (fact.step.node_id.clone(), fact.step.iteration.clone());
                    keep_newest(steps, id, fact.clone(), |fact| (fact.run_attempt, fact.revision));
                }
                for (tenant, run) in &facts.runs {
                    keep(state, tenant, run);
                }
                Ok(())
            })
            .await
        }

        fn announce(&self, runs: Vec<(TenantId, Run)>) {
            self.tell(Call::ANNOUNCE, |state| runs.iter().for_each(|(tenant, run)| keep(state, tenant, run)));
        }

        async fn get(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, Found<RunWithSteps>>, StoreError> {
            self.look(Call::GET, keys, |state| {
                let found = |key: &RunKey| Some((key.clone(), run_of(state, key, Which::Newest)?));
                keys.iter().filter_map(found).collect()
            })
            .await
        }

        async fn get_at_any_slot(&self, key: &RunKey) -> Result<Option<Found<RunWithSteps>>, StoreError> {
            self.look(Call::GET_AT_ANY_SLOT, std::slice::from_ref(key), |state| {
                let (first, last) = key.1.at_any_slot();
                let mut found = state.runs.range((key.0.clone(), first)..=(key.0.clone(), last));
                run_of(state, found.next()?.0, Which::Newest)
            })
            .await
        }

        async fn get_node(
            &self,
            key: &RunKey,
            node: &NodeId,
            before: Option<&Iteration>,
        ) -> Result<Option<Found<RunWithSteps>>, StoreError> {
            self.look(Call::GET_NODE, std::slice::from_ref(key), |state| {
                run_of(state, key, Which::OfNode(node, before))
            })
            .await
        }

        async fn get_steps(
            &self,
            key: &RunKey,
            steps: &[(NodeId, Option<Iteration>)],
        ) -> Result<Option<Found<RunWithSteps>>, StoreError> {
            self.look(Call::GET_STEPS, std::slice::from_ref(key), |state| {
                run_of(state, key, Which::These(steps))
            })
            .await
        }

        async fn heads(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, Found<Head>>, StoreError> {
            self.look(Call::HEADS, keys, |state| {
                let found = |key: &RunKey| {
                    let head = Head::of(state.runs.get(key)?);
                    Some((key.clone(), state.readable(key.1.0).map(|()| head)))
                };
                keys.iter().filter_map(found).collect()
            })
            .await
        }

        async fn list(
            &self,
            tenant: &TenantId,
            workflow: WorkflowId,
            request: &PageRequest,
        ) -> Result<Page<RunSummary>, StoreError> {
            self.read(Call::LIST_RUNS, |state| {
                let rows = state
                    .runs
                    .iter()
                    .filter(|((owner, _), run)| owner == tenant && run.workflow_id == workflow)
                    .map(|(_, run)| {
                        let place = Cursor { at: run.created_at, id: run.id.0 };
                        (place, state.readable(place.id).map(|()| summary(run)))
                    })
                    .collect();
                page(rows, request)
            })
            .await
        }
    }

    /// Which steps of a run.
    #[derive(Clone, Copy)]
    enum Which<'a> {
        /// The newest one of each node.
        Newest,
        /// The newest ones of this node, or the newest before one.
        OfNode(&'a NodeId, Option<&'a Iteration>),
        /// These.
        These(&'a [(NodeId, Option<Iteration>)]),
    }

    fn run_of(state: &State, key: &RunKey, which: Which<'_>) -> Option<Found<RunWithSteps>> {
        let run = state.runs.get(key)?.clone();
        let run = RunWithSteps::whole(run, steps_of(state, key, which));
        let run = if matches!(which, Which::These(_)) { run } else { run.within(MAX_ANSWER_BYTES) };
        Some(state.readable(key.1.0).map(|()| run))
    }

    fn keep(state: &mut State, tenant: &TenantId, run: &Run) {
        let key = (tenant.clone(), run.id);
        keep_newest(&mut state.runs, key, run.clone(), |run| (run.attempt, run.revision));
        state.recorded.entry(run.id).or_default().push(run.status);
    }

    fn steps_of(state: &State, key: &RunKey, which: Which<'_>) -> Vec<Step> {
        let mut facts: Vec<&StepFact> =
            state.steps.get(key).into_iter().flat_map(|steps| steps.values()).collect();
        facts.sort_by_key(|fact| std::cmp::Reverse((fact.run_attempt, fact.revision)));
        let mut seen = HashSet::new();
        match which {
            Which::Newest => facts.retain(|fact| seen.insert(&fact.step.node_id)),
            Which::OfNode(node, before) => {
                facts.retain(|fact| fact.step.node_id == *node);
                facts.retain(|fact| before.is_none_or(|before| fact.step.iteration < *before));
                facts.truncate(MAX_ITERATIONS_SHOWN);
            }
            Which::These(steps) => facts.retain(|fact| {
                let Step { node_id, iteration, .. } = &fact.step;
                let newest = seen.insert(node_id);
                steps
                    .iter()
                    .any(|(node, at)| node == node_id && at.as_ref().map_or(newest, |at| at == iteration))
            }),
        }
        facts.sort_by_key(|fact| (fact.ordinal, &fact.step.node_id, &fact.step.iteration));
        let damaged = |step: &Step| state.damaged_steps.contains(&(key.1, step.node_id.clone()));
        let shown = |fact: &StepFact| {
            let step = fact.step.clone();
            if damaged(&step) { step.unreadable(UnreadableRow::tested().to_string()) } else { step }
        };
        facts.into_iter().map(shown).collect()
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
}
