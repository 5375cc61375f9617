//! `noop`: passes its items on.

use super::{Pure, PureStep, Traits, pass_on};
use crate::engine::Outcome;

#[derive(Debug)]
pub(super) struct Noop;

impl Pure for Noop {
    fn traits(&self) -> Traits {
        Traits::of([])
    }

    fn run<'v>(&'v self, step: PureStep<'v>) -> Outcome {
        pass_on(&step)
    }
}
