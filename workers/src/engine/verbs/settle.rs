//! What follows once a step is settled: the nodes behind it run or are skipped, or the run is complete.

use domain::run::{NodeError, RunStatus};
use smallvec::SmallVec;

use super::Deciding;
use crate::engine::{
    effect::{Effect, Execute},
    event::StepChange,
    illegal::Illegal,
    key::StepKey,
    step_run::StepState,
};

/// Steps to look at, in order. Most steps have few successors; for those it allocates nothing.
type WorkList = SmallVec<[StepKey; 4]>;

impl Deciding<'_> {
    /// Goes on from every step whose inputs are settled: at the start, and after a recovery.
    pub(super) fn settle_ready(&mut self) -> Result<(), Illegal> {
        let kind = &self.state.header.trigger.kind;
        let Some(trigger) = self.state.definition.trigger(kind) else {
            let version = self.state.header.workflow_version;
            let message = format!("version {version} of the workflow has no trigger of the kind {kind:?}");
            return self.fail_run(Box::new(NodeError::new("no_trigger", message)));
        };
        let pending =
            self.state.steps().keys(|step| matches!(step.state(), StepState::Pending { open: 0, .. }));
        self.settle_from(pending.into(), Some(trigger))
    }

    /// Goes on from a step that was just settled.
    pub(super) fn settle_after(&mut self, step: &StepKey) -> Result<(), Illegal> {
        let mut steps = WorkList::new();
        self.push_successors(step, &mut steps);
        self.settle_from(steps, None)
    }

    /// A work list instead of recursion: a chain may be as long as a workflow. Each edge is followed once in a run.
    fn settle_from(&mut self, mut steps: WorkList, trigger: Option<usize>) -> Result<(), Illegal> {
        let mut next = 0;
        while let Some(step) = steps.get(next).cloned() {
            next += 1;
            // Most joins still wait for another edge; some are named twice, by two edges from the same node.
            let StepState::Pending { open: 0, delivering } = *self.step(&step)?.state() else { continue };
            if delivering > 0 {
                self.change(&step, 1, StepChange::Started)?;
                self.effect(Effect::Execute(Execute::first(step)));
                continue;
            }
            if trigger == Some(step.node) {
                match self.change(&step, 1, StepChange::Triggered) {
                    Err(Illegal::Input(message)) => {
                        return self.fail_run(Box::new(NodeError::new("invalid_input", message)));
                    }
                    changed => changed?,
                }
            } else {
                self.change(&step, 0, StepChange::Skipped)?;
            }
            self.push_successors(&step, &mut steps);
        }
        if self.state.progress.unsettled == 0 {
            return self.end(RunStatus::Succeeded, None);
        }
        Ok(())
    }

    fn push_successors(&self, step: &StepKey, steps: &mut WorkList) {
        let definition = &self.state.definition;
        let targets = definition.nodes[step.node].outgoing.iter().map(|&edge| definition.edges[edge].target);
        steps.extend(targets.map(|node| StepKey { node, iteration: step.iteration.clone() }));
    }
}
