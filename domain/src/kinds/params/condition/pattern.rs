//! Regular expressions, and what they may cost.
//!
//! Compiling one takes time and memory far beyond its length: `\p{L}{1000}` is a short text. So a pattern is weighed
//! before it is compiled, by what stands in it and how often, and only the light ones are.

use std::collections::{HashMap, HashSet};

use regex::{Regex, RegexBuilder};
use regex_syntax::ast::{
    Ast, ClassPerlKind, ClassSet, ClassSetItem, RepetitionKind, RepetitionRange, parse::Parser,
};

use crate::limits::{MAX_PATTERN_WEIGHT, MAX_PATTERNS_WEIGHT, above};

/// Largest compiled regular expression, in bytes: none within the limit of weight comes near it.
const MAX_REGEX_BYTES: usize = 4 * 1024 * 1024;

/// Most memory that matching with one may take for states that it has seen, in bytes.
const MAX_STATES_BYTES: usize = 256 * 1024;

/// Most regular expressions that are kept compiled.
const MAX_PATTERNS: usize = 64;

/// A class of the characters of the world, such as `\w` or `\p{L}`: it has hundreds of ranges.
const CLASS: usize = 100;

/// A class that has some ranges, such as `\d`, `.` or `[^a]`.
const SMALL_CLASS: usize = 10;

/// What the smallest of them costs.
const PATTERN: usize = 10;

/// A regular expression that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// It is none.
    #[error("the regular expression cannot be used: {0}")]
    Wrong(String),
    /// It weighs more than may be.
    #[error("the regular expression is too large: {0}")]
    TooLarge(String),
    /// The document's weigh more than may be.
    #[error("the regular expressions of this document are too large together: {0}")]
    TooMuch(String),
}

/// Regular expressions, each compiled once.
#[derive(Debug)]
pub struct Patterns {
    ignore_case: bool,
    known: HashMap<String, Regex>,
}

impl Patterns {
    /// None yet; whether capital and small letters are the same to all of them.
    #[must_use]
    pub fn new(ignore_case: bool) -> Self {
        Self { ignore_case, known: HashMap::new() }
    }

    /// The compiled pattern.
    ///
    /// # Errors
    /// When it is not a regular expression, or too large.
    pub fn find(&mut self, pattern: &str) -> Result<&Regex, InvalidPattern> {
        if !self.known.contains_key(pattern) {
            weight(pattern)?;
            let compiled = compiled(pattern, self.ignore_case)?;
            if self.known.len() >= MAX_PATTERNS {
                self.known.clear();
            }
            self.known.insert(pattern.to_owned(), compiled);
        }
        self.known.get(pattern).ok_or_else(|| InvalidPattern::Wrong(pattern.to_owned()))
    }
}

/// Checks the patterns of one document. One that it has met before costs nothing.
#[derive(Debug, Default)]
pub struct PatternChecker {
    known: HashSet<String>,
    weight: usize,
    /// Whether there was too much: that is said once, and nothing is compiled any more.
    full: bool,
}

impl PatternChecker {
    /// Whether the pattern can be used.
    ///
    /// # Errors
    /// When it is not a regular expression, or too large; or when the document's patterns become too large together
    /// with it, once.
    pub fn check(&mut self, pattern: &str) -> Result<(), InvalidPattern> {
        if self.full || self.known.contains(pattern) {
            return Ok(());
        }
        self.weight += weight(pattern)?;
        if self.weight > MAX_PATTERNS_WEIGHT {
            self.full = true;
            let above = above(self.weight, "units of weight", MAX_PATTERNS_WEIGHT, "MAX_PATTERNS_WEIGHT");
            return Err(InvalidPattern::TooMuch(above));
        }
        self.known.insert(pattern.to_owned());
        compiled(pattern, false).map(drop)
    }

    /// How many it has compiled.
    #[cfg(test)]
    pub(super) fn compiled(&self) -> usize {
        self.known.len()
    }
}

fn compiled(pattern: &str, ignore_case: bool) -> Result<Regex, InvalidPattern> {
    RegexBuilder::new(pattern)
        .case_insensitive(ignore_case)
        .size_limit(MAX_REGEX_BYTES)
        .dfa_size_limit(MAX_STATES_BYTES)
        .build()
        .map_err(|error| InvalidPattern::Wrong(error.to_string()))
}

