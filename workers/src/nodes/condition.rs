//! Conditions at work: operands are evaluated from left to right, and no further than needed.

use domain::{
    definition::{Definition, Node},
    kinds::params::{
        At, Reader,
        condition::{Condition, InvalidComparison, Op, Params, Patterns, truthy},
    },
    run::NodeError,
    violation::Violations,
};
use serde_json::Value;

use super::Unready;
use crate::expr::{Evaluator, Param};

/// A condition with compiled operands.
#[derive(Debug)]
pub(super) struct Compiled(Condition<Param>);

static NULL: Value = Value::Null;

impl Compiled {
    /// The condition that a node asks.
    pub(super) fn of(node: &Node, definition: &Definition) -> Result<Self, Unready> {
        let mut violations = Violations::new();
        let read =
            Params::read_object(&node.params, &At::root("params"), &mut Reader::proven(&mut violations));
        let Some(Params { condition }) = read else { return Err(Unready::Params(violations.into_vec())) };
        let mut wrong = None;
        let condition = condition.map(&mut |operand: Value| {
            Param::compile(&operand, definition).unwrap_or_else(|error| {
                wrong = Some(error);
                Param::Constant(Value::Null)
            })
        });
        wrong.map_or(Ok(Self(condition)), |error| Err(error.into()))
    }

    /// Visits the operands. All of them are evaluated ahead; what is not reached cannot fail all the same.
    pub(super) fn params<'p>(&'p self, mut visit: &mut dyn FnMut(&'p Param)) {
        self.0.operands(&mut visit);
    }

    /// Whether it compares with regular expressions.
    pub(super) fn matches_patterns(&self) -> bool {
        self.0.compares_by(Op::Matches)
    }

    /// Whether it holds for an item. What is not reached cannot fail.
    pub(super) fn holds<'v>(
        &'v self,
        evaluator: &mut Evaluator<'v>,
        item: usize,
        patterns: &mut Patterns,
    ) -> Result<bool, Box<NodeError>> {
        holds(&self.0, evaluator, item, patterns)
    }
}

fn holds<'v>(
    condition: &'v Condition<Param>,
    evaluator: &mut Evaluator<'v>,
    item: usize,
    patterns: &mut Patterns,
) -> Result<bool, Box<NodeError>> {
    match condition {
        Condition::Truth(value) => Ok(truthy(&*value.evaluate(evaluator, item)?)),
        Condition::All(list) => {
            for inner in list {
                if !holds(inner, evaluator, item, patterns)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Condition::Any(list) => {
            for inner in list {
                if holds(inner, evaluator, item, patterns)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Condition::Compare { left, op, right } => {
            let left = left.evaluate(evaluator, item)?;
            let right = right.as_ref().map(|right| right.evaluate(evaluator, item)).transpose()?;
            let right = right.as_deref().unwrap_or(&NULL);
            op.holds(&left, right, patterns).map_err(|error| {
                let code = match &error {
                    InvalidComparison::Types { .. } => "invalid_comparison",
                    InvalidComparison::Pattern(_) => "invalid_pattern",
                };
                Box::new(NodeError::new(code, error.to_string()))
            })
        }
    }
}
