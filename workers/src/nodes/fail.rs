//! `fail`: ends the run with an error of the author's.

use std::ops::Range;

use domain::{
    definition::{Definition, Node},
    kinds::fail::Params,
    measure::value_bytes,
    run::NodeError,
    template::InvalidTemplate,
};

use super::{Pure, PureStep, compile_params, read_evaluated};
use crate::{
    engine::Outcome,
    expr::Param,
    step::{StepTask, failed_for_good},
};

#[derive(Debug)]
pub(super) struct Fail(Param);

impl Fail {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, InvalidTemplate> {
        compile_params(node, definition).map(Self)
    }
}

impl Pure for Fail {
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        visit(&self.0);
    }

    fn evaluates(&self, _: &StepTask) -> Range<usize> {
        0..1
    }

    fn run<'v>(&'v self, mut step: PureStep<'v>) -> Outcome {
        let params = self.0.evaluate(&mut step.evaluator, 0).map_err(Box::<NodeError>::from);
        let error = match params.and_then(|params| read_evaluated(&params, Params::read_object)) {
            Ok(Params { message, details }) => {
                let details = details.unwrap_or_default();
                // Details travel inside other documents, as items do.
                match value_bytes(&details) {
                    Ok(_) => NodeError::new("failed", message).with_details(details).into(),
                    Err(too_deep) => NodeError::new("limit", format!("the details: {too_deep}")).into(),
                }
            }
            Err(error) => step.scope.without_env(error),
        };
        failed_for_good(error)
    }
}
