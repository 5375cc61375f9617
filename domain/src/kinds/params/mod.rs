//! Parameters of kinds: one table, from which everything that must agree about them comes.
//!
//! `params!` declares a table: name, type, default, whether it is required, whether it may be an expression, its
//! doc. From it come the struct of the evaluated parameters, the validation of saved documents (with every mistake
//! and its path), the JSON Schema and the page of docs.
//!
//! The same reading serves twice: when a document is saved, what holds an expression is not known yet and only its
//! form is checked; when the worker has evaluated the expressions, nothing is unknown any more.

pub mod condition;
pub(crate) mod count;
pub mod fields;
mod id;
pub mod lists;
pub mod path;
mod pattern;
pub mod port;
pub mod program;
mod reader;
mod schema;
mod signal_name;
mod table;
pub(crate) mod text;
mod time;
pub mod time_zone;
mod types;
pub mod whitespace;

pub use count::Count;
pub(crate) use id::{hyphenated_id, hyphenated_schema, read_hyphenated};
pub use pattern::Pattern;
pub use reader::{At, Checker, Reader};
pub(crate) use schema::given;
pub use schema::{any_case, asks_condition, nullable, object_schema, open, root};
pub(crate) use table::params;
pub use table::{OnlyWith, Param, Table};
pub use text::Text;
pub use time_zone::TimeZone;
pub(crate) use types::choice;
pub use types::whole;

use crate::violation::ViolationCode as Code;
use serde_json::Value;

/// A type that a parameter may have.
pub trait Parameter: Sized {
    /// Its name for people: `text`, `duration`, `list of fields`.
    const NAME: &'static str;

    /// Whether the parameter must be there.
    const REQUIRED: bool = true;

    /// The parameters inside it, when it is an object with a table of its own.
    const FIELDS: Option<&'static Table> = None;

    /// Whether `{{` in it is its own business: it is no template.
    const VERBATIM: bool = false;

    /// The words that it may be, when it is a word.
    const WORDS: &'static [&'static str] = &[];

    /// Its JSON Schema (2020-12) where no expression may stand in its place; one may stand inside it.
    fn schema() -> Value;

    /// As [`Self::schema`], where an expression may stand in its place.
    fn open_schema() -> Value {
        open(Self::schema())
    }

    /// Reads a value without open expressions at its top. `None` when it is wrong, which the reader notes, or when
    /// a part of it is not known yet.
    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self>;

    /// As [`Self::read`], for a value that may be an expression as a whole: then it is not known yet.
    fn read_open(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        if !Self::VERBATIM && reader.is_open(value) {
            reader.check_templates(value, at);
            return None;
        }
        Self::read(value, at, reader)
    }

    /// What stands for a parameter that is not there.
    fn missing(at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.violation(at, Code::Required, format!("`{}` is required", at.name()));
        None
    }
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "the macros declare public types")]
mod tests;
