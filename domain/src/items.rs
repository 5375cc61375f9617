//! Items: the data that flows between nodes.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use crate::{
    json_text::JsonText,
    lineage::Lineage,
    measure,
    run::{NodeError, RunResponse},
};

/// One item: a JSON object.
pub type Item = serde_json::Map<String, Value>;

/// A list of items, shared: an output may feed many nodes, events and rows.
pub type Items = Arc<Vec<Item>>;

/// The name of an output port. A kind may let the author choose it, so it is not known to the compiler.
pub type Port = Arc<str>;

/// A node's items by output port. A port that was not taken is missing or empty.
pub type Ports = BTreeMap<Port, Items>;

/// What a step gave: its items, and beside them where each came from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Output {
    /// The items.
    pub ports: Ports,
    /// Where they came from.
    pub lineage: Lineage,
    /// What JavaScript wrote to its console meanwhile, line by line.
    pub console: Vec<String>,
    /// What the run answers, of a step that says so.
    pub response: Option<Arc<RunResponse>>,
}

/// An output whose items came from those at the same places of the only input.
impl From<Ports> for Output {
    fn from(ports: Ports) -> Self {
        Self { ports, ..Self::default() }
    }
}

/// The field of an item that stands for a file: `{"$file": {…}}`. Only the file store makes such fields; nodes pass
/// them on.
pub const FILE: &str = "$file";

/// The output port of most kinds, and the default of an edge's `sourceHandle`.
pub const MAIN: &str = "main";

/// The port of items that failed, under `on_error: error_port`; also the field in which such an item tells why.
pub const ERROR: &str = "error";

/// A run's input as items: an object is one item, a list of objects is one item each; no input
/// (`null`) is one empty item, so that a workflow without input runs.
///
/// # Errors
/// When the input is neither, or an item is nested too deeply; the text says what it was.
pub fn input_items(input: &Value) -> Result<Vec<Item>, String> {
    match input {
        Value::Null => Ok(vec![Item::new()]),
        Value::Object(item) => Ok(vec![shallow(item).map_err(|error| format!("input: {error}"))?]),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(i, value)| match value {
                Value::Object(item) => shallow(item).map_err(|error| format!("input[{i}]: {error}")),
                other => Err(format!("input[{i}] is {}, not an object", name_of(other))),
            })
            .collect(),
        other => Err(format!("input is {}, not an object or a list of objects", name_of(other))),
    }
}

/// The input of a run that an event brings.
///
/// # Errors
/// When it is nested too deeply: our functions refuse such an input, who else writes to a topic may not.
pub fn read_input(text: &JsonText) -> Result<Value, String> {
    let input = text.read().map_err(|error| error.to_string())?;
    measure::input_bytes(&input).map_err(|error| error.to_string())?;
    Ok(input)
}

fn shallow(item: &Item) -> Result<Item, measure::TooDeep> {
    measure::item_bytes(item).map(|_| item.clone())
}

/// Whether a value holds the reserved field [`FILE`] anywhere. Data from outside must not: it would stand for a file
/// that nobody has stored.
#[must_use]
pub fn holds_file(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, inner)| key == FILE || holds_file(inner)),
        Value::Array(list) => list.iter().any(holds_file),
        _ => false,
    }
}

/// What a failed item carries in its field [`ERROR`].
#[must_use]
pub fn error_field(error: &NodeError) -> Value {
    let mut field = json!({ "code": error.code, "message": error.message });
    if let Some(details) = &error.details {
        field["details"] = details.clone();
    }
    field
}

/// The JSON type of a value in words, for messages.
#[must_use]
pub fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_DEPTH;

    fn text(json: &str) -> JsonText {
        JsonText::parse(json.to_owned()).unwrap()
    }

    #[test]
    fn halves_of_surrogate_pairs_cost_no_input() {
        assert_eq!(read_input(&text(r#"{"a":"\ud83d"}"#)), Ok(json!({"a": "\u{fffd}"})));
    }

    #[test]
    fn an_input_that_is_nested_too_deeply_is_refused_with_the_limit() {
        let deep = |levels: usize| text(&format!("[{}1{}]", r#"{"a":"#.repeat(levels), "}".repeat(levels)));
        assert!(read_input(&deep(MAX_DEPTH)).is_ok());
        let error = read_input(&deep(MAX_DEPTH + 1)).unwrap_err();
        assert!(error.contains("MAX_DEPTH"), "{error}");
    }
}
