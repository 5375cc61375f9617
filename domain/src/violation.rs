//! What is wrong with a document: all of it at once, each with its path.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::limits::{MAX_MESSAGE_BYTES, MAX_VIOLATIONS};

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Violation {
    /// Where, as a path into the document: `nodes[1].data.params.url`.
    pub path: String,
    /// What kind of mistake, for programs: `unknown_kind`, `cycle`, `required`, …
    #[schema(value_type = String)]
    pub code: ViolationCode,
    /// What is wrong and what to do, for people.
    pub message: String,
}

/// What kind of mistake. The names are a contract with clients: they stay, and new ones may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ViolationCode {
    /// It must be there.
    Required,
    /// It is of another JSON type.
    InvalidType,
    /// It is of the right type, and not one of the values that are allowed.
    InvalidValue,
    /// There is no such field, and unknown ones are not kept here.
    UnknownField,
    /// A field of that name has a meaning of its own.
    ReservedField,
    /// It is more or larger than a published limit, which the message names.
    Limit,
    /// A parameter of the request, or a header, that cannot be read.
    InvalidParameter,
    /// There is no such node kind.
    UnknownKind,
    /// An earlier node has the id.
    DuplicateId,
    /// A workflow has no more than one such trigger.
    DuplicateTrigger,
    /// Nothing would ever start the workflow.
    NoTrigger,
    /// An edge that begins or ends at a node that is not there.
    DanglingEdge,
    /// An earlier edge has the same ends.
    DuplicateEdge,
    /// An edge that leads to a trigger.
    TriggerHasInput,
    /// The edge's source has no such output.
    UnknownPort,
    /// The edge's target has no such input.
    UnknownInput,
    /// Nodes that lead back to themselves.
    Cycle,
    /// The node's kind has no such parameter.
    UnknownParameter,
    /// An expression that cannot be read.
    InvalidExpression,
    /// A path into items that cannot be read.
    InvalidPath,
    /// A condition that is none.
    InvalidCondition,
    /// An address that cannot be called.
    InvalidUrl,
    /// A header that cannot be sent.
    InvalidHeader,
    /// A request body that is none, or several.
    InvalidBody,
    /// The workflow has no such node.
    UnknownNode,
    /// The node is in a loop, where what is asked for has no meaning.
    InLoop,
}

impl ViolationCode {
    /// The code as clients get it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::InvalidType => "invalid_type",
            Self::InvalidValue => "invalid_value",
            Self::UnknownField => "unknown_field",
            Self::ReservedField => "reserved_field",
            Self::Limit => "limit",
            Self::InvalidParameter => "invalid_parameter",
            Self::UnknownKind => "unknown_kind",
            Self::DuplicateId => "duplicate_id",
            Self::DuplicateTrigger => "duplicate_trigger",
            Self::NoTrigger => "no_trigger",
            Self::DanglingEdge => "dangling_edge",
            Self::DuplicateEdge => "duplicate_edge",
            Self::TriggerHasInput => "trigger_has_input",
            Self::UnknownPort => "unknown_port",
            Self::UnknownInput => "unknown_input",
            Self::Cycle => "cycle",
            Self::UnknownParameter => "unknown_parameter",
            Self::InvalidExpression => "invalid_expression",
            Self::InvalidPath => "invalid_path",
            Self::InvalidCondition => "invalid_condition",
            Self::InvalidUrl => "invalid_url",
            Self::InvalidHeader => "invalid_header",
            Self::InvalidBody => "invalid_body",
            Self::UnknownNode => "unknown_node",
            Self::InLoop => "in_loop",
        }
    }
}

impl fmt::Display for ViolationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ViolationCode {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

/// Longest path that is told, in bytes: names of fields may be as long as the document.
const MAX_PATH_BYTES: usize = 1024;

/// Collects violations while a document is read: the first [`MAX_VIOLATIONS`] of them, with their texts cut to what
/// people read.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Nothing wrong so far.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn add(&mut self, path: impl Into<String>, code: ViolationCode, message: impl Into<String>) {
        if self.0.len() < MAX_VIOLATIONS {
            let path = cut(path.into(), MAX_PATH_BYTES);
            self.0.push(Violation { path, code, message: cut(message.into(), MAX_MESSAGE_BYTES) });
        }
    }

    /// Adds one at a place that is only written when it is told.
    pub fn add_at(&mut self, at: &impl fmt::Display, code: ViolationCode, message: impl Into<String>) {
        if self.0.len() < MAX_VIOLATIONS {
            self.add(at.to_string(), code, message);
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
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

fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}
