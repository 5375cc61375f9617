//! `wait`: lets its items go on later.

use std::ops::Range;

use domain::{
    definition::{Definition, Node},
    kinds::wait::Params,
    run::{NodeError, WaitsFor},
    template::InvalidTemplate,
};

use super::{Pure, PureStep, compile_params, pass_on, read_evaluated};
use crate::{
    engine::{Later, Outcome},
    expr::Param,
    step::{StepTask, failed_for_good},
};

#[derive(Debug)]
pub(super) struct Wait(Param);

impl Wait {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, InvalidTemplate> {
        compile_params(node, definition).map(Self)
    }
}

impl Pure for Wait {
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        visit(&self.0);
    }

    fn evaluates(&self, task: &StepTask) -> Range<usize> {
        0..usize::from(task.woken.is_none())
    }

    fn run<'v>(&'v self, mut step: PureStep<'v>) -> Outcome {
        if step.task.woken.is_some() {
            return pass_on(&step);
        }
        let now = step.scope.now;
        let params = self.0.evaluate(&mut step.evaluator, 0).map_err(Box::<NodeError>::from);
        match params.and_then(|params| read_evaluated(&params, Params::read_object)) {
            Err(error) => failed_for_good(step.scope.without_env(error)),
            Ok(Params { duration, until }) => {
                let until = duration.map(|duration| now.plus(duration.0)).or(until);
                match until.filter(|until| *until > now) {
                    None => pass_on(&step),
                    Some(until) => {
                        Outcome::Later(Box::new(Later { waits_for: WaitsFor::moment(until), kept: None }))
                    }
                }
            }
        }
    }
}
