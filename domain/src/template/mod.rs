//! Strings that hold `{{ expressions }}`: where an expression starts and ends, and that it is one. What it means, the
//! worker knows.
//!
//! Where an expression ends is JavaScript's business, since quotes, comments and patterns may hold `}}`: it ends at the
//! `}}` at which the engine's own parser cannot go on. A comment to the end of the line ends there too, when nothing
//! else does. What stands between must be one expression by itself. Plain paths never meet the parser.

mod plain;
mod syntax;

use std::{collections::HashMap, ops::Range};

use syntax::{Parser, Problem};

use crate::{limits::MAX_EXPRESSION_BYTES, violation::ViolationCode};

/// A string of a node's parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Template<'t> {
    /// No expression in it.
    Literal(&'t str),
    /// One single expression; its value keeps its type.
    Expression(&'t str),
    /// Text and expressions; the result is text.
    Mixed(Vec<Part<'t>>),
}

/// A piece of a mixed template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'t> {
    /// Taken as it is.
    Text(&'t str),
    /// Evaluated.
    Expression(&'t str),
}

/// A template that cannot be read. Places are counted in characters, from 0; lines and columns from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// `{{` without `}}`.
    #[error("the expression that starts at character {at} has no closing `}}}}`")]
    Unclosed {
        /// Where `{{` is.
        at: usize,
    },
    /// `{{ }}`.
    #[error("the expression at character {at} is empty")]
    Empty {
        /// Where `{{` is.
        at: usize,
    },
    /// It is longer than may be, or does not end within that.
    #[error(
        "the expression that starts at character {at} is longer than the limit of {MAX_EXPRESSION_BYTES} bytes \
         (MAX_EXPRESSION_BYTES)"
    )]
    TooLong {
        /// Where `{{` is.
        at: usize,
    },
    /// No single expression.
    #[error("the expression that starts at character {at} is no single JavaScript expression: {what}{place}")]
    Syntax {
        /// Where `{{` is.
        at: usize,
        /// What is wrong, mostly in the parser's words.
        what: String,
        /// Where, when the parser knows.
        place: Place,
    },
}

/// Where in a text something is, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(Option<(usize, usize)>);

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some((line, column)) => write!(f, ", at line {line}, column {column}"),
            None => Ok(()),
        }
    }
}

impl InvalidTemplate {
    /// What kind of mistake it is.
    #[must_use]
    pub const fn code(&self) -> ViolationCode {
        match self {
            Self::TooLong { .. } => ViolationCode::Limit,
            Self::Unclosed { .. } | Self::Empty { .. } | Self::Syntax { .. } => {
                ViolationCode::InvalidExpression
            }
        }
    }
}

/// Splits the texts of one document. It keeps what only the parser could tell.
#[derive(Debug, Default)]
pub struct Splitter {
    known: Templates,
    parser: Parser,
}

/// How texts are split that were split before.
#[derive(Debug, Clone, Default)]
pub struct Templates(HashMap<String, Vec<Found>>);

/// An expression in a text, as byte offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    /// From `{{` to behind `}}`.
    whole: Range<usize>,
    /// What is evaluated.
    source: Range<usize>,
}

impl Splitter {
    /// Splits a string into text and expressions.
    ///
    /// # Errors
    /// When an expression does not end, is longer than may be, or is no single expression.
    pub fn split<'t>(&mut self, text: &'t str) -> Result<Template<'t>, InvalidTemplate> {
        if let Some(found) = self.known.0.get(text) {
            return Ok(pieces(text, found));
        }
        let met = self.parser.parsed();
        let found = find(text, &mut self.parser)?;
        let template = pieces(text, &found);
        if self.parser.parsed() > met {
            self.known.0.insert(text.to_owned(), found);
        }
        Ok(template)
    }

    /// What it has found.
    #[must_use]
    pub fn into_templates(self) -> Templates {
        self.known
    }
}

impl Templates {
    /// Splits a text, without the parser if it was split before or is plain.
    ///
    /// # Errors
    /// As [`Splitter::split`].
    pub fn split<'t>(&self, text: &'t str) -> Result<Template<'t>, InvalidTemplate> {
        match self.0.get(text) {
            Some(found) => Ok(pieces(text, found)),
            None => find(text, &mut Parser::default()).map(|found| pieces(text, &found)),
        }
    }
}

