//! A node's parameters with their expressions compiled once.

use std::borrow::Cow;

use domain::{
    definition::Definition,
    template::{self, InvalidTemplate, Part, Template},
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
    Object(Vec<(Name, Self)>),
}

/// The name of a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Name {
    /// No expression in it.
    Constant(String),
    /// Evaluated as a text; of fields that come to have the same name, the last one stays.
    Text(Vec<Piece>),
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
            Value::String(text) => match template::split(text)? {
                Template::Literal(_) => Self::Constant(value.clone()),
                Template::Expression(source) => Self::Expression(Expression::compile(source, definition)),
                Template::Mixed(parts) => Self::Text(pieces(&parts, definition)),
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
                    .map(|(name, value)| {
                        Ok((Name::compile(name, definition)?, Self::compile(value, definition)?))
                    })
                    .collect::<Result<_, _>>()?;
                let constant =
                    |(name, value): &(Name, Self)| matches!(name, Name::Constant(_)) && value.is_constant();
                if inner.iter().all(constant) { Self::Constant(value.clone()) } else { Self::Object(inner) }
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
            Self::Text(pieces) => expressions_of(pieces, visit),
            Self::List(list) => list.iter().for_each(|inner| inner.expressions(visit)),
            Self::Object(map) => map.iter().for_each(|(name, inner)| {
                if let Name::Text(pieces) = name {
                    expressions_of(pieces, visit);
                }
                inner.expressions(visit);
            }),
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
            Self::Text(pieces) => Cow::Owned(Value::String(text_of(pieces, evaluator, item)?)),
            Self::List(list) => {
                let mut values = Vec::with_capacity(list.len());
                for inner in list {
                    values.push(inner.evaluate(evaluator, item)?.into_owned());
                }
                Cow::Owned(Value::Array(values))
            }
            Self::Object(map) => {
                let mut values = Map::with_capacity(map.len());
                for (name, inner) in map {
                    let name = match name {
                        Name::Constant(name) => name.clone(),
                        Name::Text(pieces) => text_of(pieces, evaluator, item)?,
                    };
                    values.insert(name, inner.evaluate(evaluator, item)?.into_owned());
                }
                Cow::Owned(Value::Object(values))
            }
        })
    }
}

impl Name {
    fn compile(name: &str, definition: &Definition) -> Result<Self, InvalidTemplate> {
        if !template::is_open(name) {
            return Ok(Self::Constant(name.to_owned()));
        }
        Ok(Self::Text(match template::split(name)? {
            Template::Literal(text) => vec![Piece::Text(text.to_owned())],
            Template::Expression(source) => pieces(&[Part::Expression(source)], definition),
            Template::Mixed(parts) => pieces(&parts, definition),
        }))
    }
}

fn pieces(parts: &[Part<'_>], definition: &Definition) -> Vec<Piece> {
    let piece = |part: &Part<'_>| match part {
        Part::Text(text) => Piece::Text((*text).to_owned()),
        Part::Expression(source) => Piece::Expression(Expression::compile(source, definition)),
    };
    parts.iter().map(piece).collect()
}

fn expressions_of<'p>(pieces: &'p [Piece], visit: &mut impl FnMut(&'p Expression)) {
    pieces.iter().for_each(|piece| {
        if let Piece::Expression(expression) = piece {
            visit(expression);
        }
    });
}

fn text_of<'v>(
    pieces: &'v [Piece],
    evaluator: &mut Evaluator<'v>,
    item: usize,
) -> Result<String, ExpressionError> {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Expression(expression) => {
                text::append(&mut text, &*evaluator.evaluate(expression, item)?);
            }
        }
    }
    Ok(text)
}
