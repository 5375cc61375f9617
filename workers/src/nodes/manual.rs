//! `manual`: emits the run's input.

use domain::{
    items::{MAIN, input_items},
    retry::Failure,
    run::NodeError,
};

use super::{Pure, PureStep, Traits, failed, failed_as_a_whole, output::Output};
use crate::engine::Outcome;

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
        let mut output = Output::with_ports(&[MAIN]);
        for item in items {
            if let Err(above) = output.push(MAIN, item) {
                return failed_as_a_whole(step.node, above);
            }
        }
        Outcome::Succeeded(output.into_ports())
    }
}