/// About what it takes to compile a pattern: a character is 1, a class such as `\w` is 100, and what is repeated `{n}`
/// counts as often. Any pattern in which case may not matter (`(?i)`) has classes of twice that.
///
/// # Errors
/// When it is not a regular expression, or weighs too much.
pub(super) fn weight(pattern: &str) -> Result<usize, InvalidPattern> {
    let too_large = |weight| {
        let above = above(weight, "units of weight", MAX_PATTERN_WEIGHT, "MAX_PATTERN_WEIGHT");
        InvalidPattern::TooLarge(above)
    };
    // It weighs no less than its characters, and is not read for that.
    let characters = pattern.chars().take(MAX_PATTERN_WEIGHT + 1).count();
    if characters > MAX_PATTERN_WEIGHT {
        return Err(too_large(pattern.chars().count()));
    }
    let read = Parser::new().parse(pattern).map_err(|error| InvalidPattern::Wrong(error.to_string()))?;
    let class = if pattern.contains("(?") { 2 * CLASS } else { CLASS };
    let weight = PATTERN.saturating_add(characters).saturating_add(Scale { class }.of(&read));
    if weight > MAX_PATTERN_WEIGHT { Err(too_large(weight)) } else { Ok(weight) }
}

/// Weighs parts of a pattern. How deep they are in each other, the parser bounds.
struct Scale {
    class: usize,
}

impl Scale {
    fn of(&self, part: &Ast) -> usize {
        match part {
            Ast::Empty(_) | Ast::Flags(_) | Ast::Assertion(_) => 0,
            Ast::Literal(_) => 1,
            Ast::Dot(_) => SMALL_CLASS,
            Ast::ClassUnicode(_) => self.class,
            Ast::ClassPerl(class) => self.perl(&class.kind),
            Ast::ClassBracketed(class) => {
                self.set(&class.kind).saturating_add(if class.negated { SMALL_CLASS } else { 1 })
            }
            Ast::Repetition(repetition) => {
                let times = match &repetition.op.kind {
                    RepetitionKind::ZeroOrOne | RepetitionKind::ZeroOrMore | RepetitionKind::OneOrMore => 1,
                    RepetitionKind::Range(
                        RepetitionRange::Exactly(times)
                        | RepetitionRange::AtLeast(times)
                        | RepetitionRange::Bounded(_, times),
                    ) => usize::try_from(*times).unwrap_or(usize::MAX).max(1),
                };
                // What is repeated without a letter in it takes a place each time all the same.
                self.of(&repetition.ast).max(1).saturating_mul(times)
            }
            Ast::Group(group) => self.of(&group.ast).saturating_add(1),
            Ast::Alternation(list) => self.all(&list.asts),
            Ast::Concat(list) => self.all(&list.asts),
        }
    }

    fn all(&self, parts: &[Ast]) -> usize {
        parts.iter().fold(0, |sum, part| sum.saturating_add(self.of(part)))
    }

    const fn perl(&self, kind: &ClassPerlKind) -> usize {
        match kind {
            ClassPerlKind::Word => self.class,
            ClassPerlKind::Digit | ClassPerlKind::Space => 2 * SMALL_CLASS,
        }
    }

    fn set(&self, set: &ClassSet) -> usize {
        match set {
            ClassSet::Item(item) => self.item(item),
            // Each side is a class of its own.
            ClassSet::BinaryOp(op) => {
                self.set(&op.lhs).saturating_add(self.set(&op.rhs)).saturating_add(self.class)
            }
        }
    }

    fn item(&self, item: &ClassSetItem) -> usize {
        match item {
            ClassSetItem::Empty(_) => 0,
            ClassSetItem::Literal(_) => 1,
            // A range that may hold letters of many scripts.
            ClassSetItem::Range(range) if u32::from(range.end.c) - u32::from(range.start.c) > 1_000 => {
                self.class
            }
            ClassSetItem::Range(_) => 2,
            ClassSetItem::Ascii(_) => 4,
            ClassSetItem::Unicode(_) => self.class,
            ClassSetItem::Perl(class) => self.perl(&class.kind),
            ClassSetItem::Bracketed(class) => {
                self.set(&class.kind).saturating_add(if class.negated { SMALL_CLASS } else { 1 })
            }
            ClassSetItem::Union(union) => {
                union.items.iter().fold(0, |sum, item| sum.saturating_add(self.item(item)))
            }
        }
    }
}
