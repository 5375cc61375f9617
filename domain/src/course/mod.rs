//! How a run goes through its workflow: which node gives its input, and what becomes of each.
//!
//! It follows from the run's plan and the workflow alone, so whoever accepts a run and the worker that executes it
//! agree on it.

mod earlier;
mod planning;
mod reach;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::Value;

use crate::{
    definition::{Definition, Node},
    items::{Output, Ports},
    iteration::Iteration,
    lineage::{Lineage, Origins},
    run::{RunPlan, Trigger},
    violation::Violation,
};

pub use earlier::{Earlier, taken_over};
use planning::Planning;

/// How a run goes through its workflow.
#[derive(Debug, Clone, Default)]
pub struct Course {
    /// The node that gives the run's input; `None`: none does.
    trigger: Option<usize>,
    /// By node; empty: all are executed.
    parts: Vec<Part>,
    /// Whether what is pinned is given once, also in loops that nothing leads into.
    once: bool,
}

/// What a run does with a node.
#[derive(Debug, Clone, Default)]
enum Part {
    /// It is executed once its inputs are there.
    #[default]
    Executed,
    /// It gives this.
    Pinned(Arc<Output>),
    /// It gives what it gave in the run that this one replays.
    Earlier,
    /// It is skipped.
    LeftOut,
}

impl Course {
    /// The course of a run that is started by that trigger with that input.
    ///
    /// # Errors
    /// What of the plan does not fit the workflow, each with its place in the request.
    pub fn of(
        plan: &RunPlan,
        trigger: &Trigger,
        input: &Value,
        definition: &Definition,
    ) -> Result<Self, Vec<Violation>> {
        if !trigger.is_test() && plan.is_ordinary() {
            return Ok(Self { trigger: definition.begins_at(trigger), parts: Vec::new(), once: false });
        }
        Planning::of(plan, definition).course(trigger, input)
    }

    /// The trigger that gives the run's input.
    #[must_use]
    pub const fn trigger(&self) -> Option<usize> {
        self.trigger
    }

    /// Whether the run may do without a trigger: it is given what it works on otherwise.
    #[must_use]
    pub fn needs_no_trigger(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Pinned(_)))
    }

    /// What a node gives without being executed.
    #[must_use]
    pub fn pinned(&self, node: usize) -> Option<&Arc<Output>> {
        match self.parts.get(node) {
            Some(Part::Pinned(output)) => Some(output),
            _ => None,
        }
    }

    /// Whether a node gives its pins in that iteration. Of a loop that is gone through, each iteration gets them in which
    /// something leads to the node (`is_reached`).
    #[must_use]
    pub fn gives(&self, node: usize, iteration: &Iteration, is_reached: bool) -> bool {
        let is_given = || match self.once {
            true => iteration.counters().iter().all(|counter| *counter == 0),
            false => is_reached || iteration.is_outside(),
        };
        self.pinned(node).is_some() && is_given()
    }

    /// Whether a node gives what it gave in the run that this one replays.
    #[must_use]
    pub fn is_earlier(&self, node: usize) -> bool {
        matches!(self.parts.get(node), Some(Part::Earlier))
    }

    /// Whether a node does not belong to the run.
    #[must_use]
    pub fn is_left_out(&self, node: usize) -> bool {
        matches!(self.parts.get(node), Some(Part::LeftOut))
    }
}

/// What a node gives with these items: they came from those at the same places of its only input. What several inputs
/// lead to, or none, came from nowhere.
#[must_use]
pub fn given(node: &Node, ports: Ports) -> Output {
    if node.incoming.len() == 1 {
        return Output::from(ports);
    }
    let nowhere = |items: usize| Arc::new(vec![Origins::new(); items]);
    let lineage: Lineage =
        ports.iter().map(|(port, items)| (Arc::clone(port), nowhere(items.len()))).collect();
    Output { lineage, ..Output::from(ports) }
}
