//! A run, as the fold of its events.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use domain::{
    course::Course,
    definition::{
        Definition,
        inputs::{Input, keep_first},
    },
    ids::{RunId, SignalName},
    items::{Items, Output, Ports},
    loops::{Destination, WHOLE},
    run::{NodeError, RunResponse, RunStatus, WaitsFor},
    timestamp::Timestamp,
    violation::Violation,
};

use super::{
    command::Timer,
    flow,
    header::RunHeader,
    illegal::Illegal,
    key::StepKey,
    scope_run::{Brought, ScopeRun},
    step_run::StepRun,
    step_state::StepState,
    steps::Steps,
};

/// A run: what it was started with, and all that has happened since.
#[derive(Debug, Clone)]
pub struct RunState {
    pub(super) header: Arc<RunHeader>,
    pub(super) definition: Arc<Definition>,
    /// What becomes of its nodes; why its plan does not fit its workflow.
    pub(super) course: Arc<Result<Course, Vec<Violation>>>,
    pub(super) progress: Progress,
}

/// The part that changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Progress {
    pub(super) phase: Phase,
    pub(super) revision: u64,
    pub(super) steps: Steps,
    /// The run as a whole, and its loops.
    pub(super) scopes: Vec<ScopeRun>,
    /// Nodes whose inputs are settled, and that have neither begun nor been skipped, in that order.
    pub(super) ready: VecDeque<usize>,
    /// Nodes with a step that is under way or goes on later.
    pub(super) live: BTreeSet<usize>,
    /// Steps with an attempt under way.
    pub(super) running: usize,
    /// Steps that have begun or were skipped: the next ordinal.
    pub(super) begun: u32,
    /// What the settled steps gave as far as it is kept, and what loops keep of those that are not, in bytes of compact
    /// JSON.
    pub(super) given: usize,
    /// What all settled steps gave, those of all iterations.
    pub(super) recorded: usize,
    /// How many runs its steps have called.
    pub(super) called: u32,
    /// What loops keep, in bytes of memory.
    pub(super) kept_memory: usize,
    /// An edge that has brought more out of a loop than may leave a step.
    pub(super) overfull: Option<usize>,
    /// What the run answers: what its first `respond` step said.
    pub(super) response: Option<Arc<RunResponse>>,
    pub(super) changes: Changes,
}

/// What has changed that nobody was told of yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Changes {
    /// Up to which revision somebody was.
    pub(super) since: u64,
    /// Nodes whose steps have changed.
    pub(super) nodes: BTreeSet<usize>,
    /// Steps that have changed and are kept no more, or elsewhere, since the next iteration has begun.
    pub(super) gone: Vec<(usize, StepRun)>,
}

/// Where the run is.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Phase {
    /// Not begun.
    #[default]
    Queued,
    /// Begun.
    Started {
        /// When.
        at: Timestamp,
    },
    /// Over.
    Ended {
        /// When it began, if it did.
        started_at: Option<Timestamp>,
        /// How it ended.
        status: RunStatus,
        /// Why, when it did not succeed.
        error: Option<Box<NodeError>>,
        /// When it ended.
        at: Timestamp,
    },
}

impl RunState {
    /// A run to which nothing has happened yet.
    #[must_use]
    pub fn new(header: impl Into<Arc<RunHeader>>, definition: impl Into<Arc<Definition>>) -> Self {
        let (header, definition) = (header.into(), definition.into());
        let course = Course::of(&header.plan, &header.trigger, &header.input, &definition);
        let (steps, scopes) = flow::begin(&definition);
        let is_ready = |(node, step): (usize, &StepRun)| {
            matches!(step.state, StepState::Pending { open: 0, .. }).then_some(node)
        };
        let progress = Progress {
            ready: steps.iter().filter_map(is_ready).collect(),
            steps,
            scopes,
            ..Progress::default()
        };
        Self { header, definition, course: Arc::new(course), progress }
    }

    /// What it was started with.
    #[must_use]
    pub const fn header(&self) -> &Arc<RunHeader> {
        &self.header
    }

    /// What it runs.
    #[must_use]
    pub const fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// What becomes of its nodes; nothing is said of a run whose plan does not fit.
    pub(super) fn course(&self) -> Option<&Course> {
        Result::as_ref(&self.course).ok()
    }

    /// Whether a node is not executed, and what it gives was given to the run.
    #[must_use]
    pub fn is_pinned(&self, node: usize) -> bool {
        self.course().is_some_and(|course| course.is_earlier(node) || course.pinned(node).is_some())
    }

    /// The run in which a node gave what it gives in this one.
    #[must_use]
    pub fn earlier_run_of(&self, node: usize) -> Option<RunId> {
        self.header.trigger.replay_of.filter(|_| self.course().is_some_and(|course| course.is_earlier(node)))
    }

