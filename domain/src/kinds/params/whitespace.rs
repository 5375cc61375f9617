//! White space of texts that come from markup, as a parameter.

use std::borrow::Cow;

use super::choice;

choice! {
    /// What becomes of white space.
    pub enum Whitespace {
        /// It stays.
        Keep = "keep",
        /// It goes at both ends.
        Trim = "trim",
        /// It goes at both ends, and elsewhere as much as there is becomes one space.
        Collapse = "collapse",
    }
}

impl Whitespace {
    /// The text with its white space so.
    #[must_use]
    pub fn of(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Keep => text.into(),
            Self::Trim => text.trim().into(),
            Self::Collapse => text.split_whitespace().collect::<Vec<_>>().join(" ").into(),
        }
    }
}
