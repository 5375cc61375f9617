//! `filter`: lets through the items for which a condition holds.

use domain::{
    definition::{Definition, Node},
    items::{MAIN, Port},
};

use super::{Pure, PureStep, Unready, condition::Asked, items::each_item};
use crate::{engine::Outcome, expr::Param};

#[derive(Debug)]
pub(super) struct Filter {
    condition: Asked,
    main: Port,
}

impl Filter {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, Unready> {
        Ok(Self { condition: Asked::of(node, definition)?, main: MAIN.into() })
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
        let mut comparer = self.condition.comparer();
        each_item(step, |evaluator, index, item| {
            let holds = self.condition.holds(evaluator, index, &mut comparer)?;
            Ok(holds.then(|| (&self.main, item.clone())))
        })
    }
}
