//! `limit`: lets some items through, from the front or from the end.

use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    params::{Count, choice, params},
};

params! {
    /// Its parameters.
    pub struct Params {
        /// How many items go on, at most.
        count: Count = Count(1);
        /// Whether they are the first or the last ones.
        from: End = End::First;
    }
}

choice! {
    /// Which items go on.
    pub enum End {
        /// The first ones.
        First = "first",
        /// The last ones.
        Last = "last",
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "limit",
    title: "Limit",
    group: Group::Data,
    summary: "Lets the first or the last items through, and drops the others.",
    docs: "They keep their order. Parameters are evaluated once, with the first item.\n\n\
           Different from n8n: `count: 0` lets nothing through, where at least one has to be given there. Else nothing: \
           “max items” is `count`, “keep” is `from`.",
    icon: "list-end",
    params: Params::TABLE,
    check: Params::check,
    example: Example {
        params: r#"{"count": 2, "from": "last"}"#,
        input: r#"[{"n": 1}, {"n": 2}, {"n": 3}]"#,
        output: r#"{"main": [{"n": 2}, {"n": 3}]}"#,
    },
    ..COMPUTES
};
