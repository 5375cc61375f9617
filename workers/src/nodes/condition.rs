//! Conditions at work: operands are evaluated from left to right, and no further than needed.

use domain::{
    definition::{Definition, Node},
    kinds::params::{
        At, Reader,
        condition::{Comparer, Condition, InvalidComparison, Params, Rules, truthy},
    },
    run::NodeError,
    template::InvalidTemplate,
    violation::Violations,
};
use serde_json::{Map, Value};

use super::Unready;
use crate::expr::{Evaluator, Param};

/// A condition with compiled operands.
#[derive(Debug)]
pub(super) struct Compiled(Condition<Param>);

static NULL: Value = Value::Null;

impl Compiled {
    pub(super) fn compile(
        condition: Condition<Value>,
        definition: &Definition,
    ) -> Result<Self, InvalidTemplate> {
        let mut wrong = None;
        let condition = condition.map(&mut |operand: Value| {
            Param::compile(&operand, definition).unwrap_or_else(|error| {
                wrong = Some(error);
                Param::Constant(Value::Null)
            })
        });
        wrong.map_or(Ok(Self(condition)), Err)
    }

    /// Visits the operands. All of them are evaluated ahead; what is not reached cannot fail all the same.
    pub(super) fn params<'p>(&'p self, mut visit: &mut dyn FnMut(&'p Param)) {
        self.0.operands(&mut visit);
    }

    /// Whether it compares with regular expressions.
    pub(super) fn matches_patterns(&self) -> bool {
        self.0.matches_patterns()
    }

    /// Whether it holds for an item. What is not reached cannot fail.
    pub(super) fn holds<'v>(
        &'v self,
        evaluator: &mut Evaluator<'v>,
        item: usize,
        comparer: &mut Comparer,
    ) -> Result<bool, Box<NodeError>> {
        holds(&self.0, evaluator, item, comparer)
    }
}

/// What a node asks that asks one condition.
#[derive(Debug)]
pub(super) struct Asked {
    condition: Compiled,
    rules: Rules,
}

impl Asked {
    pub(super) fn of(node: &Node, definition: &Definition) -> Result<Self, Unready> {
        let Params { condition, types, ignore_case } = read_saved(node, Params::read_object)?;
        let condition = Compiled::compile(condition, definition)?;
        Ok(Self { condition, rules: Rules { types, ignore_case } })
    }

    pub(super) fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        self.condition.params(visit);
    }

    pub(super) fn matches_patterns(&self) -> bool {
        self.condition.matches_patterns()
    }

    /// What compares for one attempt.
    pub(super) fn comparer(&self) -> Comparer {
        Comparer::new(self.rules)
    }

    pub(super) fn holds<'v>(
        &'v self,
        evaluator: &mut Evaluator<'v>,
        item: usize,
        comparer: &mut Comparer,
    ) -> Result<bool, Box<NodeError>> {
        self.condition.holds(evaluator, item, comparer)
    }
}

/// Reads parameters of which only operands may be expressions.
pub(super) fn read_saved<T>(
    node: &Node,
    read: impl FnOnce(&Map<String, Value>, &At<'_>, &mut Reader<'_>) -> Option<T>,
) -> Result<T, Unready> {
    let mut violations = Violations::new();
    let read = read(&node.params, &At::root("params"), &mut Reader::proven(&mut violations));
    read.ok_or_else(|| Unready::Params(violations.into_vec()))
}

fn holds<'v>(
    condition: &'v Condition<Param>,
    evaluator: &mut Evaluator<'v>,
    item: usize,
    comparer: &mut Comparer,
) -> Result<bool, Box<NodeError>> {
    match condition {
        Condition::Truth(value) => Ok(truthy(&*value.evaluate(evaluator, item)?)),
        Condition::All(list) => {
            for inner in list {
                if !holds(inner, evaluator, item, comparer)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Condition::Any(list) => {
            for inner in list {
                if holds(inner, evaluator, item, comparer)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Condition::Compare { left, op, right } => {
            let left = left.evaluate(evaluator, item)?;
            let right = right.as_ref().map(|right| right.evaluate(evaluator, item)).transpose()?;
            let right = right.as_deref().unwrap_or(&NULL);
            comparer.holds(*op, &left, right).map_err(|error| {
                let code = match &error {
                    InvalidComparison::Operand { .. } | InvalidComparison::Beyond { .. } => {
                        "invalid_comparison"
                    }
                    InvalidComparison::Pattern(_) => "invalid_pattern",
                };
                Box::new(NodeError::new(code, error.to_string()))
            })
        }
    }
}
