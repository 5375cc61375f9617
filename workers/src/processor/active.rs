//! A run in memory.

use std::{collections::BTreeMap, sync::Arc};

use domain::{definition::Node, run::RunWaitsFor, timestamp::Timestamp, workflow::DocumentText};

use super::{Task, pending::Pending, to_begin::bytes_of, weight};
use crate::{
    engine::{Crossings, Execute, RunState, StepKey, Timer},
    journal::{DocumentHash, Standing},
    runner::{Attempt, Compiled, Input, Inputs},
};

pub(super) struct Active {
    pub(super) state: RunState,
    pub(super) workflow: Arc<Compiled>,
    pub(super) hash: DocumentHash,
    pub(super) document: DocumentText,
    /// `None`: the journal does not know it yet.
    pub(super) stored: Option<Stored>,
    /// Its header as a row for the journal, if it was made already.
    pub(super) row: Option<Vec<u8>>,
    /// While it waits to begin: what it takes of the journal, in bytes.
    pub(super) to_begin: usize,
    /// How it stands in its group of runs that share a limit, if it is of one.
    pub(super) standing: Option<Standing>,
    /// What this turn has changed so far.
    pub(super) pending: Option<Box<Pending>>,
    /// About how many bytes of memory it takes, as it was when it was weighed last.
    weight: usize,
    /// Of that, what each node's steps brought.
    node_weights: Vec<usize>,
    /// And what its loops keep.
    kept_weight: usize,
}

/// What the journal holds of a run.
#[derive(Default)]
pub(super) struct Stored {
    /// Rows of events.
    pub(super) rows: u32,
    /// What they take since it was written how far the run had come, in bytes.
    pub(super) bytes: usize,
    /// And what that takes.
    pub(super) progress_bytes: usize,
    /// The memory that it is said to take, if it is listed as one that takes long to read; else 0.
    pub(super) long: u64,
    /// Whether it is marked as parked.
    pub(super) parked: bool,
    /// Its timers.
    pub(super) timers: BTreeMap<Timer, Timestamp>,
}

impl Active {
    pub(super) fn new(task: Task) -> Self {
        let Task { header, hash, document, workflow } = task;
        let state = RunState::new(header, Arc::clone(workflow.definition()));
        Self::weighed(state, workflow, hash, document, None)
    }

    /// A run as the journal holds it; while it waits to begin, with what it takes of that, and how it stands in its
    /// group.
    pub(super) fn stored(
        state: RunState,
        workflow: Arc<Compiled>,
        (hash, document): (DocumentHash, DocumentText),
        stored: Stored,
        (to_begin, standing): (u64, Option<Standing>),
    ) -> Self {
        let run = Self::weighed(state, workflow, hash, document, Some(stored));
        Self { to_begin: bytes_of(to_begin), standing, ..run }
    }

    fn weighed(
        state: RunState,
        workflow: Arc<Compiled>,
        hash: DocumentHash,
        document: DocumentText,
        stored: Option<Stored>,
    ) -> Self {
        let weight = weight::of_new_run(state.header(), state.steps().nodes(), document.as_str().len());
        let node_weights = vec![0; state.steps().nodes()];
        let mut active = Self {
            state,
            workflow,
            hash,
            document,
            stored,
            row: None,
            to_begin: 0,
            standing: None,
            pending: None,
            weight,
            node_weights,
            kept_weight: 0,
        };
        active.weigh_nodes(0..active.node_weights.len());
        active
    }

    /// Whether it waits until fewer of its group run.
    pub(super) fn awaits_seat(&self) -> bool {
        self.standing.as_ref().is_some_and(|standing| standing.waits.is_some())
    }

    /// What it waits for to begin.
    pub(super) fn waits_for(&self) -> Option<RunWaitsFor> {
        let limit = self.state.definition().concurrency.as_ref().filter(|_| self.awaits_seat())?;
        Some(RunWaitsFor { seat: limit.into() })
    }

    /// About how many bytes of memory it takes.
    pub(super) const fn weight(&self) -> usize {
        self.weight
    }

    /// Weighs what has changed since it was weighed last.
    pub(super) fn weigh_changes(&mut self) {
        let changed: Vec<_> = self.state.changed_nodes().collect();
        self.weigh_nodes(changed);
    }

    fn weigh_nodes(&mut self, nodes: impl IntoIterator<Item = usize>) {
        for node in nodes {
            let now = self.state.steps().of(node).map(weight::of_step).sum();
            let before = std::mem::replace(&mut self.node_weights[node], now);
            self.weight = self.weight + now - before;
        }
        let kept = self.state.kept_memory();
        self.weight = self.weight + kept - std::mem::replace(&mut self.kept_weight, kept);
    }

    /// The attempt of a step that is under way, as its state says.
    pub(super) fn under_way(&self, step: StepKey) -> Option<Attempt> {
        let run = self.state.steps().get(&step)?;
        let (attempt, kept, woken) = (run.attempts(), run.kept().cloned(), run.woken().cloned());
        Some(self.attempt(Execute { step, attempt, kept, woken }))
    }

    /// One attempt, for the runner.
    pub(super) fn attempt(&self, execute: Execute) -> Attempt {
        let steps = self.state.steps();
        let input = |input: crate::engine::Input<'_>| Input {
            place: input.place,
            name: input.name.map(str::to_owned),
            items: input.items,
        };
        let inputs = Inputs(self.state.inputs(&execute.step).into_iter().map(input).collect());
        let outputs = if self.workflow.reads_outputs(execute.step.node) {
            (0..steps.nodes()).map(|node| self.state.seen_by(&execute.step, node).cloned()).collect()
        } else {
            Vec::new()
        };
        let (round, earlier) =
            (self.state.round(&execute.step), self.state.earlier_run_of(execute.step.node));
        let reads = !outputs.is_empty();
        let crossings = if reads { self.state.crossings(&execute.step) } else { Crossings::default() };
        let attempt = Attempt::new(&self.workflow, self.state.header(), execute, inputs, outputs);
        attempt.crossing(crossings).in_round(round).given_by(earlier)
    }

    /// Whether the step only computes.
    pub(super) fn is_pure(&self, step: &StepKey) -> bool {
        self.state.definition().nodes.get(step.node).is_some_and(Node::is_pure)
    }

    /// When its next timer is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.state.timers().map(|(_, at)| at).min()
    }
}
