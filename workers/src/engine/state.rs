//! A run, as the fold of its events.

use std::sync::Arc;

use domain::{
    definition::Definition,
    items::{Items, Ports},
    run::{NodeError, RunStatus, WaitsFor},
    timestamp::Timestamp,
};

use super::{
    command::Timer,
    header::RunHeader,
    illegal::Illegal,
    key::StepKey,
    options::keep_first,
    step_run::{StepRun, StepState},
    steps::Steps,
};

/// A run: what it was started with, and all that has happened since.
#[derive(Debug, Clone)]
pub struct RunState {
    pub(super) header: Arc<RunHeader>,
    pub(super) definition: Arc<Definition>,
    pub(super) progress: Progress,
}

/// The part that changes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Progress {
    pub(super) phase: Phase,
    pub(super) revision: u64,
    pub(super) steps: Steps,
    /// Steps that are neither done, failed, skipped nor cancelled.
    pub(super) unsettled: usize,
    /// Steps with an attempt under way.
    pub(super) running: usize,
    /// Steps that have begun or were skipped: the next ordinal.
    pub(super) begun: u32,
    /// What the settled steps gave, in bytes of compact JSON.
    pub(super) given: usize,
}

/// What one edge brings to a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Input<'s> {
    /// The edge's place among the node's incoming edges.
    pub place: u32,
    /// The input that it leads to, for kinds that tell inputs apart.
    pub name: Option<&'s str>,
    /// Its items.
    pub items: Items,
}

/// Where the run is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    /// Not begun.
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
        let definition = definition.into();
        let steps = Steps::outside(definition.nodes.iter().map(|node| node.incoming.len()));
        let progress = Progress {
            phase: Phase::Queued,
            revision: 0,
            unsettled: steps.nodes(),
            steps,
            running: 0,
            begun: 0,
            given: 0,
        };
        Self { header: header.into(), definition, progress }
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
            Phase::Started { .. } if self.progress.running > 0 => RunStatus::Running,
            Phase::Started { .. } => {
                let waits = self.suspended().next().is_some();
                if waits { RunStatus::Waiting } else { RunStatus::Running }
            }
        }
    }

    /// Whether nothing goes on with it but one of its timers, or what else a step waits for: it may be dropped from
    /// memory and folded again then.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.is_queued() || self.status() == RunStatus::Waiting
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

    /// The steps whose attempts are under way, with the attempt.
    pub fn running(&self) -> impl Iterator<Item = (StepKey, u32)> {
        let running = self.steps().iter().filter(|(_, step)| step.state == StepState::Running);
        running.map(|(node, step)| (key(node, step), step.attempts()))
    }

    /// The steps that go on later, with what they wait for.
    pub fn suspended(&self) -> impl Iterator<Item = (StepKey, &WaitsFor)> {
        self.steps().iter().filter_map(|(node, step)| Some((key(node, step), step.waits_for()?)))
    }

    /// The timers that have to be set; of a run that has not begun, those of one that waits for room.
    pub fn timers(&self) -> impl Iterator<Item = (Timer, Timestamp)> {
        let live = matches!(self.progress.phase, Phase::Started { .. });
        let wakes =
            self.suspended().filter_map(|(step, waits_for)| Some((Timer::Wake(step), waits_for.until?)));
        let begin = self.is_queued().then(|| (Timer::Begin, self.header.created_at));
        let deadline = self.deadline().map(|at| (Timer::Deadline, at));
        begin.into_iter().chain(deadline).chain(wakes.filter(move |_| live))
    }

    /// The items that a step is given: its edges that deliver, in edge order.
    #[must_use]
    pub fn inputs(&self, step: &StepKey) -> Vec<Input<'_>> {
        let Some(node) = self.definition.nodes.get(step.node) else { return Vec::new() };
        let delivering = |(place, &edge): (usize, &usize)| {
            let edge = &self.definition.edges[edge];
            let source = StepKey { node: edge.source, iteration: step.iteration.clone() };
            let output = self.steps().get(&source)?.output()?;
            let items = Arc::clone(delivered(&output.ports, &edge.port)?);
            Some(Input { place: u32::try_from(place).ok()?, name: edge.input.as_deref(), items })
        };
        let mut inputs: Vec<_> = node.incoming.iter().enumerate().filter_map(delivering).collect();
        if node.execute_once && !node.disabled {
            keep_first(&mut inputs, node);
        }
        inputs
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
