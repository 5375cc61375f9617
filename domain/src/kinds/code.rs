//! `code`: runs a program of the author's over the items.

use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    params::{choice, params, program::Program},
};

params! {
    /// Its parameters.
    pub struct Params {
        /// How often the program runs: `all` once, for all items together; `each` once for each item.
        mode: Mode = Mode::All, [fixed];
        /// The program, in JavaScript. What it returns is the output: a list of objects, one object, or `null` for no
        /// items. A program without `return` gives the value of its last statement.
        source: Program, [fixed];
    }
}

choice! {
    /// How often the program runs.
    pub enum Mode {
        /// Once, for all items together.
        All = "all",
        /// Once for each item.
        Each = "each",
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "code",
    title: "Code",
    group: Group::Data,
    summary: "Runs a JavaScript program over the items.",
    docs: "The program sees what expressions see: `$input.all()`, `$json`, `$('node')`, `$run`, `$workflow`, `$now`, \
           `$env`, with all that docs/expressions.md tells of them. In mode `all` it runs once, `$json` and `.item` are \
           those of the first item, and the items of `$input` are its own to change. In mode `each` it runs once for each \
           item, which is `$json`; one that fails leaves by the port `error` if the node has it, and the others go on.\n\n\
           An item is a plain object, in what the program reads and in what it returns. What it gives must be JSON: dates \
           become texts, and what is not JSON is left out as by `JSON.stringify`. `null` gives no item; `undefined`, as \
           from a forgotten `return`, is an error. `await` needs a `return`.\n\n\
           Items know where they came from: in mode `each` from their item; in mode `all` an item of `$input` that the \
           program gives back from itself, else, if there are as many as came in, from the one in the same place, and all \
           from the only one that came in. Of others it is not known, and `$('node').item` behind them is an error.\n\n\
           `console.log()` is kept with the step, up to 16 KiB. The program has no network, no files and no timers. A run \
           of it may compute for 10 s and use 64 MiB of memory; above that the step fails and is not tried again, whatever \
           its `retry` says. Errors name the line.\n\n\
           Different from n8n: there is no `json` around an item: an object with a field `json` is an item with that field. \
           The program is JavaScript only; without `return` it gives the value of its last statement. There is no \
           `require`, no network, no static data and no timer. An item that the program gives back keeps where it came from \
           without `pairedItem`.",
    icon: "code",
    params: Params::TABLE,
    check: Params::check,
    example: Example {
        params: r#"{"source": "const items = $input.all();\nconst total = items.reduce((sum, item) => sum + item.price, 0);\nreturn items.map(item => ({ ...item, share: item.price / total }));"}"#,
        input: r#"[{"price": 1}, {"price": 3}]"#,
        output: r#"{"main": [{"price": 1, "share": 0.25}, {"price": 3, "share": 0.75}]}"#,
    },
    ..COMPUTES
};
