//! The steps of a run, by node: the newest of each, and what an earlier one gave.

use std::borrow::Cow;

use domain::iteration::Iteration;

use super::{key::StepKey, step_run::StepRun};

/// The steps of a run that are kept. Of a node in a loop that is the step of the newest iteration that has reached it,
/// and the newest earlier one that gave something: nothing else can be asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Steps(Vec<NodeSteps>);

#[derive(Debug, Clone, PartialEq)]
struct NodeSteps {
    now: StepRun,
    last: Option<Box<StepRun>>,
}

impl Steps {
    /// One step for each node, given its iteration and how many edges lead to it.
    pub(super) fn new(steps: impl Iterator<Item = (Iteration, u32)>) -> Self {
        let step = |(iteration, open)| NodeSteps { now: StepRun::new(iteration, open, 0), last: None };
        Self(steps.map(step).collect())
    }

    /// As they were kept: of each node the newest, and an earlier one.
    pub(super) fn kept(steps: impl Iterator<Item = (StepRun, Option<StepRun>)>) -> Self {
        Self(steps.map(|(now, last)| NodeSteps { now, last: last.map(Box::new) }).collect())
    }

    /// How many nodes there are.
    #[must_use]
    pub const fn nodes(&self) -> usize {
        self.0.len()
    }

    /// A step.
    #[must_use]
    pub fn get(&self, key: &StepKey) -> Option<&StepRun> {
        self.of(key.node).find(|step| *step.iteration() == key.iteration)
    }

    /// A step to which something may happen.
    pub(super) fn get_mut(&mut self, key: &StepKey) -> Option<&mut StepRun> {
        let now = &mut self.0.get_mut(key.node)?.now;
        (*now.iteration() == key.iteration).then_some(now)
    }

    /// A node's step of the newest iteration, whether it has begun or not.
    ///
    /// # Panics
    /// When there is no such node.
    pub(super) fn now(&self, node: usize) -> &StepRun {
        &self.0[node].now
    }

    pub(super) fn now_mut(&mut self, node: usize) -> &mut StepRun {
        &mut self.0[node].now
    }

    /// A node's steps that are kept, the newest first.
    pub fn of(&self, node: usize) -> impl Iterator<Item = &StepRun> {
        self.0.get(node).into_iter().flat_map(|of| std::iter::once(&of.now).chain(of.last.as_deref()))
    }

    /// A node's newest step that has begun or was skipped.
    #[must_use]
    pub fn newest(&self, node: usize) -> Option<&StepRun> {
        self.of(node).find(|step| step.ordinal().is_some())
    }

    /// The step of the newest iteration of every node, in the definition's order.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &StepRun)> {
        self.0.iter().enumerate().map(|(node, of)| (node, &of.now))
    }

    /// A node starts anew in another iteration. What it was before; its output is kept until it gives another one.
    pub(super) fn renew(&mut self, node: usize, step: StepRun) -> Renewed<'_> {
        let of = &mut self.0[node];
        let before = std::mem::replace(&mut of.now, step);
        if before.output().is_some() {
            let freed = of.last.replace(Box::new(before)).map_or(0, |last| last.bytes);
            return Renewed { before: of.last.as_deref().map(Cow::Borrowed), freed };
        }
        let freed = before.bytes;
        Renewed { before: before.ordinal().is_some().then_some(Cow::Owned(before)), freed }
    }
}

/// What became of a node's step when another iteration began.
pub(super) struct Renewed<'s> {
    /// The step as it ended; `None`: it had not begun.
    pub(super) before: Option<Cow<'s, StepRun>>,
    /// How much less is kept, in bytes of compact JSON.
    pub(super) freed: usize,
}