    /// How many events were applied.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.progress.revision
    }

    /// Where it is. `waiting`: nothing runs, and what a step waits for will go on with it.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        match &self.progress.phase {
            Phase::Queued => RunStatus::Queued,
            Phase::Ended { status, .. } => *status,
            // What is live and does not run waits.
            Phase::Started { .. } if self.progress.running == 0 && !self.progress.live.is_empty() => {
                RunStatus::Waiting
            }
            Phase::Started { .. } => RunStatus::Running,
        }
    }

    /// Whether nothing goes on with it but one of its timers, or what else a step waits for: it may be dropped from
    /// memory and folded again then.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.is_queued() || self.status() == RunStatus::Waiting
    }

    /// Up to which attempt the run needs none any more: its own, and all once it was cancelled.
    #[must_use]
    pub fn last_attempt(&self) -> u32 {
        self.status().last_attempt(self.header.attempt)
    }

    /// Whether it has not begun.
    #[must_use]
    pub const fn is_queued(&self) -> bool {
        matches!(self.progress.phase, Phase::Queued)
    }

    /// Whether it has ended.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        matches!(self.progress.phase, Phase::Ended { .. })
    }

    /// Whether all of its steps are settled.
    pub(super) fn is_complete(&self) -> bool {
        self.progress.scopes[WHOLE].open == 0
    }

    /// When it must have begun, or, once it has, have ended. (One that is sent again because its worker was lost had
    /// begun before.)
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        match &self.progress.phase {
            Phase::Queued => {
                (self.header.attempt == 1).then(|| self.header.created_at.plus(self.definition.start_timeout))
            }
            Phase::Started { at } => Some(at.plus(self.definition.timeout)),
            Phase::Ended { .. } => None,
        }
    }

    /// Its steps.
    #[must_use]
    pub const fn steps(&self) -> &Steps {
        &self.progress.steps
    }

    /// What loops keep of what steps gave that are not kept, in bytes of memory.
    #[must_use]
    pub const fn kept_memory(&self) -> usize {
        self.progress.kept_memory
    }

    /// The steps that are under way or go on later.
    pub(super) fn live(&self) -> impl Iterator<Item = (StepKey, &StepRun)> {
        let live = self.progress.live.iter();
        live.map(move |node| {
            let step = self.progress.steps.now(*node);
            (key(*node, step), step)
        })
    }

    /// The steps whose attempts are under way, with the attempt.
    pub fn running(&self) -> impl Iterator<Item = (StepKey, u32)> {
        let running = self.live().filter(|(_, step)| step.state == StepState::Running);
        running.map(|(key, step)| (key, step.attempts()))
    }

    /// The steps that go on later, with what they wait for.
    pub fn suspended(&self) -> impl Iterator<Item = (StepKey, &WaitsFor)> {
        self.live().filter_map(|(key, step)| Some((key, step.waits_for()?)))
    }

    /// Whether that step waits for a signal of that name.
    #[must_use]
    pub fn waits_for_signal(&self, step: &StepKey, name: &SignalName) -> bool {
        let waits_for = self.steps().get(step).and_then(StepRun::waits_for);
        waits_for.is_some_and(|waits_for| waits_for.signal.as_deref() == Some(name.as_str()))
    }

    /// The runs that its steps wait for.
    pub fn open_runs(&self) -> impl Iterator<Item = RunId> {
        self.live().flat_map(|(_, step)| step.open_runs().to_vec())
    }

    /// The timers that have to be set; of a run that has not begun, those of one that waits for room.
    pub fn timers(&self) -> impl Iterator<Item = (Timer, Timestamp)> {
        let live = matches!(self.progress.phase, Phase::Started { .. });
        let wakes =
            self.suspended().filter_map(|(step, waits_for)| Some((Timer::Wake(step), waits_for.until?)));
        // One that another run has started goes on with what has begun: it comes before those that have not.
        let started_by_run = self.header.trigger.parent.is_some();
        let place = if started_by_run { Timestamp::from_millis(0) } else { self.header.created_at };
        let begin = self.is_queued().then_some((Timer::Begin, place));
        let deadline = self.deadline().map(|at| (Timer::Deadline, at));
        begin.into_iter().chain(deadline).chain(wakes.filter(move |_| live))
    }

    /// The items that a step is given: its edges that deliver, in edge order. A `loop` is given all that came from
    /// outside, each time; in further iterations of another loop, its entry is given what came back.
    #[must_use]
    pub fn inputs(&self, step: &StepKey) -> Vec<Input<'_>> {
        let mut inputs = self.brought_to(step);
        if let Some(node) = self.definition.nodes.get(step.node)
            && node.execute_once
            && !node.disabled
        {
            keep_first(&mut inputs, node);
        }
        inputs
    }

    fn brought_to(&self, step: &StepKey) -> Vec<Input<'_>> {
        let Some(node) = self.definition.nodes.get(step.node) else { return Vec::new() };
        if self.steps().now(step.node).iteration != step.iteration {
            return Vec::new();
        }
        let input = |place: u32, items: &Items| {
            let edge = node.incoming.get(place as usize).map(|edge| &self.definition.edges[*edge]);
            Input { place, name: edge.and_then(|edge| edge.input.as_deref()), items: Arc::clone(items) }
        };
        if let Some(scope) = self.definition.loops.entered_at(step.node) {
            let run = &self.progress.scopes[scope];
            if let Some(given) = &run.given {
                let place = given.pieces.first().map_or(0, |(place, _)| *place);
                return vec![input(place, &given.items)];
            }
            if run.iteration.count() > 0 {
                return run.began_with.iter().map(|brought| input(brought.place, &brought.items)).collect();
            }
        }
        (0u32..)
            .zip(&node.incoming)
            .filter_map(|(place, edge)| Some(input(place, self.brought(*edge)?)))
            .collect()
    }

    /// What the edges bring that lead to the entry of a loop from outside.
    pub(super) fn brought_into(&self, entry: usize) -> Vec<Brought> {
        let brought =
            |(place, edge): (u32, &usize)| Some(Brought { place, items: Arc::clone(self.brought(*edge)?) });
        (0u32..).zip(&self.definition.nodes[entry].incoming).filter_map(brought).collect()
    }

    /// What an edge brings that is settled, and leads to another node of the same iteration.
    fn brought(&self, index: usize) -> Option<&Items> {
        let route = self.definition.loops.route(index);
        if route.to == Destination::Back {
            return None;
        }
        if let Some(scope) = route.leaves {
            return self.progress.scopes[scope].exits.get(&index)?.lists.first();
        }
        let edge = &self.definition.edges[index];
        delivered(&self.steps().now(edge.source).output()?.ports, &edge.port)
    }

    /// What a node gave, as a step sees it: of the loops that both are in, in the same iteration, and of others in the
    /// last one in which the node ran.
    #[must_use]
    pub fn seen_by(&self, step: &StepKey, node: usize) -> Option<&Arc<Output>> {
        self.steps_seen_by(step, node).find_map(StepRun::output)
    }

    /// The steps of a node that are kept and that a step can see, the newest first.
    pub(super) fn steps_seen_by(&self, step: &StepKey, node: usize) -> impl Iterator<Item = &StepRun> {
        let depth = self.definition.loops.shared_depth(step.node, node);
        let shared = step.iteration.counters().get(..depth);
        let same =
            move |other: &&StepRun| shared.is_some() && other.iteration.counters().get(..depth) == shared;
        self.steps().of(node).filter(same)
    }

    /// The steps that have changed since [`Self::forget_changes`], with their nodes; a node's in the order of iterations.
    pub fn changes(&self) -> impl Iterator<Item = (usize, &StepRun)> {
        let Changes { gone, nodes, since } = &self.progress.changes;
        let now = nodes.iter().map(move |node| (*node, self.progress.steps.now(*node)));
        let now = now.filter(move |(_, step)| step.changed > *since);
        gone.iter().map(|(node, step)| (*node, step)).chain(now)
    }

    /// The nodes whose steps have changed since then.
    pub fn changed_nodes(&self) -> impl Iterator<Item = usize> {
        self.progress.changes.nodes.iter().copied()
    }

    /// Somebody has been told of all changes.
    pub fn forget_changes(&mut self) {
        self.progress.changes = Changes { since: self.progress.revision, ..Changes::default() };
    }

    pub(super) const fn ensure_not_ended(&self) -> Result<(), Illegal> {
        match &self.progress.phase {
            Phase::Ended { status, .. } => Err(Illegal::Terminal(*status)),
            Phase::Queued | Phase::Started { .. } => Ok(()),
        }
    }

    pub(super) const fn ensure_started(&self) -> Result<(), Illegal> {
        match &self.progress.phase {
            Phase::Queued => Err(Illegal::NotStarted),
            Phase::Started { .. } => Ok(()),
            Phase::Ended { status, .. } => Err(Illegal::Terminal(*status)),
        }
    }
}

/// What an edge from that port brings: nothing unless there is at least one item.
pub(super) fn delivered<'o>(output: &'o Ports, port: &str) -> Option<&'o Items> {
    output.get(port).filter(|items| !items.is_empty())
}

fn key(node: usize, step: &StepRun) -> StepKey {
    StepKey { node, iteration: step.iteration.clone() }
}