fn find(text: &str, parser: &mut Parser) -> Result<Vec<Found>, InvalidTemplate> {
    let mut found: Vec<Found> = Vec::new();
    let mut next = 0;
    while let Some(start) = text[next..].find("{{").map(|offset| next + offset) {
        let at = || text[..start].chars().count();
        let begin = start + 2;
        let body = &text[begin..];
        let wrong = |Problem { at: offset, what }: Problem| InvalidTemplate::Syntax {
            at: at(),
            what,
            place: place(text, offset.map(|offset| begin + offset)),
        };
        let end = match end_of(body, parser) {
            Ok(end) => begin + end,
            Err(NoEnd::Unclosed) => return Err(InvalidTemplate::Unclosed { at: at() }),
            Err(NoEnd::TooLong) => return Err(InvalidTemplate::TooLong { at: at() }),
            Err(NoEnd::Syntax(problem)) => return Err(wrong(problem)),
        };
        let trimmed = text[begin..end].trim_start();
        let source_start = end - trimmed.len();
        // Many write the semicolon of a statement.
        let source = trimmed.trim_end_matches(|c: char| c == ';' || c.is_whitespace());
        if source.is_empty() {
            return Err(InvalidTemplate::Empty { at: at() });
        }
        if source.len() > MAX_EXPRESSION_BYTES {
            return Err(InvalidTemplate::TooLong { at: at() });
        }
        if !plain::is_plain(source) {
            let inside =
                |problem: Problem| Problem { at: problem.at.map(|at| source_start - begin + at), ..problem };
            parser.check(source).map_err(|problem| wrong(inside(problem)))?;
        }
        found.push(Found { whole: start..end + 2, source: source_start..source_start + source.len() });
        next = end + 2;
    }
    Ok(found)
}

/// White space around an expression, and its `}}`, in bytes.
const AROUND: usize = 256;

/// Why an expression's end is not found.
enum NoEnd {
    Unclosed,
    TooLong,
    Syntax(Problem),
}

/// The offset of the `}}` that ends the expression.
fn end_of(body: &str, parser: &mut Parser) -> Result<usize, NoEnd> {
    let first = body.find("}}").ok_or(NoEnd::Unclosed)?;
    let source = &body[..first];
    // Without these there is nothing to which braces could belong.
    if !source.contains(['\'', '"', '`', '/', '{']) || plain::is_plain(source.trim()) {
        return Ok(first);
    }
    let window = &body[..body.floor_char_boundary(MAX_EXPRESSION_BYTES + AROUND)];
    parser
        .end(window)
        .map_err(|problem| if window.len() < body.len() { NoEnd::TooLong } else { NoEnd::Syntax(problem) })
}

fn pieces<'t>(text: &'t str, found: &[Found]) -> Template<'t> {
    match found {
        [] => Template::Literal(text),
        [only] if only.whole == (0..text.len()) => Template::Expression(&text[only.source.clone()]),
        found => {
            let mut parts = Vec::with_capacity(2 * found.len() + 1);
            let mut next = 0;
            for Found { whole, source } in found {
                if next < whole.start {
                    parts.push(Part::Text(&text[next..whole.start]));
                }
                parts.push(Part::Expression(&text[source.clone()]));
                next = whole.end;
            }
            if next < text.len() {
                parts.push(Part::Text(&text[next..]));
            }
            Template::Mixed(parts)
        }
    }
}

/// A byte offset as line and column.
fn place(text: &str, offset: Option<usize>) -> Place {
    Place(offset.map(|offset| {
        let before = &text[..text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }))
}

/// Whether a text holds an expression.
#[must_use]
pub fn is_open(text: &str) -> bool {
    text.contains("{{")
}

/// Whether a value holds an expression anywhere, in a name too, so that it is known only at run time.
#[must_use]
pub fn has_expression(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::String(text) => is_open(text),
        Value::Array(list) => list.iter().any(has_expression),
        Value::Object(map) => map.iter().any(|(name, value)| is_open(name) || has_expression(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
