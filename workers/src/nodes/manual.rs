//! `manual`, `webhook`: emit the run's input, which for a webhook is the request.

use domain::{
    items::{MAIN, input_items},
    run::NodeError,
};

use super::{
    Pure, PureStep,
    output::{CameFrom, OutputBuilder},
};
use crate::{engine::Outcome, expr::Param, step::failed_for_good};

#[derive(Debug)]
pub(super) struct Manual;

impl Pure for Manual {
    fn params<'p>(&'p self, _: &mut dyn FnMut(&'p Param)) {}

    fn run<'v>(&'v self, step: PureStep<'v>) -> Outcome {
        let items = match input_items(&step.scope.run.input) {
            Ok(items) => items,
            Err(why) => return failed_for_good(NodeError::new("invalid_input", why).into()),
        };
        let mut output = OutputBuilder::of(step.node, &step.task.inputs);
        let main = MAIN.into();
        for item in items {
            if let Err(above) = output.push(&main, item, CameFrom::Nothing) {
                return failed_for_good(above);
            }
        }
        Outcome::Succeeded(output.finish())
    }
}
