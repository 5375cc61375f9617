//! Evaluates the expressions of one attempt.

use std::{borrow::Cow, sync::Arc, time::Instant};

use serde_json::Value;

use super::{
    Expression, ExpressionError, JavaScriptLimits, Scope, expression::Program, javascript::Pooled, native,
};

/// Evaluates expressions against one scope. Lives on one thread: the engine's session does.
pub(crate) struct Evaluator<'v> {
    scope: &'v Arc<Scope>,
    limits: JavaScriptLimits,
    /// No expression runs on after this.
    deadline: Instant,
    session: Option<Pooled>,
}

impl<'v> Evaluator<'v> {
    /// An evaluator; the engine starts only when an expression needs it.
    pub(crate) const fn new(scope: &'v Arc<Scope>, limits: JavaScriptLimits, deadline: Instant) -> Self {
        Self { scope, limits, deadline, session: None }
    }

    /// The expression's value for one item.
    pub(crate) fn evaluate(
        &mut self,
        expression: &'v Expression,
        item: usize,
    ) -> Result<Cow<'v, Value>, ExpressionError> {
        let error = |reason| ExpressionError::new(&expression.source, reason);
        match &expression.program {
            Program::Literal(value) => Ok(Cow::Borrowed(value)),
            Program::Path(path) => native::evaluate(path, self.scope, item).map_err(error),
            Program::JavaScript => self.javascript(&expression.source, item).map(Cow::Owned).map_err(error),
        }
    }

    fn javascript(&mut self, source: &Arc<str>, item: usize) -> Result<Value, String> {
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(Pooled::enter(self.scope, self.limits)?),
        };
        session.evaluate(source, item, self.deadline)
    }
}

#[cfg(test)]
impl Evaluator<'_> {
    /// As [`Self::evaluate`], for an expression that lives shorter than the scope.
    pub(super) fn evaluate_owned(
        &mut self,
        expression: &Expression,
        item: usize,
    ) -> Result<Value, ExpressionError> {
        let mut evaluator = Evaluator::new(self.scope, self.limits, self.deadline);
        evaluator.evaluate(expression, item).map(Cow::into_owned)
    }
}
