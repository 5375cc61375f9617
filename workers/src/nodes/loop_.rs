//! `loop`: hands out its items in batches, an iteration each, and in the end what came back.

use std::{collections::HashMap, ops::Range};

use domain::{
    definition::{Definition, Node},
    items::{Output, Port},
    kinds::loop_::{DONE, LOOP, Params},
    lineage::Origin,
    run::NodeError,
    template::InvalidTemplate,
};

use super::{
    Pure, PureStep, compile_params,
    output::{CameFrom, OutputBuilder},
    read_evaluated,
};
use crate::{
    engine::{Outcome, Round},
    expr::Param,
    step::{StepTask, failed_for_good},
};

#[derive(Debug)]
pub(super) struct Loop {
    params: Param,
    /// How many items an iteration gets, if no expression says so.
    batch: Option<usize>,
    batches: Port,
    done: Port,
}

impl Loop {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, InvalidTemplate> {
        let batch = match node.params.get("batch") {
            None | Some(serde_json::Value::Null) => Some(1),
            Some(batch) => batch.as_u64().and_then(|batch| usize::try_from(batch).ok()),
        };
        let params = compile_params(node, definition)?;
        Ok(Self { params, batch, batches: LOOP.into(), done: DONE.into() })
    }

    fn hand_out<'v>(&'v self, mut step: PureStep<'v>, round: &Round) -> Result<Output, Box<NodeError>> {
        let params = self.params.evaluate(&mut step.evaluator, 0).map_err(Box::<NodeError>::from);
        let params = params
            .and_then(|params| read_evaluated(&params, Params::read_object))
            .map_err(|error| step.scope.without_env(error))?;
        let batch = usize::try_from(params.batch.0).unwrap_or(usize::MAX);
        let mut output = OutputBuilder::of(step.node, &step.task.inputs);
        let items = step.scope.input.iter().enumerate().skip(round.taken).take(batch);
        for (index, item) in items {
            output.push(&self.batches, item.clone(), came_from(round, index))?;
        }
        Ok(output.finish())
    }

    /// What came back over an edge is one list, whichever iteration it is of.
    fn finish(&self, step: &PureStep<'_>, round: &Round) -> Result<Output, Box<NodeError>> {
        let mut output = OutputBuilder::of(step.node, &step.task.inputs);
        let mut places: HashMap<u32, u32> = HashMap::new();
        for brought in &round.returned {
            let next = places.entry(brought.place).or_default();
            for item in brought.items.iter() {
                let origin = Origin { input: brought.place, item: *next };
                *next += 1;
                output.push(&self.done, item.clone(), CameFrom::Origins(vec![origin]))?;
            }
        }
        Ok(output.finish())
    }
}

/// Which item of which edge is at that place of all that the loop was given.
fn came_from(round: &Round, mut index: usize) -> CameFrom {
    if let [] | [_] = round.pieces.as_slice() {
        return CameFrom::Item(index);
    }
    for (place, items) in &round.pieces {
        if index < *items {
            let item = u32::try_from(index).unwrap_or(u32::MAX);
            return CameFrom::Origins(vec![Origin { input: *place, item }]);
        }
        index -= items;
    }
    CameFrom::Nothing
}

impl Pure for Loop {
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        visit(&self.params);
    }

    fn evaluates(&self, task: &StepTask) -> Range<usize> {
        0..usize::from(left(task) > 0)
    }

    fn works_on(&self, task: &StepTask) -> usize {
        match left(task) {
            0 => task.round.iter().flat_map(|round| &round.returned).map(|brought| brought.items.len()).sum(),
            left => self.batch.map_or(left, |batch| batch.min(left)),
        }
    }

    fn run<'v>(&'v self, step: PureStep<'v>) -> Outcome {
        let task = step.task;
        let first = Round::default();
        let round = task.round.as_ref().unwrap_or(&first);
        let made = if left(task) > 0 { self.hand_out(step, round) } else { self.finish(&step, round) };
        made.map_or_else(failed_for_good, Outcome::Succeeded)
    }
}

/// How many items are not handed out.
fn left(task: &StepTask) -> usize {
    task.inputs.len().saturating_sub(task.round.as_ref().map_or(0, |round| round.taken))
}
