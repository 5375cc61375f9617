//! The kinds for those who are not Rust: `kinds.json` for editors, and a page of docs each.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{
    Declaration, Effect, Kind, OutputPorts,
    params::{self, Table, condition},
};
use crate::{duration::HumanDuration, items::ERROR};

/// The form of `kinds.json`; a change that its readers notice is a new number.
const VERSION: u32 = 1;

/// All kinds, as `public/kinds.json` has them: `{version, kinds: [{name, title, …, params: <JSON Schema>}]}`.
#[must_use]
pub fn kinds_json() -> Value {
    let kinds: Vec<_> = Kind::ALL.iter().map(|kind| kind_json(kind.declaration())).collect();
    json!({ "version": VERSION, "kinds": kinds })
}

/// The JSON Schema (2020-12) of a kind's parameters in a saved document.
#[must_use]
pub fn params_schema(kind: Kind) -> Value {
    params::root(params::object_schema(&kind.declaration().params))
}

fn kind_json(kind: &Declaration) -> Value {
    json!({
        "name": kind.name,
        "title": kind.title,
        "group": kind.group,
        "summary": kind.summary,
        "docs": kind.docs,
        "icon": kind.icon,
        "trigger": kind.trigger,
        "single": kind.single,
        "effect": kind.effect,
        "inputs": kind.inputs,
        "ports": match kind.ports {
            OutputPorts::Fixed(ports) => json!({ "fixed": ports }),
            OutputPorts::Each { list, name, also } => {
                let also: Vec<_> = also.iter().map(|param| format!("/{param}")).collect();
                json!({ "each": format!("/{list}"), "name": format!("/{name}"), "also": also })
            }
        },
        "error_port": kind.error_port,
        "timeout": HumanDuration(kind.timeout),
        "retry": {
            "max_attempts": kind.retry.max_attempts(),
            "base": HumanDuration(kind.retry.base()),
            "max_delay": HumanDuration(kind.retry.max_delay()),
        },
        "params": params::root(params::object_schema(&kind.params)),
        "example": {
            "params": parsed(kind.example.params),
            "input": parsed(kind.example.input),
            "output": parsed(kind.example.output),
        },
    })
}

/// An example's text as JSON; tests hold that it is.
fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// A kind's page, Markdown.
#[must_use]
pub fn page(kind: Kind) -> String {
    let kind = kind.declaration();
    let mut page = String::new();
    // Writing into a text cannot fail.
    let _ = write_page(&mut page, kind);
    page
}

fn write_page(page: &mut String, kind: &Declaration) -> std::fmt::Result {
    writeln!(page, "# {} (`{}`)\n\n{}\n\n{}\n", kind.title, kind.name, kind.summary, kind.docs)?;
    writeln!(page, "## Parameters\n")?;
    if kind.params.params.is_empty() {
        writeln!(page, "None.\n")?;
    } else {
        writeln!(page, "| name | type | default | expressions | meaning |\n|---|---|---|---|---|")?;
        write_rows(page, "", &kind.params)?;
        writeln!(page)?;
        if !kind.params.one_of.is_empty() {
            writeln!(page, "Exactly one of {} must be there.\n", quoted(kind.params.one_of, ", "))?;
        }
    }
    if params::asks_condition(&kind.params) {
        writeln!(page, "{}", condition::document::section())?;
    }
    writeln!(page, "## Ports and errors\n")?;
    match kind.ports {
        OutputPorts::Fixed([]) => writeln!(page, "- Output: none; the run ends here.")?,
        OutputPorts::Fixed(ports) => writeln!(page, "- Output: {}.", quoted(ports, ", "))?,
        OutputPorts::Each { list, name, also } => {
            write!(page, "- Output: one port for each element of `{list}`, named by its `{name}`")?;
            let also = also.iter().map(|param| format!(", and the one that `{param}` names"));
            writeln!(page, "{}.", also.collect::<String>())?;
        }
    }
    if !kind.inputs.is_empty() {
        writeln!(page, "- Inputs (`targetHandle`): {}.", quoted(kind.inputs, ", "))?;
    }
    if kind.error_port {
        writeln!(
            page,
            "- With `on_error: error_port` failed items leave by `{ERROR}`, with an `error` field; with `continue` \
             among the others."
        )?;
    }
    let effect = match kind.effect {
        Effect::Pure => "It only computes.",
        Effect::Calls => {
            "It calls others: a step is made at least once, and says by a key when it is made again."
        }
    };
    let (timeout, attempts) = (HumanDuration(kind.timeout), kind.retry.max_attempts());
    writeln!(page, "- {effect} Time limit of an attempt: {timeout}; attempts: {attempts}.\n")?;
    writeln!(page, "## Example\n")?;
    for (what, text) in [
        ("Parameters", kind.example.params),
        ("What comes in", kind.example.input),
        ("What goes out", kind.example.output),
    ] {
        writeln!(page, "{what}:\n```json\n{text}\n```")?;
    }
    Ok(())
}

fn write_rows(page: &mut String, above: &str, table: &Table) -> std::fmt::Result {
    for param in table.params {
        let default = match (param.default)() {
            Some(value) => format!("`{value}`"),
            None if param.required => "required".to_owned(),
            None => "–".to_owned(),
        };
        let only = param.only_with.as_ref().map_or_else(String::new, |only| {
            format!(" Only with `{}` {}.", only.param, quoted(only.words, " or "))
        });
        let (name, kind) = (format!("{above}{}", param.name), param.type_name);
        let expression = if param.expression { "yes" } else { "no" };
        writeln!(
            page,
            "| `{name}` | {kind} | {default} | {expression} | {}{only} |",
            cell(&param.description())
        )?;
        if let Some(inner) = param.fields {
            write_rows(page, &format!("{name}."), inner)?;
        }
    }
    Ok(())
}

fn quoted(words: &[&str], between: &str) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(between)
}

/// A `|` would end a cell of the table.
fn cell(text: &str) -> String {
    text.replace('|', r"\|")
}
