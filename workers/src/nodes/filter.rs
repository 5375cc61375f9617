//! `filter`: lets through the items for which a condition holds.

use domain::{
    definition::{Definition, Node},
    items::{MAIN, Port},
    kinds::params::condition::Patterns,
};

use super::{Pure, PureStep, Unready, condition::Compiled, items::each_item};
use crate::{engine::Outcome, expr::Param};

#[derive(Debug)]
pub(super) struct Filter {
    condition: Compiled,
    main: Port,
}

impl Filter {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, Unready> {
        Ok(Self { condition: Compiled::of(node, definition)?, main: MAIN.into() })
    }
}

impl Pure for Filter {
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        self.condition.params(visit);
    }

    fn takes_long(&self) -> bool {
        self.condition.matches_patterns()
    }

    fn run<'v>(&'v self, step: PureStep<'v>) -> Outcome {
        let mut patterns = Patterns::default();
        each_item(step, |evaluator, index, item| {
            let holds = self.condition.holds(evaluator, index, &mut patterns)?;
            Ok(holds.then(|| (&self.main, item.clone())))
        })
    }
}
