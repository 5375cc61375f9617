//! `noop`: passes its items on.

use std::sync::Arc;

use domain::items::{MAIN, Ports};

use super::{Pure, PureStep, Traits, items::each_item};
use crate::engine::Outcome;

#[derive(Debug)]
pub(super) struct Noop;

impl Pure for Noop {
    fn traits(&self) -> Traits {
        Traits::of([])
    }

    fn run<'v>(&'v self, step: PureStep<'v>) -> Outcome {
        match step.inputs {
            // What one port emitted is within the limits already.
            [(_, only)] => Outcome::Succeeded(Ports::from([(MAIN.into(), Arc::clone(only))])),
            _ => each_item(step, &[MAIN], |_, _, item| Ok((MAIN, item.clone()))),
        }
    }
}
