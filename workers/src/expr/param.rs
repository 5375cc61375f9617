//! A node's parameters with their expressions compiled once.

use std::borrow::Cow;

use domain::{
    definition::Definition,
    template::{InvalidTemplate, Part, Template},
};
use serde_json::{Map, Value};

use super::{Evaluator, Expression, ExpressionError, text};

/// A parameter value that may hold expressions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Param {
    /// No expression in it.
    Constant(Value),
    /// One single expression; its value keeps its type.
    Expression(Expression),
    /// Text and expressions.
    Text(Vec<Piece>),
    /// A list with expressions in it.
    List(Vec<Self>),
    /// An object with expressions in it.
    Object(Vec<(String, Self)>),
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece {
    Text(String),
    Expression(Expression),
}

impl Param {
    /// Compiles a value of a document.
    pub(crate) fn compile(value: &Value, definition: &Definition) -> Result<Self, InvalidTemplate> {
        Ok(match value {
            Value::String(text) => match Template::parse(text)? {
                Template::Literal(text) => Self::Constant(Value::String(text)),
                Template::Expression(source) => Self::Expression(Expression::compile(&source, definition)),
                Template::Mixed(parts) => Self::Text(
                    parts
                        .into_iter()
                        .map(|part| match part {
                            Part::Text(text) => Piece::Text(text),
                            Part::Expression(source) => {
                                Piece::Expression(Expression::compile(&source, definition))
                            }
                        })
                        .collect(),
                ),
            },
            Value::Array(list) => {
                let inner: Vec<_> =
                    list.iter().map(|value| Self::compile(value, definition)).collect::<Result<_, _>>()?;
                if inner.iter().all(Self::is_constant) {
                    Self::Constant(value.clone())
                } else {
                    Self::List(inner)
                }
            }
            Value::Object(map) => {
                let inner: Vec<_> = map
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), Self::compile(value, definition)?)))
                    .collect::<Result<_, _>>()?;
                if inner.iter().all(|(_, value)| value.is_constant()) {
                    Self::Constant(value.clone())
                } else {
                    Self::Object(inner)
                }
            }
            other => Self::Constant(other.clone()),
        })
    }

    /// Whether it is the same for every item.
    pub(crate) const fn is_constant(&self) -> bool {
        matches!(self, Self::Constant(_))
    }

    /// Every expression in it.
    pub(crate) fn expressions<'p>(&'p self, visit: &mut impl FnMut(&'p Expression)) {
        match self {
            Self::Constant(_) => {}
            Self::Expression(expression) => visit(expression),
            Self::Text(pieces) => pieces.iter().for_each(|piece| {
                if let Piece::Expression(expression) = piece {
                    visit(expression);
                }
            }),
            Self::List(list) => list.iter().for_each(|inner| inner.expressions(visit)),
            Self::Object(map) => map.iter().for_each(|(_, inner)| inner.expressions(visit)),
        }
    }

    /// Its value for one item.
    pub(crate) fn evaluate<'v>(
        &'v self,
        evaluator: &mut Evaluator<'v>,
        item: usize,
    ) -> Result<Cow<'v, Value>, ExpressionError> {
        Ok(match self {
            Self::Constant(value) => Cow::Borrowed(value),
            Self::Expression(expression) => evaluator.evaluate(expression, item)?,
            Self::Text(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Text(part) => text.push_str(part),
                        Piece::Expression(expression) => {
                            text::append(&mut text, &*evaluator.evaluate(expression, item)?);
                        }
                    }
                }
                Cow::Owned(Value::String(text))
            }
            Self::List(list) => {
                let mut values = Vec::with_capacity(list.len());
                for inner in list {
                    values.push(inner.evaluate(evaluator, item)?.into_owned());
                }
                Cow::Owned(Value::Array(values))
            }
            Self::Object(map) => {
                let mut values = Map::with_capacity(map.len());
                for (key, inner) in map {
                    values.insert(key.clone(), inner.evaluate(evaluator, item)?.into_owned());
                }
                Cow::Owned(Value::Object(values))
            }
        })
    }
}
