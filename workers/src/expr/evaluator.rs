//! Evaluates the expressions of one attempt.

use std::{borrow::Cow, sync::Arc};

use serde_json::Value;

use super::{Expression, ExpressionError, Param, Scope, Values, expression::Program, native};

/// Evaluates expressions against one scope. What needs JavaScript has been evaluated before.
pub(crate) struct Evaluator<'v> {
    scope: &'v Arc<Scope>,
    values: Values,
}

impl<'v> Evaluator<'v> {
    /// An evaluator. `values` are those of all expressions that need the engine.
    pub(crate) const fn new(scope: &'v Arc<Scope>, values: Values) -> Self {
        Self { scope, values }
    }

    /// The expression's value for one item, for which it is asked once.
    pub(crate) fn evaluate(
        &mut self,
        expression: &'v Expression,
        item: usize,
    ) -> Result<Cow<'v, Value>, ExpressionError> {
        let error = |reason| ExpressionError::new(&expression.source, reason);
        match &expression.program {
            Program::Literal(value) => Ok(Cow::Borrowed(value)),
            Program::Path(path) => native::evaluate(path, self.scope, item).map_err(error),
            Program::JavaScript => self.values.take(&expression.source, item).map(Cow::Owned).map_err(error),
            Program::Code => {
                let value = self.values.take(&expression.source, item);
                value.map(Cow::Owned).map_err(ExpressionError::Program)
            }
        }
    }
}

/// The texts of the parameter's expressions that need the engine, in the order in which they are evaluated.
pub(crate) fn javascript_of(param: &Param, sources: &mut Vec<Arc<str>>) {
    param.expressions(&mut |expression| {
        if expression.needs_javascript() {
            sources.push(Arc::clone(&expression.source));
        }
    });
}
