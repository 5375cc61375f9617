//! What the interpreter says of a run and of all that it calls: a called run is done where it is called.

use std::{cell::RefCell, collections::BTreeSet};

use domain::{
    definition::Definition,
    ids::RunId,
    items::{ERROR, Item, input_items},
    iteration::Iteration,
    kinds::Kind,
    run::RunEnd,
};

use super::{
    super::sequential::{Steps, fate, interpreted_with},
    calling::{Manner, Workflows, called, end_as_told, gathered},
};
use crate::engine::{RunHeader, StepKey};

/// What comes of a run.
pub(super) struct Expected {
    /// All of its steps; `None`: it fails.
    pub(super) steps: Option<Steps>,
    /// The runs that it calls, if it does not fail.
    pub(super) called: BTreeSet<RunId>,
    /// How many runs there are in all: itself, and those that it calls and they call.
    pub(super) runs: usize,
}

/// What comes of a run that was started so.
pub(super) fn expected(workflows: &Workflows, header: &RunHeader) -> Expected {
    let definition = workflows.of(header);
    let seed = workflows.seed(header);
    let (calls, runs) = (RefCell::new(BTreeSet::new()), RefCell::new(1));
    let does = |node: usize, path: &[u32], items: &[Item]| {
        let own = &definition.nodes[node];
        if own.kind != Kind::CallWorkflow {
            return fate(definition, node, path, seed);
        }
        let step = StepKey { node, iteration: Iteration::from(path.to_vec()) };
        let manner = Manner::of(&step, seed);
        let mut ends = Vec::new();
        for (place, input) in manner.inputs(items).iter().enumerate() {
            let run = header.run_id.of_call(1, node, &step.iteration, place);
            let end = match called(workflows, header, &step, place, input) {
                Ok(callee) => {
                    calls.borrow_mut().insert(run);
                    let of = expected(workflows, &callee);
                    *runs.borrow_mut() += of.runs;
                    let items = of.steps.map(|steps| last_items(workflows.of(&callee), &steps));
                    manner.waits.then(|| end_as_told(run, items))
                }
                Err(why) => Some(RunEnd::Failed(why.into())),
            };
            ends.push((run, end));
        }
        gathered(own, &ends)
    };
    let steps = interpreted_with(definition, input_items(&header.input).unwrap(), &does);
    let runs = *runs.borrow();
    Expected { steps, called: calls.into_inner(), runs }
}

/// How many runs a family has at most.
pub(super) fn count_runs(workflows: &Workflows) -> usize {
    expected(workflows, &workflows.root()).runs
}

/// The items of the last nodes, each of the last iteration in which it ran.
fn last_items(definition: &Definition, steps: &Steps) -> Vec<Item> {
    let mut items = Vec::new();
    for (index, node) in definition.nodes.iter().enumerate().filter(|(_, node)| node.outgoing.is_empty()) {
        let of_node = steps.range((index, Vec::new())..(index + 1, Vec::new()));
        let Some(ports) = of_node.rev().find_map(|(_, (_, ports))| ports.as_ref()) else { continue };
        for port in node.ports.iter().filter(|port| ***port != *ERROR) {
            items.extend(ports.get(port).into_iter().flat_map(|items| items.iter().cloned()));
        }
    }
    items
}
