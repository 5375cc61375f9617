//! All items as one HTML table.

use std::{borrow::Cow, ops::Range};

use domain::{
    definition::{Definition, Node},
    items::{Item, MAIN, Port},
    kinds::{html::Params, params::path::FieldPath},
    limits::MAX_STEP_OUTPUT_BYTES,
    number,
    run::NodeError,
    template::InvalidTemplate,
};
use serde_json::Value;

use super::super::{
    Pure, PureStep, compile_params, misfit,
    output::{CameFrom, OutputBuilder, within},
    read_evaluated,
    transform::TimeLeft,
};
use crate::{
    engine::Outcome,
    expr::Param,
    step::{StepTask, failed_for_good},
};

#[derive(Debug)]
pub(super) struct Table {
    params: Param,
    main: Port,
}

impl Table {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, InvalidTemplate> {
        Ok(Self { params: compile_params(node, definition)?, main: MAIN.into() })
    }

    fn item<'v>(&'v self, step: &mut PureStep<'v>) -> Result<Item, Box<NodeError>> {
        let value = self.params.evaluate(&mut step.evaluator, 0)?;
        let params = read_evaluated(&value, Params::read_object)?;
        let time = TimeLeft { deadline: step.deadline, limit: step.node.timeout };
        let mut made = Item::new();
        let table = table(&step.scope.input, &params, time)?;
        params.into.set(&mut made, table.into()).map_err(|error| misfit(&error))?;
        Ok(made)
    }
}

impl Pure for Table {
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        visit(&self.params);
    }

    /// Once, for the first item.
    fn evaluates(&self, task: &StepTask) -> Range<usize> {
        0..task.inputs.len().min(1)
    }

    fn takes_long(&self) -> bool {
        true
    }

    fn run<'v>(&'v self, mut step: PureStep<'v>) -> Outcome {
        let item = match self.item(&mut step) {
            Ok(item) => item,
            Err(error) => return failed_for_good(step.scope.without_env(error)),
        };
        let inputs = &step.task.inputs;
        let all = (0..inputs.len()).flat_map(|index| inputs.origins(index)).collect();
        let mut output = OutputBuilder::of(step.node, inputs);
        match output.push(&self.main, item, CameFrom::Origins(all)) {
            Ok(()) => Outcome::Succeeded(output.finish()),
            Err(above) => failed_for_good(above),
        }
    }
}

/// A column: its head, and where its values stand.
struct Column<'c> {
    head: Cow<'c, str>,
    path: FieldPath,
}

fn table(items: &[Item], params: &Params, time: TimeLeft) -> Result<String, Box<NodeError>> {
    let columns = columns(items, params);
    let mut html = "<table>\n".to_owned();
    if let Some(caption) = &params.caption {
        html += &format!("<caption>{}</caption>\n", escaped(caption));
    }
    html += "<thead>\n<tr>";
    for Column { head, .. } in &columns {
        html += &format!("<th>{}</th>", escaped(head));
    }
    html += "</tr>\n</thead>\n<tbody>\n";
    for item in items {
        time.check()?;
        html += "<tr>";
        for Column { path, .. } in &columns {
            html += "<td>";
            html += &escaped(&cell(path.get(item)));
            html += "</td>";
            // Many items with fields of their own each make a table of many empty cells.
            within("MAX_STEP_OUTPUT_BYTES", "bytes", html.len(), MAX_STEP_OUTPUT_BYTES)?;
        }
        html += "</tr>\n";
    }
    html += "</tbody>\n</table>";
    Ok(html)
}

fn columns<'c>(items: &'c [Item], params: &'c Params) -> Vec<Column<'c>> {
    let mut columns: Vec<Column<'c>> = match &params.columns {
        Some(paths) => {
            paths.iter().map(|path| Column { head: path.to_string().into(), path: path.clone() }).collect()
        }
        None => {
            let mut known = std::collections::HashSet::new();
            let names = items.iter().flat_map(Item::keys).filter(|name| known.insert(name.as_str()));
            names.map(|name| Column { head: name.into(), path: FieldPath::name(name) }).collect()
        }
    };
    if params.capitalize {
        for column in &mut columns {
            let mut letters = column.head.chars();
            if let Some(first) = letters.next() {
                column.head = first.to_uppercase().chain(letters).collect::<String>().into();
            }
        }
    }
    columns
}

fn cell(value: Option<&Value>) -> Cow<'_, str> {
    match value {
        None | Some(Value::Null) => "".into(),
        Some(Value::String(text)) => text.into(),
        Some(Value::Number(number)) => number::text(number),
        Some(other) => other.to_string().into(),
    }
}

/// Text that stands for itself in HTML, also in an attribute.
fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\'' => safe += "&#39;",
            other => safe.push(other),
        }
    }
    safe.into()
}
