//! Which iterations the outputs are of that a step sees, and what came out of loops: who follows items back along their
//! lineage has to know, for the outputs of earlier iterations are gone.

use std::{collections::HashMap, sync::Arc};

use domain::{items::Output, iteration::Iteration, kinds::loop_::LOOP};

use super::{
    key::StepKey,
    state::{RunState, delivered},
};

/// Loops, as a step sees them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Crossings {
    /// Its own iteration.
    pub at: Iteration,
    /// Of nodes in loops the iteration whose output it sees.
    pub seen: HashMap<usize, Iteration>,
    /// Of a `loop` the newest output by which it handed something out: what it gave in the end is another one.
    pub handed_out: HashMap<usize, (Iteration, Arc<Output>)>,
    /// How many items each edge has brought out of the loop that it leaves, those of all iterations.
    pub left: HashMap<usize, usize>,
}

impl RunState {
    /// As a step sees them.
    #[must_use]
    pub fn crossings(&self, step: &StepKey) -> Crossings {
        let loops = &self.definition.loops;
        let mut crossings = Crossings { at: step.iteration.clone(), ..Crossings::default() };
        for (scope, run) in loops.scopes().iter().zip(&self.progress.scopes).skip(1) {
            let seen = scope.nodes.iter().filter_map(|node| {
                let seen = self.steps_seen_by(step, *node).find(|seen| seen.output().is_some())?;
                Some((*node, seen.iteration().clone()))
            });
            crossings.seen.extend(seen);
            if run.open == 0 {
                crossings.left.extend(run.exits.iter().map(|(edge, leaving)| (*edge, leaving.items)));
            }
            let Some(entry) = scope.entry.filter(|entry| self.definition.is_batching(*entry)) else {
                continue;
            };
            let handed_out = self.steps_seen_by(step, entry).find_map(|seen| {
                let output = seen.output()?;
                delivered(&output.ports, LOOP)?;
                Some((seen.iteration().clone(), Arc::clone(output)))
            });
            crossings.handed_out.extend(handed_out.map(|handed_out| (entry, handed_out)));
        }
        crossings
    }
}
