//! How far a run has come, without what follows from it: what the journal keeps instead of the events that led there.

use std::{collections::BTreeMap, sync::Arc};

use domain::{items::Items, iteration::Iteration, run::RunResponse, timestamp::Timestamp};

use super::{
    apply,
    flow::{Flow, Size},
    illegal::Illegal,
    scope_run::{Leaving, ScopeRun},
    state::{Phase, Progress, RunState},
    step_run::{StepRun, StepState},
    steps::Steps,
};
pub(crate) use super::{scope_run::Brought, step_run::Carried};

/// A run that has begun and not ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeptProgress {
    /// How many events led here.
    pub(crate) revision: u64,
    pub(crate) started_at: Timestamp,
    /// Steps that have begun or were skipped.
    pub(crate) begun: u32,
    /// What all steps gave, in bytes of compact JSON.
    pub(crate) recorded: usize,
    /// Nodes that come next.
    pub(crate) ready: Vec<usize>,
    /// An edge that has brought too much out of a loop.
    pub(crate) overfull: Option<usize>,
    /// What the run answers.
    pub(crate) response: Option<Arc<RunResponse>>,
    /// By node: its step of the newest iteration, and the newest earlier one that gave something.
    pub(crate) steps: Vec<(KeptStep, Option<KeptStep>)>,
    /// The run as a whole, and its loops.
    pub(crate) scopes: Vec<KeptScope>,
}

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeptStep {
    pub(crate) iteration: Iteration,
    pub(crate) state: StepState,
    pub(crate) attempts: u32,
    pub(crate) interruptions: u32,
    pub(crate) put_aside: bool,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) tried_since: Option<Timestamp>,
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) ordinal: Option<u32>,
    pub(crate) changed: u64,
    pub(crate) carried: Option<Box<Carried>>,
}

/// A loop, or the run as a whole.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeptScope {
    pub(crate) iteration: Iteration,
    pub(crate) open: usize,
    pub(crate) over: bool,
    pub(crate) taken: usize,
    /// Whether it has begun to hand out what it was given.
    pub(crate) given: bool,
    pub(crate) began_with: Vec<Brought>,
    pub(crate) back: Vec<Brought>,
    pub(crate) returned: Vec<Brought>,
    /// What leaves it, by edge.
    pub(crate) exits: BTreeMap<usize, Vec<Items>>,
}

impl RunState {
    /// How far it has come; `None`: it has not begun, or it has ended.
    #[must_use]
    pub(crate) fn kept(&self) -> Option<KeptProgress> {
        let progress = &self.progress;
        let Phase::Started { at } = progress.phase else { return None };
        let steps = (0..progress.steps.nodes()).map(|node| {
            let now = KeptStep::from(progress.steps.now(node));
            (now, progress.steps.of(node).nth(1).map(KeptStep::from))
        });
        Some(KeptProgress {
            revision: progress.revision,
            started_at: at,
            begun: progress.begun,
            recorded: progress.recorded,
            ready: progress.ready.iter().copied().collect(),
            overfull: progress.overfull,
            response: progress.response.clone(),
            steps: steps.collect(),
            scopes: progress.scopes.iter().map(KeptScope::from).collect(),
        })
    }

    /// Goes on from where it had come to.
    ///
    /// # Errors
    /// When that is of another workflow.
    pub(crate) fn go_on_from(&mut self, kept: KeptProgress) -> Result<(), Illegal> {
        let KeptProgress { revision, started_at, begun, recorded, ready, overfull, response, steps, scopes } =
            kept;
        let loops = self.definition.loops.scopes();
        let fits = |node: &usize| *node < self.definition.nodes.len();
        let mut edges = scopes.iter().flat_map(|scope| scope.exits.keys()).chain(&overfull);
        let all_fit = steps.len() == self.definition.nodes.len()
            && scopes.len() == loops.len()
            && ready.iter().all(fits)
            && edges.all(|edge| *edge < self.definition.edges.len());
        if !all_fit {
            return Err(Illegal::OtherWorkflow);
        }
        let given: Vec<usize> = (0..scopes.len()).filter(|scope| scopes[*scope].given).collect();
        let steps = steps.into_iter().map(|(now, last)| (now.into(), last.map(StepRun::from)));
        let mut progress = Progress {
            phase: Phase::Started { at: started_at },
            revision,
            steps: Steps::kept(steps),
            scopes: scopes.into_iter().map(ScopeRun::from).collect(),
            ready: ready.into(),
            begun,
            recorded,
            overfull,
            response,
            ..Progress::default()
        };
        for (node, step) in progress.steps.iter().filter(|(_, step)| step.state.is_live()) {
            progress.live.insert(node);
            progress.running += usize::from(step.state == StepState::Running);
        }
        let bytes =
            (0..progress.steps.nodes()).flat_map(|node| progress.steps.of(node).map(|step| step.bytes));
        let kept = Size::of(progress.scopes.iter().flat_map(ScopeRun::kept));
        progress.given = bytes.sum::<usize>() + kept.bytes;
        progress.kept_memory = kept.memory;
        self.progress = progress;
        for scope in given {
            if let Some(entry) = self.definition.loops.scopes()[scope].entry {
                let brought = self.brought_into(entry);
                Flow::new(&self.definition, &mut self.progress).given(entry, brought);
            }
        }
        self.forget_changes();
        Ok(())
    }
}

impl From<&StepRun> for KeptStep {
    fn from(step: &StepRun) -> Self {
        Self {
            iteration: step.iteration.clone(),
            state: step.state.clone(),
            attempts: step.attempts,
            interruptions: step.interruptions,
            put_aside: step.put_aside,
            started_at: step.started_at,
            tried_since: step.tried_since,
            finished_at: step.finished_at,
            ordinal: step.ordinal,
            changed: step.changed,
            carried: step.carried.clone(),
        }
    }
}

impl From<KeptStep> for StepRun {
    fn from(kept: KeptStep) -> Self {
        let mut step = Self {
            iteration: kept.iteration,
            state: kept.state,
            attempts: kept.attempts,
            interruptions: kept.interruptions,
            put_aside: kept.put_aside,
            started_at: kept.started_at,
            tried_since: kept.tried_since,
            finished_at: kept.finished_at,
            ordinal: kept.ordinal,
            changed: kept.changed,
            bytes: 0,
            carried: kept.carried,
        };
        if step.state.is_settled() {
            step.bytes = apply::given(step.output().map(Arc::as_ref), step.error());
        }
        step
    }
}

impl From<&ScopeRun> for KeptScope {
    fn from(scope: &ScopeRun) -> Self {
        let exits = scope.exits.iter().map(|(edge, leaving)| (*edge, leaving.lists.clone()));
        Self {
            iteration: scope.iteration.clone(),
            open: scope.open,
            over: scope.over,
            taken: scope.taken,
            given: scope.given.is_some(),
            began_with: scope.began_with.clone(),
            back: scope.back.clone(),
            returned: scope.returned.clone(),
            exits: exits.collect(),
        }
    }
}

impl From<KeptScope> for ScopeRun {
    fn from(kept: KeptScope) -> Self {
        let exits = kept.exits.into_iter().map(|(edge, lists)| (edge, Leaving::from(lists)));
        Self {
            iteration: kept.iteration,
            open: kept.open,
            over: kept.over,
            taken: kept.taken,
            given: None,
            began_with: kept.began_with,
            back: kept.back,
            returned_items: kept.returned.iter().map(|brought| brought.items.len()).sum(),
            returned: kept.returned,
            exits: exits.collect(),
        }
    }
}
