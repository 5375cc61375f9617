//! `manual`: emits the run's input.

use domain::{
    items::{MAIN, input_items},
    retry::Failure,
    run::NodeError,
};

use super::{
    Pure, PureStep, Traits, failed_as_a_whole,
    output::{From, OutputBuilder},
};
use crate::{engine::Outcome, step::failed};

#[derive(Debug)]
pub(super) struct Manual;

impl Pure for Manual {
    fn traits(&self) -> Traits {
        Traits::of([])
    }

    fn run<'v>(&'v self, step: PureStep<'v>) -> Outcome {
        let items = match input_items(&step.scope.run.input) {
            Ok(items) => items,
            Err(why) => return failed(NodeError::new("invalid_input", why), Failure::Permanent),
        };
        let mut output = OutputBuilder::of(step.node, &step.task.inputs);
        let main = MAIN.into();
        for item in items {
            if let Err(above) = output.push(&main, item, From::Nothing) {
                return failed_as_a_whole(step.node, above);
            }
        }
        Outcome::Succeeded(output.finish())
    }
}
