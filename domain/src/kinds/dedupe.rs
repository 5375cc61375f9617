//! `dedupe`: drops items that are the same as others.

use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    params::{choice, fields::Which, params, path::FieldPath},
};

params! {
    /// Its parameters.
    pub struct Params {
        /// What has to be equal: `all` of an item, or a list of fields.
        fields: Which = Which::All;
        /// Fields that do not count.
        except: Vec<FieldPath> = Vec::new();
        /// Which of several equal items stays.
        keep: Stays = Stays::First;
    }
}

choice! {
    /// Which of several equal items stays.
    pub enum Stays {
        /// The first.
        First = "first",
        /// The last.
        Last = "last",
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "dedupe",
    title: "Remove duplicates",
    group: Group::Data,
    summary: "Drops items that are the same as another one, as a whole or in some fields.",
    docs: "Values are compared by type and value, at every depth: `1` is `1.0` and not `\"1\"`, and the order of an \
           object's fields does not matter. An item that has none of the chosen fields, or only `null` in them, is nobody's \
           duplicate. A field that no item has is an error here. It compares the items of one step. Parameters are \
           evaluated once, with the first item.\n\n\
           Different from n8n: there a field that an item lacks is an error, as are values of different types. The last of \
           equal items may stay (`keep`). Items of earlier runs are not remembered (“items processed in previous \
           executions”), and other fields stay: a `set` behind it removes them.",
    icon: "copy-minus",
    params: Params::TABLE,
    check: Params::check,
    example: Example {
        params: r#"{"fields": ["email"], "keep": "last"}"#,
        input: r#"[{"email": "ada@example.com", "n": 1}, {"email": "bob@example.com", "n": 2}, {"email": "ada@example.com", "n": 3}]"#,
        output: r#"{"main": [{"email": "bob@example.com", "n": 2}, {"email": "ada@example.com", "n": 3}]}"#,
    },
    ..COMPUTES
};
