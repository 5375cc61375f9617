//! A run in memory.

use std::{collections::BTreeMap, sync::Arc};

use domain::{definition::Node, timestamp::Timestamp, workflow::DocumentText};

use super::{Task, pending::Pending};
use crate::{
    engine::{Execute, RunState, StepKey, Timer},
    journal::DocumentHash,
    runner::{Attempt, Compiled, Input, Inputs},
};

pub(super) struct Active {
    pub(super) state: RunState,
    pub(super) workflow: Arc<Compiled>,
    pub(super) hash: DocumentHash,
    pub(super) document: DocumentText,
    /// `None`: the journal does not know it yet.
    pub(super) stored: Option<Stored>,
    /// What this turn has changed so far.
    pub(super) pending: Option<Box<Pending>>,
}

/// What the journal holds of a run.
#[derive(Default)]
pub(super) struct Stored {
    /// Rows of events.
    pub(super) rows: u32,
    /// Whether it is marked as parked.
    pub(super) parked: bool,
    /// Its timers.
    pub(super) timers: BTreeMap<Timer, Timestamp>,
}

impl Active {
    pub(super) fn new(task: Task) -> Self {
        let Task { header, hash, document, workflow } = task;
        let state = RunState::new(header, Arc::clone(workflow.definition()));
        Self { state, workflow, hash, document, stored: None, pending: None }
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
            (0..steps.nodes()).map(|node| steps.of(node).last()?.output().cloned()).collect()
        } else {
            Vec::new()
        };
        Attempt::new(&self.workflow, self.state.header(), execute, inputs, outputs)
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
