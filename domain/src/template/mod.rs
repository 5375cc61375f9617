//! Strings that hold `{{ expressions }}`: where an expression starts and ends, and that it is one. What it means, the
//! worker knows.
//!
//! Where an expression ends is JavaScript's business, since quotes, comments and patterns may hold `}}`: `scan` tells
//! them apart, in one pass. What stands between must be one expression by itself, which the engine's own parser proves
//! when a document is saved; nobody has to parse it again to find it. Plain paths never meet the parser.

mod checker;
mod plain;
mod program;
mod scan;
mod syntax;

use std::ops::Range;

pub use checker::Checker;
pub use program::InvalidProgram;
use scan::{NoEnd, Scanned, scan};
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
    /// The document's expressions come to more than may be, in numbers or in bytes.
    #[error(
        "the expressions of this document are too much to check, from the one at character {at} on: {above}"
    )]
    TooMuch {
        /// Where `{{` is.
        at: usize,
        /// Which limit, and how much.
        above: String,
    },
    /// A word of JavaScript's that means nothing where expressions stand.
    #[error(
        "the expression that starts at character {at} asks for `{word}`, which has no meaning in an expression{place}"
    )]
    Meaningless {
        /// Where `{{` is.
        at: usize,
        /// The word.
        word: &'static str,
        /// Where it stands.
        place: Place,
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
            Self::TooLong { .. } | Self::TooMuch { .. } => ViolationCode::Limit,
            Self::Unclosed { .. } | Self::Empty { .. } | Self::Meaningless { .. } | Self::Syntax { .. } => {
                ViolationCode::InvalidExpression
            }
        }
    }
}

/// Where an expression stands in a text, as byte offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    /// From `{{` to behind `}}`.
    whole: Range<usize>,
    /// What is evaluated.
    source: Range<usize>,
}

/// Splits a string into text and expressions. That those are expressions, [`Checker::check`] has proven when the text
/// was saved.
///
/// # Errors
/// When an expression does not end, is empty, or is longer than may be.
pub fn split(text: &str) -> Result<Template<'_>, InvalidTemplate> {
    let mut found = Vec::new();
    let mut next = 0;
    while let Some((expression, _)) = find(text, next, None)? {
        next = expression.whole.end;
        found.push(expression);
    }
    Ok(pieces(text, &found))
}

/// The next expression from there on, and what was found of it unless it is plain. What has no end is put to the parser,
/// which knows best why.
fn find(
    text: &str,
    from: usize,
    parser: Option<&mut Parser>,
) -> Result<Option<(Found, Option<Scanned>)>, InvalidTemplate> {
    let Some(start) = text[from..].find("{{").map(|offset| from + offset) else { return Ok(None) };
    let at = || text[..start].chars().count();
    let begin = start + 2;
    let body = &text[begin..];
    let first = body.find("}}").ok_or_else(|| InvalidTemplate::Unclosed { at: at() })?;
    let (end, scanned) = if plain::is_plain(body[..first].trim()) {
        (begin + first, None)
    } else {
        let window = &body[..body.floor_char_boundary(MAX_EXPRESSION_BYTES + AROUND)];
        match scan(window) {
            Ok(scanned) => (begin + scanned.end, Some(scanned)),
            Err(NoEnd::OutOfText) if window.len() < body.len() => {
                return Err(InvalidTemplate::TooLong { at: at() });
            }
            Err(_) if first > MAX_EXPRESSION_BYTES => return Err(InvalidTemplate::TooLong { at: at() }),
            Err(_) => {
                let said = parser.and_then(|parser| parser.check(&body[..first], &Scanned::UNKNOWN).err());
                let no_end = || Problem { at: None, what: "it does not end".to_owned() };
                return Err(said.unwrap_or_else(no_end).in_text(text, at(), begin));
            }
        }
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
    let found = Found { whole: start..end + 2, source: source_start..source_start + source.len() };
    Ok(Some((found, scanned.filter(|_| !plain::is_plain(source)))))
}

/// White space around an expression, and its `}}`, in bytes.
const AROUND: usize = 256;

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

impl Problem {
    /// What is wrong with an expression that begins there, where it stands in its text.
    fn in_text(self, text: &str, at: usize, begin: usize) -> InvalidTemplate {
        InvalidTemplate::Syntax {
            at,
            what: self.what,
            place: place(text, self.at.map(|offset| begin + offset)),
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
