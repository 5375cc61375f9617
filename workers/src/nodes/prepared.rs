//! The parameters of a node, ready to be used.

use std::borrow::Cow;

use domain::{
    definition::{Definition, Node},
    kinds::params::{At, Reader},
    run::NodeError,
    template::InvalidTemplate,
    violation::Violations,
};
use serde_json::{Map, Value};

use super::{compile_params, read_evaluated};
use crate::expr::{Evaluator, Param};

/// Reads parameters, with every rule about them.
pub(super) type ReadParams<P> = fn(&Map<String, Value>, &At<'_>, &mut Reader<'_>) -> Option<P>;

/// The parameters of a node.
#[derive(Debug)]
pub(super) struct Prepared<P> {
    plan: Plan<P>,
    read: ReadParams<P>,
}

#[derive(Debug)]
enum Plan<P> {
    /// They hold no expression, and are known before the run.
    Known(P),
    /// They are evaluated in it.
    Open(Param),
}

impl<P: Clone> Prepared<P> {
    pub(super) fn compile(
        node: &Node,
        definition: &Definition,
        read: ReadParams<P>,
    ) -> Result<Self, InvalidTemplate> {
        // What is wrong was found when the workflow was read.
        let mut violations = Violations::new();
        let known = read(&node.params, &At::root("params"), &mut Reader::proven(&mut violations));
        let plan = match known.filter(|_| violations.into_vec().is_empty()) {
            Some(known) => Plan::Known(known),
            None => Plan::Open(compile_params(node, definition)?),
        };
        Ok(Self { plan, read })
    }

    /// Visits what is evaluated.
    pub(super) fn visit<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        if let Plan::Open(param) = &self.plan {
            visit(param);
        }
    }

    /// The parameters, if they hold no expression.
    pub(super) const fn known(&self) -> Option<&P> {
        match &self.plan {
            Plan::Known(known) => Some(known),
            Plan::Open(_) => None,
        }
    }

    /// The parameters for one item.
    pub(super) fn of<'v>(
        &'v self,
        evaluator: &mut Evaluator<'v>,
        item: usize,
    ) -> Result<Cow<'v, P>, Box<NodeError>> {
        match &self.plan {
            Plan::Known(known) => Ok(Cow::Borrowed(known)),
            Plan::Open(param) => {
                let value = param.evaluate(evaluator, item)?;
                read_evaluated(&value, self.read).map(Cow::Owned)
            }
        }
    }
}
