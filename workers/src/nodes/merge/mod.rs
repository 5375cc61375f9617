//! `merge`: makes one list of items out of several inputs.

mod by_key;
mod joined;
mod sides;

use std::{ops::Range, sync::Arc, time::Instant};

use domain::{
    definition::{Definition, Node},
    items::{MAIN, Output, Port, Ports},
    kinds::merge::{Choice, Mode, Params},
    lineage::{Lineage, Origin},
    run::NodeError,
    template::InvalidTemplate,
};

use self::{joined::Joined, sides::Sides};
use super::{Pure, PureStep, compile_params, read_evaluated};
use crate::{
    engine::Outcome,
    expr::Param,
    step::{Input, Inputs, StepTask, failed_for_good, timeout_error},
};

#[derive(Debug)]
pub(super) struct Merge(Param);

impl Merge {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, InvalidTemplate> {
        compile_params(node, definition).map(Self)
    }
}

impl Pure for Merge {
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        visit(&self.0);
    }

    fn evaluates(&self, _: &StepTask) -> Range<usize> {
        0..1
    }

    fn run<'v>(&'v self, mut step: PureStep<'v>) -> Outcome {
        let params = self.0.evaluate(&mut step.evaluator, 0).map_err(Box::<NodeError>::from);
        let merged = params
            .and_then(|params| read_evaluated(&params, Params::read))
            .and_then(|params| merged(&step, &params));
        match merged {
            Ok(output) => Outcome::Succeeded(output),
            Err(error) => failed_for_good(step.scope.without_env(error)),
        }
    }
}

fn merged(step: &PureStep<'_>, params: &Params) -> Result<Output, Box<NodeError>> {
    let inputs = &step.task.inputs;
    if params.mode == Mode::Choose
        && let Some(only) = chosen_input(inputs, params.input)
    {
        return Ok(whole(only));
    }
    let late = || {
        let late = Instant::now() >= step.deadline;
        if late { Err(Box::new(timeout_error(step.node.timeout))) } else { Ok(()) }
    };
    let sides = Sides::of(inputs);
    let mut joined = Joined::new(step.node, inputs, params.clash, &late);
    match (params.mode, &params.by_key) {
        (Mode::Choose, _) => sides.chosen(params.input).iter().try_for_each(|one| joined.push_plain(*one))?,
        (Mode::ByPosition, _) => sides.by_position(params.join, &mut joined)?,
        (Mode::Combinations, _) => sides.combinations(&mut joined)?,
        (Mode::ByKey, Some(keys)) => by_key::join(&sides, keys, params, &mut joined)?,
        (Mode::Append, _) | (Mode::ByKey, None) => {
            sides.all().flatten().try_for_each(|one| joined.push_plain(*one))?;
        }
    }
    Ok(joined.finish())
}

/// The input that is all of the chosen side, if one is.
fn chosen_input(inputs: &Inputs, choice: Choice) -> Option<&Input> {
    let of = |name: &str| -> Vec<_> {
        inputs.0.iter().filter(|input| input.name.as_deref() == Some(name)).collect()
    };
    let (left, right) = (of("left"), of("right"));
    let side = match choice {
        Choice::Left => left,
        Choice::Right => right,
        Choice::FirstNonEmpty if !left.is_empty() => left,
        Choice::FirstNonEmpty if !right.is_empty() => right,
        Choice::FirstNonEmpty => inputs.0.iter().take(1).collect(),
    };
    if let [only] = side.as_slice() { Some(only) } else { None }
}

/// An input's items as they are: shared, not copied.
fn whole(input: &Input) -> Output {
    let main: Port = MAIN.into();
    let origin = |(item, _)| vec![Origin { input: input.place, item }];
    let origins: Vec<_> = (0u32..).zip(input.items.iter()).map(origin).collect();
    Output {
        ports: Ports::from([(Arc::clone(&main), Arc::clone(&input.items))]),
        lineage: Lineage::from([(main, Arc::new(origins))]),
        ..Output::default()
    }
}
