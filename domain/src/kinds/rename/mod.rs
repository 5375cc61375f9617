//! `rename`: gives fields other names.

mod name;

pub use name::{NameTooLong, replaced};

use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    params::{
        Count, Pattern,
        lists::{ByPath, List},
        params,
        path::FieldPath,
    },
};

params! {
    /// Its parameters.
    pub struct Params {
        /// The new name of each field: `{"old": "new"}`. Both may be paths.
        fields: ByPath<FieldPath> = ByPath(Vec::new());
        /// Changes of all names that a regular expression matches; after `fields`, one after the other.
        patterns: List<Change> = List(Vec::new());
    }
}

params! {
    /// A change of names.
    pub struct Change {
        /// What is replaced in a name, wherever it matches. `(?i)` in front lets capital and small letters be the same.
        pattern: Pattern;
        /// What stands there instead. `$1` or `$<name>` is what a group matched, `$&` all that matched, `$$` a `$`.
        replace: String;
        /// How far down names are changed: 0 is the item's own fields, 1 also those of objects in them, 2 also those of
        /// objects in lists in them, …; everywhere when missing.
        depth: Option<Count>;
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "rename",
    title: "Rename fields",
    group: Group::Data,
    summary: "Gives fields other names, one by one or by regular expressions.",
    docs: "All of `fields` are taken out first and put back after that, so names may be exchanged; they come last in their \
           object. What had the new name before is replaced. A field that is missing is left alone. Of names that \
           `patterns` make equal, the last one's value stays. The expressions are Rust's: without look-around and \
           back-references.\n\n\
           Different from n8n: a regular expression replaces all that it matches in a name, there the first match. “Max \
           depth” is `depth`, which counts lists too; “case insensitive” is `(?i)` in front.",
    icon: "text-cursor-input",
    params: Params::TABLE,
    check: Params::check,
    example: Example {
        params: r#"{"fields": {"mail": "contact.email"}, "patterns": [{"pattern": "[ -]+", "replace": "_"}]}"#,
        input: r#"[{"mail": "ada@example.com", "First name": "Ada", "more": {"zip-code": "00100"}}]"#,
        output: r#"{"main": [{"First_name": "Ada", "more": {"zip_code": "00100"}, "contact": {"email": "ada@example.com"}}]}"#,
    },
    ..COMPUTES
};
