//! Reads parameters and collects every mistake with its path.

use std::fmt;

use crate::violation::ViolationCode as Code;
use serde_json::Value;

use crate::{
    items::name_of,
    template::{self, has_expression},
    violation::Violations,
};

use super::condition::{InvalidPattern, PatternChecker};

/// What is checked of the texts of one document that is saved.
#[derive(Debug, Default)]
pub struct Checker {
    expressions: template::Checker,
    patterns: PatternChecker,
}

/// Where a value stands. It becomes text only when something is wrong there.
#[derive(Debug, Clone, Copy)]
pub struct At<'p> {
    parent: Option<&'p At<'p>>,
    segment: Segment<'p>,
}

#[derive(Debug, Clone, Copy)]
enum Segment<'p> {
    Name(&'p str),
    Index(usize),
}

impl<'p> At<'p> {
    /// The place of the parameters themselves.
    #[must_use]
    pub const fn root(path: &'p str) -> Self {
        Self { parent: None, segment: Segment::Name(path) }
    }

    /// The field of that name in the object here.
    #[must_use]
    pub const fn field(&'p self, name: &'p str) -> Self {
        Self { parent: Some(self), segment: Segment::Name(name) }
    }

    /// The element at that place of the list here.
    #[must_use]
    pub const fn index(&'p self, index: usize) -> Self {
        Self { parent: Some(self), segment: Segment::Index(index) }
    }

    /// The last part of the path, for messages.
    #[must_use]
    pub fn name(&self) -> String {
        match self.segment {
            Segment::Name(name) => name.to_owned(),
            Segment::Index(index) => format!("[{index}]"),
        }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.segment {
            Segment::Name(name) if self.parent.is_none() => f.write_str(name),
            Segment::Name(name) => write!(f, ".{name}"),
            Segment::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// Reads parameters: those of a saved document, or evaluated ones.
#[derive(Debug)]
pub struct Reader<'v> {
    violations: &'v mut Violations,
    expressions: Expressions<'v>,
}

/// What texts with `{{` are to a reader.
#[derive(Debug)]
enum Expressions<'v> {
    /// Not evaluated yet, and to be checked.
    Unchecked(&'v mut Checker),
    /// Not evaluated yet, and known to be right.
    Checked,
    /// Evaluated: they are data.
    Evaluated,
}

impl<'v> Reader<'v> {
    /// A reader of a document that is saved, expressions and all.
    pub const fn saved(violations: &'v mut Violations, checker: &'v mut Checker) -> Self {
        Self { violations, expressions: Expressions::Unchecked(checker) }
    }

    /// A reader of a document that was found valid before: its expressions and patterns are not checked again.
    pub const fn proven(violations: &'v mut Violations) -> Self {
        Self { violations, expressions: Expressions::Checked }
    }

    /// A reader of parameters whose expressions have been evaluated.
    pub const fn evaluated(violations: &'v mut Violations) -> Self {
        Self { violations, expressions: Expressions::Evaluated }
    }

    /// Whether the values are those of a saved document, whose expressions are not evaluated yet.
    #[must_use]
    pub const fn is_saved(&self) -> bool {
        !matches!(self.expressions, Expressions::Evaluated)
    }

    /// Whether a value is an expression, or a text with some, that is not evaluated yet.
    #[must_use]
    pub fn is_open(&self, value: &Value) -> bool {
        matches!(value, Value::String(text) if self.is_open_text(text))
    }

    /// As [`Self::is_open`], for a text.
    pub(super) fn is_open_text(&self, text: &str) -> bool {
        self.is_saved() && template::is_open(text)
    }

    /// Whether a value holds, anywhere, expressions that are not evaluated yet.
    #[must_use]
    pub fn holds_open(&self, value: &Value) -> bool {
        self.is_saved() && has_expression(value)
    }

    /// Whether a name that the author chose holds expressions, whose form is checked: then it is not known yet.
    pub fn is_open_name(&mut self, name: &str, at: &At<'_>) -> bool {
        let open = self.is_open_text(name);
        if open {
            self.check_template(name, at);
        }
        open
    }

    /// Notes a mistake.
    pub fn violation(&mut self, at: &At<'_>, code: Code, message: impl Into<String>) {
        self.violations.add_at(at, code, message);
    }

    /// Notes that a value is of another type than it must be: `a text`, `an object`.
    pub fn wrong_type(&mut self, at: &At<'_>, expected: &str, value: &Value) {
        let message = format!("`{}` must be {expected}, not {}", at.name(), name_of(value));
        self.violation(at, Code::InvalidValue, message);
    }

    /// Checks the form of every expression in a value of a saved document.
    pub fn check_templates(&mut self, value: &Value, at: &At<'_>) {
        if !matches!(self.expressions, Expressions::Unchecked(_)) {
            return;
        }
        match value {
            Value::String(text) => self.check_template(text, at),
            Value::Array(list) => {
                list.iter().enumerate().for_each(|(i, inner)| self.check_templates(inner, &at.index(i)));
            }
            Value::Object(map) => {
                for (name, inner) in map {
                    self.check_template(name, &at.field(name));
                    self.check_templates(inner, &at.field(name));
                }
            }
            _ => {}
        }
    }

    fn check_template(&mut self, text: &str, at: &At<'_>) {
        if let Expressions::Unchecked(checker) = &mut self.expressions
            && let Err(error) = checker.expressions.check(text)
        {
            self.violation(at, error.code(), error.to_string());
        }
    }

    /// Checks a program of a saved document.
    pub(super) fn check_program(&mut self, program: &str, at: &At<'_>) {
        if let Expressions::Unchecked(checker) = &mut self.expressions
            && let Err(error) = checker.expressions.check_program(program)
        {
            self.violation(at, error.code(), error.to_string());
        }
    }

    /// Whether it has to be checked what a constant means: of a document that is saved. What only a run knows is checked
    /// where it is used.
    #[must_use]
    pub const fn is_unchecked(&self) -> bool {
        matches!(self.expressions, Expressions::Unchecked(_))
    }

    /// Checks what a constant of a saved document means.
    pub fn check<E: fmt::Display>(&mut self, at: &At<'_>, code: Code, check: impl FnOnce() -> Result<(), E>) {
        if self.is_unchecked()
            && let Err(error) = check()
        {
            self.violation(at, code, error.to_string());
        }
    }

    /// Checks a regular expression of a saved document.
    pub(super) fn check_pattern(&mut self, pattern: &str, at: &At<'_>) {
        if let Expressions::Unchecked(checker) = &mut self.expressions
            && let Err(error) = checker.patterns.check(pattern)
        {
            let code = match &error {
                InvalidPattern::Wrong(_) => Code::InvalidValue,
                InvalidPattern::TooLarge(_) | InvalidPattern::TooMuch(_) => Code::Limit,
            };
            self.violation(at, code, error.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_as_a_path() {
        let root = At::root("nodes[1].data.params");
        let (body, list) = (root.field("body"), root.field("list"));
        assert_eq!(body.field("json").to_string(), "nodes[1].data.params.body.json");
        assert_eq!(list.index(2).field("a b").to_string(), "nodes[1].data.params.list[2].a b");
        assert_eq!(list.index(2).name(), "[2]");
    }
}
