//! The steps of a run, by node and iteration.

use domain::iteration::Iteration;
use smallvec::{SmallVec, smallvec};

use super::{key::StepKey, step_run::StepRun};

/// All steps of a run. A node outside loops has one from the start, in whatever state, and no list of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Steps(Vec<SmallVec<[StepRun; 1]>>);

impl Steps {
    /// One step for each node, given how many edges lead to it.
    pub(super) fn outside(incoming: impl Iterator<Item = usize>) -> Self {
        let step = |edges| StepRun::new(Iteration::outside(), u32::try_from(edges).unwrap_or(u32::MAX));
        Self(incoming.map(|edges| smallvec![step(edges)]).collect())
    }

    /// How many nodes there are.
    #[must_use]
    pub const fn nodes(&self) -> usize {
        self.0.len()
    }

    /// A step.
    #[must_use]
    pub fn get(&self, key: &StepKey) -> Option<&StepRun> {
        // The newest iteration is the one that is asked for most.
        self.0.get(key.node)?.iter().rfind(|step| step.iteration == key.iteration)
    }

    pub(super) fn get_mut(&mut self, key: &StepKey) -> Option<&mut StepRun> {
        self.0.get_mut(key.node)?.iter_mut().rfind(|step| step.iteration == key.iteration)
    }

    /// A node's steps, one an iteration, in their order.
    #[must_use]
    pub fn of(&self, node: usize) -> &[StepRun] {
        self.0.get(node).map_or(&[], SmallVec::as_slice)
    }

    /// Every step with its key's parts, in the definition's order, a node's in the order of iterations.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &StepRun)> {
        self.0.iter().enumerate().flat_map(|(node, steps)| steps.iter().map(move |step| (node, step)))
    }

    /// The keys of the steps for which `wanted` holds.
    pub(super) fn keys(&self, wanted: impl Fn(&StepRun) -> bool) -> Vec<StepKey> {
        let wanted = self.iter().filter(|(_, step)| wanted(step));
        wanted.map(|(node, step)| StepKey { node, iteration: step.iteration.clone() }).collect()
    }
}
