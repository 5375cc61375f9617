//! `filter`: lets through the items for which a condition holds.

use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    params::condition::Params,
};

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "filter",
    title: "Filter",
    group: Group::Data,
    summary: "Lets the items through for which a condition holds, and drops the others.",
    docs: "When no item is left, the nodes behind it are skipped.\n\n\
           Different from n8n: a condition may also be one JavaScript expression, and `all` and `any` may be nested. \
           `types: \"loose\"` is “convert types where required”, `ignore_case` “ignore case”. Regular expressions are \
           Rust's, without look-around and back-references; flags stand in front (`(?i)`), not around as in `/a/i`.",
    icon: "funnel",
    params: Params::TABLE,
    check: Params::check,
    example: Example {
        params: r#"{"where": {"all": [{"left": "{{ $json.email }}", "op": "not_empty"}, "{{ $json.age >= 18 }}"]}}"#,
        input: r#"[{"email": "ada@example.com", "age": 36}, {"email": "", "age": 40}, {"email": "x@example.com", "age": 9}]"#,
        output: r#"{"main": [{"email": "ada@example.com", "age": 36}]}"#,
    },
    ..COMPUTES
};
