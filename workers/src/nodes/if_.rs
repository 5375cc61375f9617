//! `if`: sends every item to the port `true` or `false`.

use domain::{
    definition::{Definition, Node},
    items::Port,
    kinds::if_::{FALSE, TRUE},
};

use super::{Pure, PureStep, Unready, condition::Asked, items::each_item};
use crate::{engine::Outcome, expr::Param};

#[derive(Debug)]
pub(super) struct If {
    condition: Asked,
    holds: Port,
    fails: Port,
}

impl If {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, Unready> {
        let condition = Asked::of(node, definition)?;
        Ok(Self { condition, holds: TRUE.into(), fails: FALSE.into() })
    }
}

impl Pure for If {
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
            Ok(Some((if holds { &self.holds } else { &self.fails }, item.clone())))
        })
    }
}
