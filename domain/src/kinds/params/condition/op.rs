//! The operators of a comparison.

/// How `left` and `right` are compared. Types are never converted: `"5"` is not `5`.
///
/// `null` and a missing field are the same. For every operator but `eq`, `ne`, `in` and the tests for presence a
/// `null` on the left does not hold (`not_contains` does), and other types than the named ones are an error, so that
/// a comparison that can never hold is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// The same value; numbers by value (`1` is `1.0`), lists and objects by content.
    Eq,
    /// Not `eq`.
    Ne,
    /// Greater: two numbers, two texts (two RFC 3339 times as moments, else by code points).
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// A text holds a text, a list an element (`eq`), an object a field of that name.
    Contains,
    /// Not `contains`.
    NotContains,
    /// A text starts with a text.
    StartsWith,
    /// A text ends with a text.
    EndsWith,
    /// A text matches a regular expression (the syntax of the crate `regex`) anywhere.
    Matches,
    /// Not `null`, not missing.
    Exists,
    /// `null` or missing.
    NotExists,
    /// `null`, `""`, `[]` or `{}`.
    Empty,
    /// Not `empty`.
    NotEmpty,
    /// One of the elements of the list on the right (`eq`).
    In,
}

const ALL: [(Op, &str); 16] = [
    (Op::Eq, "eq"),
    (Op::Ne, "ne"),
    (Op::Gt, "gt"),
    (Op::Gte, "gte"),
    (Op::Lt, "lt"),
    (Op::Lte, "lte"),
    (Op::Contains, "contains"),
    (Op::NotContains, "not_contains"),
    (Op::StartsWith, "starts_with"),
    (Op::EndsWith, "ends_with"),
    (Op::Matches, "matches"),
    (Op::Exists, "exists"),
    (Op::NotExists, "not_exists"),
    (Op::Empty, "empty"),
    (Op::NotEmpty, "not_empty"),
    (Op::In, "in"),
];

impl Op {
    /// The operator of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        ALL.iter().find(|(_, known)| *known == name).map(|(op, _)| *op)
    }

    /// Its name in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        ALL.iter().find(|(op, _)| *op == self).map_or("", |(_, name)| name)
    }

    /// All of them.
    #[must_use]
    pub fn all() -> [Self; 16] {
        ALL.map(|(op, _)| op)
    }

    /// Whether it compares with something.
    #[must_use]
    pub const fn takes_right(self) -> bool {
        !matches!(self, Self::Exists | Self::NotExists | Self::Empty | Self::NotEmpty)
    }
}
