//! `if`: sends every item to the port `true` or `false`.

use domain::{
    definition::{Definition, Node},
    nodes::{
        condition::{Condition, InvalidComparison, Patterns, truthy},
        fields::Fields,
        if_::{FALSE, TRUE, read},
    },
    run::NodeError,
    template::InvalidTemplate,
    violation::Violations,
};
use serde_json::Value;

use super::{Pure, PureStep, Traits, items::each_item};
use crate::{
    engine::Outcome,
    expr::{Evaluator, Param},
};

/// A condition with compiled operands; `None` cannot be: the document was checked.
#[derive(Debug)]
pub(super) struct If(Condition<Param>);

static NULL: Value = Value::Null;

impl If {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, InvalidTemplate> {
        let mut violations = Violations::new();
        let condition = read(&mut Fields::of_document(&node.params, "params", &mut violations))
            .unwrap_or(Condition::Truth(&NULL));
        let mut wrong = None;
        let condition = condition.map(&mut |operand: &Value| {
            Param::compile(operand, definition).unwrap_or_else(|error| {
                wrong = Some(error);
                Param::Constant(Value::Null)
            })
        });
        wrong.map_or(Ok(Self(condition)), Err)
    }
}

impl Pure for If {
    fn traits(&self) -> Traits {
        let mut operands = Vec::new();
        self.0.operands(&mut |operand| operands.push(operand));
        Traits::of(operands)
    }

    fn run<'v>(&'v self, step: PureStep<'v>) -> Outcome {
        let mut patterns = Patterns::default();
        each_item(step, &[TRUE, FALSE], |evaluator, index, item| {
            let holds = holds(&self.0, evaluator, index, &mut patterns)?;
            Ok((if holds { TRUE } else { FALSE }, item.clone()))
        })
    }
}

/// From left to right, and no further than needed: what is not reached cannot fail.
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
