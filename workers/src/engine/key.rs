//! Which step: a node in an iteration.

use domain::iteration::Iteration;

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepKey {
    /// The node's index in the definition, which is fixed for a run.
    pub node: usize,
    /// Which iteration of the loops around it; empty outside loops.
    pub iteration: Iteration,
}

impl StepKey {
    /// The only step of a node outside loops.
    #[must_use]
    pub fn outside(node: usize) -> Self {
        Self { node, iteration: Iteration::outside() }
    }
}
