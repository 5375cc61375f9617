//! Proves that expressions are some, and that they are not too many to be proven.

use std::collections::HashSet;

use super::{
    Found, InvalidTemplate, find, place,
    scan::Scanned,
    syntax::{Parser, Problem},
};
use crate::limits::{MAX_CHARACTER_CLASSES, MAX_EXPRESSIONS, MAX_EXPRESSIONS_BYTES, above};

/// Checks the texts of one document. An expression that it has met before costs nothing, nor does a plain path.
#[derive(Debug, Default)]
pub struct Checker {
    parser: Parser,
    known: HashSet<String>,
    bytes: usize,
    classes: usize,
    /// Whether there was too much: that is said once, and nothing is parsed any more.
    full: bool,
}

impl Checker {
    /// Whether every expression of a text is one.
    ///
    /// # Errors
    /// The first that does not end, is longer than may be, is no single expression, or asks for what has no meaning; or
    /// at which the document's expressions become too much to check, once.
    pub fn check(&mut self, text: &str) -> Result<(), InvalidTemplate> {
        let mut next = 0;
        while !self.full
            && let Some((found, scanned)) = find(text, next, Some(&mut self.parser))?
        {
            next = found.whole.end;
            if let Some(scanned) = scanned {
                self.prove(text, &found, &scanned)?;
            }
        }
        Ok(())
    }

    fn prove(&mut self, text: &str, found: &Found, scanned: &Scanned) -> Result<(), InvalidTemplate> {
        let source = &text[found.source.clone()];
        if self.known.contains(source) {
            return Ok(());
        }
        let at = || text[..found.whole.start].chars().count();
        if let Some((offset, meaningless)) = scanned.meaningless {
            let place = place(text, Some(found.whole.start + 2 + offset));
            return Err(InvalidTemplate::Meaningless { at: at(), word: meaningless.word(), place });
        }
        if let Some(above) = self.room_for(source) {
            return Err(InvalidTemplate::TooMuch { at: at(), above });
        }
        self.parser
            .check(source, scanned)
            .map_err(|problem| problem.in_text(text, at(), found.source.start))?;
        self.known.insert(source.to_owned());
        Ok(())
    }

    /// Takes room for a source; if there is none, what is said of it, once.
    pub(super) fn room_for(&mut self, source: &str) -> Option<String> {
        let above = self.above_a_limit(source).filter(|_| !self.full);
        self.full |= above.is_some();
        above
    }

    /// Whether a source is a program, unless there was too much.
    pub(super) fn parse_program(&mut self, source: &str) -> Result<(), Problem> {
        if self.full { Ok(()) } else { self.parser.check_program(source) }
    }

    /// The limit that the document goes above with this source.
    fn above_a_limit(&mut self, source: &str) -> Option<String> {
        self.bytes += source.len();
        self.classes += classes(source);
        let found = [
            (self.known.len() + 1, "different expressions", MAX_EXPRESSIONS, "MAX_EXPRESSIONS"),
            (self.bytes, "bytes of different expressions", MAX_EXPRESSIONS_BYTES, "MAX_EXPRESSIONS_BYTES"),
            (
                self.classes,
                "classes such as `\\p{L}` and ranges such as `α-ω`",
                MAX_CHARACTER_CLASSES,
                "MAX_CHARACTER_CLASSES",
            ),
        ];
        let (count, what, most, name) = found.into_iter().find(|(count, _, most, _)| count > most)?;
        Some(above(count, what, most, name))
    }

    /// How many bytes the parser has read.
    #[cfg(test)]
    pub(super) const fn parsed(&self) -> usize {
        self.parser.parsed()
    }
}

/// How many classes of characters may stand in the patterns of a source for each of which a table of all characters is
/// made: `\p{L}`, and ranges that end with a character that is not of ASCII. What only looks so counts too.
fn classes(source: &str) -> usize {
    let ends_far =
        |(at, _): &(usize, &str)| source[at + 1..].starts_with(|c: char| c == '\\' || !c.is_ascii());
    let ranges = source.match_indices('-').filter(ends_far).count();
    ranges + source.matches("\\p").count() + source.matches("\\P").count()
}
