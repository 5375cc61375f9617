//! `noop`: passes its items on.

use super::{Pure, PureStep, pass_on};
use crate::{engine::Outcome, expr::Param};

#[derive(Debug)]
pub(super) struct Noop;

impl Pure for Noop {
    fn params<'p>(&'p self, _: &mut dyn FnMut(&'p Param)) {}

    fn run<'v>(&'v self, step: PureStep<'v>) -> Outcome {
        pass_on(&step)
    }
}
