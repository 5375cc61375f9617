//! What follows once a node is settled: the nodes behind it run or are skipped, or the run is complete.

use std::collections::VecDeque;

use domain::run::{NodeError, RunStatus};

use super::Deciding;
use crate::engine::{event::RunEvent, illegal::Illegal, node::NodeState};

impl Deciding<'_> {
    /// Goes on from every node whose inputs are settled: at the start, and after a recovery.
    pub(super) fn settle_ready(&mut self) -> Result<(), Illegal> {
        let kind = &self.state.header.trigger.kind;
        let Some(trigger) = self.state.definition.trigger(kind) else {
            let version = self.state.header.workflow_version;
            let message = format!("version {version} of the workflow has no trigger of the kind {kind:?}");
            return self.fail_run(Box::new(NodeError::new("no_trigger", message)));
        };
        self.settle_from((0..self.state.nodes().len()).collect(), Some(trigger))
    }

    /// Goes on from a node that was just settled.
    pub(super) fn settle_after(&mut self, node: usize) -> Result<(), Illegal> {
        let mut nodes = VecDeque::new();
        self.push_successors(node, &mut nodes);
        self.settle_from(nodes, None)
    }

    /// A work list instead of recursion: a chain may be as long as a workflow. Each edge is followed once in a run.
    fn settle_from(&mut self, mut nodes: VecDeque<usize>, trigger: Option<usize>) -> Result<(), Illegal> {
        while let Some(node) = nodes.pop_front() {
            // Most joins still wait for another edge; some are named twice, by two edges from the same node.
            let NodeState::Waiting { open: 0, delivering } = self.state.nodes()[node].state else { continue };
            if delivering > 0 {
                self.begin_attempt(node, 1)?;
                continue;
            }
            if trigger == Some(node) {
                match self.emit(RunEvent::Triggered { node, at: self.now }) {
                    Err(Illegal::Input(message)) => {
                        return self.fail_run(Box::new(NodeError::new("invalid_input", message)));
                    }
                    emitted => emitted?,
                }
            } else {
                self.emit(RunEvent::StepSkipped { node, at: self.now })?;
            }
            self.push_successors(node, &mut nodes);
        }
        if self.state.progress.unsettled == 0 {
            return self.end(RunStatus::Succeeded, None);
        }
        Ok(())
    }

    fn push_successors(&self, node: usize, nodes: &mut VecDeque<usize>) {
        let definition = &self.state.definition;
        nodes.extend(definition.nodes[node].outgoing.iter().map(|&edge| definition.edges[edge].target));
    }
}
