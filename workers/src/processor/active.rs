//! A run in memory.

use std::{collections::BTreeMap, sync::Arc};

use domain::{timestamp::Timestamp, workflow::DocumentText};
use serde_json::Value;

use super::{Task, turn::Turn};
use crate::{
    engine::{Effect, RunEvent, RunState, Timer},
    journal::DocumentHash,
    runner::{Compiled, StepTask},
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

/// What a turn changes of a run.
pub(super) struct Pending {
    /// The revision before.
    pub(super) revision: u64,
    pub(super) events: Vec<RunEvent>,
    /// Timers that are set, or not needed any more.
    pub(super) timers: BTreeMap<Timer, Option<Timestamp>>,
    /// Attempts to begin after the commit.
    pub(super) executes: Vec<Execute>,
    /// Nodes whose attempts to cut off after the commit.
    pub(super) aborts: Vec<usize>,
}

/// An attempt of a node.
pub(super) struct Execute {
    pub(super) node: usize,
    pub(super) attempt: u32,
    pub(super) partial: Option<Arc<Value>>,
}

impl Active {
    pub(super) fn new(task: Task) -> Self {
        let Task { header, hash, document, workflow } = task;
        let state = RunState::new(header, Arc::clone(workflow.definition()));
        Self { state, workflow, hash, document, stored: None, pending: None }
    }

    /// What this turn has changed so far, taken out while it changes further.
    pub(super) fn take_pending(&mut self, turn: &mut Turn) -> Box<Pending> {
        self.pending.take().unwrap_or_else(|| {
            turn.touched.push(self.state.header().run_id);
            Box::new(Pending::new(self.state.revision()))
        })
    }

    /// One attempt, for the runner.
    pub(super) fn step(&self, execute: Execute) -> StepTask {
        let Execute { node, attempt, partial } = execute;
        let inputs = self.state.inputs(node);
        let outputs = if self.workflow.reads_outputs(node) {
            self.state.nodes().iter().map(|run| run.output().cloned()).collect()
        } else {
            Vec::new()
        };
        StepTask {
            run: Arc::clone(self.state.header()),
            workflow: Arc::clone(&self.workflow),
            node,
            attempt,
            partial,
            inputs: inputs.into_iter().map(|(input, items)| (input.map(str::to_owned), items)).collect(),
            outputs,
        }
    }

    /// Whether the node only computes.
    pub(super) fn is_pure(&self, node: usize) -> bool {
        self.state.definition().nodes.get(node).is_some_and(|node| node.kind.pure)
    }

    /// When its next timer is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.state.timers().map(|(_, at)| at).min()
    }
}

impl Pending {
    pub(super) fn new(revision: u64) -> Self {
        Self {
            revision,
            events: Vec::new(),
            timers: BTreeMap::new(),
            executes: Vec::new(),
            aborts: Vec::new(),
        }
    }

    /// Notes what has to be done after the commit.
    pub(super) fn add(&mut self, effect: Effect) {
        match effect {
            Effect::Execute { node, attempt, partial } => {
                self.executes.push(Execute { node, attempt, partial });
            }
            Effect::Abort { node } => {
                self.executes.retain(|execute| execute.node != node);
                self.aborts.push(node);
            }
            Effect::SetTimer { timer, at } => {
                self.timers.insert(timer, Some(at));
            }
            Effect::CancelTimer(timer) => {
                self.timers.insert(timer, None);
            }
        }
    }
}
