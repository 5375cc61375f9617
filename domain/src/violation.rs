//! What is wrong with a document: all of it at once, each with its path.

use serde::{Deserialize, Serialize};

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Violation {
    /// Where, as a path into the document: `nodes[1].data.params.url`.
    pub path: String,
    /// What kind of mistake, for programs: `unknown_kind`, `cycle`, `required`, …
    pub code: String,
    /// What is wrong and what to do, for people.
    pub message: String,
}

/// Collects violations while a document is read.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Nothing wrong so far.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn add(&mut self, path: impl Into<String>, code: &str, message: impl Into<String>) {
        self.0.push(Violation { path: path.into(), code: code.to_owned(), message: message.into() });
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All that is wrong.
    #[must_use]
    pub fn into_vec(self) -> Vec<Violation> {
        self.0
    }

    /// `value` when nothing is wrong, else all violations.
    ///
    /// # Errors
    /// The violations, when there are any.
    pub fn or<T>(self, value: T) -> Result<T, Vec<Violation>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}
