//! Conditions for those who are not Rust.

use super::Op;
use crate::limits::{MAX_CONDITION_DEPTH, MAX_PATTERN_WEIGHT, MAX_PATTERNS_WEIGHT};

/// What an operator takes, and when it holds, on one line.
#[must_use]
pub fn meaning(op: Op) -> String {
    let left = op.left().name();
    let takes = op.right().map_or_else(|| left.to_owned(), |right| format!("{left} · {}", right.name()));
    format!("({takes}) {}", op.doc())
}

/// The section on conditions of a kind's page, Markdown.
#[must_use]
pub fn section() -> String {
    let rows: String = Op::ALL
        .iter()
        .map(|op| {
            let right = op.right().map_or("–", |right| right.name());
            format!("| `{}` | {} | {right} | {} |\n", op.as_str(), op.left().name(), op.doc())
        })
        .collect();
    format!(
        "## Conditions\n\n\
         A condition is one of\n\
         - an expression that stands alone, `\"{{{{ $json.paid }}}}\"`: it holds when JavaScript takes its value for true;\n\
         - a comparison, `{{\"left\": …, \"op\": …, \"right\": …}}`; `right` is left out where the table has none;\n\
         - `{{\"all\": […]}}` or `{{\"any\": […]}}` of conditions, at most {MAX_CONDITION_DEPTH} deep (`MAX_CONDITION_DEPTH`). \
         An empty `all` holds, an empty `any` does not.\n\n\
         They are asked from left to right and no further than needed; what is not reached cannot fail.\n\n\
         | operator | left | right | holds when |\n|---|---|---|---|\n{rows}\n\
         - A field that is missing is `null`. Where the table names a type, a comparison with `null` does not hold; an \
         operator that is `not …` another (`is_false` is not `is_true`) holds exactly when the other does not.\n\
         - With `types: \"strict\"` another type than the table names is an error, and values of different types are \
         never `eq`: `\"5\"` is not `5`. With `\"loose\"` an operand is converted: a text such as `\" 12.5\"` to a number \
         (`true` is 1), whatever is asked for as a text to the text that it is in JSON, `\"True\"`, `\"1\"` and `1` to \
         `true`, `\"[1]\"` to a list; `eq` reads a text as a number or a boolean when it is compared with one. What \
         cannot be converted is an error all the same.\n\
         - A time is `2026-01-31T10:00:00+01:00` (RFC 3339), or `2026-01-31` for its midnight in UTC. Loose are also a \
         time without a zone, which is UTC's, and a number: milliseconds from 1970, as in JavaScript.\n\
         - Numbers are compared by value, whole ones exactly however long they are, others as doubles.\n\
         - `ignore_case` compares texts as if all their letters were capitals; names of fields stay as they are.\n\
         - Regular expressions are those of the Rust crate `regex` (https://docs.rs/regex/latest/regex/#syntax): about \
         Perl's, with Unicode, without look-around and backreferences, and in time that is linear in the text. Flags \
         stand in front: `(?i)` ignores case, `(?s)` lets `.` match the end of a line, `(?m)` makes `^` and `$` those of \
         lines. One weighs at most {MAX_PATTERN_WEIGHT} (`MAX_PATTERN_WEIGHT`): a character counts 1, a class such as \
         `\\w` 100, what is repeated `{{n}}` as often; all of a workflow together {MAX_PATTERNS_WEIGHT} \
         (`MAX_PATTERNS_WEIGHT`).\n"
    )
}
