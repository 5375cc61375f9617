//! One compiled expression.

use std::sync::Arc;

use domain::{definition::Definition, number, run::NodeError};
use serde_json::{Value, json};

use super::{
    javascript::reads_nodes,
    path::{self, Path},
};

/// How much of an expression's text an error repeats.
const SHOWN: usize = 200;

/// An expression, compiled as far as can be without an engine.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expression {
    pub(super) source: Arc<str>,
    pub(super) program: Program,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Program {
    /// The same for every item.
    Literal(Value),
    /// Found without the engine.
    Path(Path),
    /// The rest.
    JavaScript,
    /// No expression: a program with statements.
    Code,
}

/// An expression that has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ExpressionError {
    #[error("`{{{{ {expression} }}}}`: {reason}")]
    Expression {
        /// The expression's text, shortened.
        expression: String,
        /// What went wrong, mostly in the engine's words.
        reason: String,
    },
    /// The same of a program, which says the line.
    #[error("{0}")]
    Program(String),
}

impl ExpressionError {
    pub(super) fn new(source: &str, reason: impl Into<String>) -> Self {
        let mut expression: String = source.chars().take(SHOWN).collect();
        if expression.len() < source.len() {
            expression.push('…');
        }
        Self::Expression { expression, reason: reason.into() }
    }
}

impl From<ExpressionError> for Box<NodeError> {
    fn from(error: ExpressionError) -> Self {
        let message = error.to_string();
        Self::new(match error {
            ExpressionError::Expression { expression, .. } => {
                NodeError::new("expression", message).with_details(json!({ "expression": expression }))
            }
            ExpressionError::Program(_) => NodeError::new("code", message),
        })
    }
}

impl Expression {
    /// Compiles the text between `{{` and `}}`.
    pub(crate) fn compile(source: &str, definition: &Definition) -> Self {
        let program = match literal(source) {
            Some(value) => Program::Literal(value),
            None => path::parse(source, definition).map_or(Program::JavaScript, Program::Path),
        };
        Self { source: source.into(), program }
    }

    /// A program with statements.
    pub(crate) fn program(source: &str) -> Self {
        Self { source: source.into(), program: Program::Code }
    }

    /// Whether the engine must run.
    pub(crate) fn needs_javascript(&self) -> bool {
        matches!(self.program, Program::JavaScript | Program::Code)
    }

    /// Whether other nodes' outputs may be read.
    pub(crate) fn reads_outputs(&self) -> bool {
        match &self.program {
            Program::Literal(_) => false,
            Program::Path(path) => path.reads_outputs(),
            Program::JavaScript | Program::Code => reads_nodes(&self.source),
        }
    }

    /// The same expression, left to the engine.
    #[cfg(test)]
    pub(super) fn forced_into_javascript(source: &str) -> Self {
        Self { source: source.into(), program: Program::JavaScript }
    }
}

/// `null`, `true`, `12.5`, `'text'`: whatever JSON and JavaScript write the same way.
fn literal(source: &str) -> Option<Value> {
    match source {
        "null" | "undefined" => return Some(Value::Null),
        "true" => return Some(Value::Bool(true)),
        "false" => return Some(Value::Bool(false)),
        _ => {}
    }
    if let Some(text) = path::quoted(source) {
        return Some(Value::String(text));
    }
    let digits = source.strip_prefix('-').unwrap_or(source);
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') && digits.len() <= 15;
    // JSON refuses what JavaScript reads otherwise, such as 010.
    let value = plain.then(|| serde_json::from_str::<Value>(source).ok()).flatten()?;
    value.is_number().then(|| number::canonical(&value).into_owned())
}
